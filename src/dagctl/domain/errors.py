"""Every refusal that dagctl raises, as one tree.

::

    DagctlError                     (also a RuntimeError: existing configs catch that)
    ├── NotSignedIn                 no tokens here
    │   └── SessionEnded            the issuer no longer takes the refresh token
    ├── SignInFailed                a sign-in that was begun and did not succeed
    │   ├── SignInTimedOut
    │   ├── DeviceGrantRefused      the issuer has no device flow for this client
    │   ├── TokenRejected           an ID token that fails OpenID Connect Core 3.1.3.7
    │   │   └── TokenOutOfTime      by this machine's clock, at least
    │   └── OrganizationRefused     signed in, but not as a member of the organization asked for
    ├── ProtectionRefused           a guarded environment stays out of reach
    │   ├── EnvironmentProtected    the platform said no
    │   └── ProtectionUnknown       the platform could not be asked, or its answer means nothing
    ├── PlatformError               the API, the issuer or the proxy
    │   ├── Unreachable             no connection, no answer in time
    │   │   └── CertificateRefused  TLS could not be verified
    │   ├── Refused                 an answer that says no
    │   │   ├── TokenNotAccepted    to this token
    │   │   ├── NotFound            because there is no such thing there
    │   │   └── TryLater            for now
    │   ├── Malformed               an answer that is not what the protocol promises
    │   └── ClockSkewed             this machine's clock and the API's are minutes apart
    ├── ProjectError
    │   ├── NoProject               none chosen
    │   ├── ProjectNotFound
    │   └── ProjectConflict         what is pinned and what is set contradict each other
    ├── SettingUnusable             an option, a variable or a recorded setting that cannot be worked with
    ├── AccountNotFound             nobody is signed in under that name
    ├── FileProblem                 names the file
    │   ├── FileCorrupt
    │   ├── FileUnusable            cannot be read or written
    │   ├── FileExists
    │   └── FileBusy                another process holds its lock
    ├── ConfigProblem               a SQLMesh configuration that cannot be converted
    ├── SandboxProblem              the sandbox runs already, or does not run
    ├── PortTaken                   a loopback port to listen on
    ├── NeedsTerminal               a question with nobody to ask
    └── MissingExtra                a feature whose packages are not installed

A message is one sentence for people that says what is the case. What it speaks of stands in the error's fields, so
that whoever shows it can say what to do about it in the terms of their own program. Neither ever holds a token.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta


class DagctlError(RuntimeError):
    """The root of the tree.

    Attributes:
        hint: what to do about it. Set where an error leaves dagctl, by the command line or by the functions that
            SQLMesh configurations call, each in its own terms; None everywhere else.

    Args:
        message: one sentence that names the file, option or host.
        facts: the fields that the class declares; those that are not given keep their defaults.
    """

    hint: str | None = None

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        for name, value in facts.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            setattr(self, name, value)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Callable[..., DagctlError], tuple[object, ...]]:
        """Cross a process boundary whole: the inherited way forgets the fields."""
        facts = {name: value for name, value in vars(self).items() if name != "message"}
        return _remade, (type(self), self.message, facts)


def _remade(kind: type[DagctlError], message: str, facts: dict[str, object]) -> DagctlError:
    return kind(message, **facts)


class NotSignedIn(DagctlError):
    """There are no tokens to work with.

    Attributes:
        organization: the one to sign in to, as far as it is known.
        api_url: the API of the platform to sign in at; None for the hosted one.
        given_by: what gives the tokens, where they come from outside and can be replaced only there.
        onboarded: False for an account that belongs to no organization yet.
    """

    organization: str | None = None
    api_url: str | None = None
    given_by: str | None = None
    onboarded: bool = True


class SessionEnded(NotSignedIn):
    """The issuer answered `invalid_grant` (RFC 6749 section 5.2): sign in again."""


class SignInFailed(DagctlError):
    """A sign-in was begun and did not succeed; nothing was saved.

    Attributes:
        issuer_host: who was asked.
        code: the error code of RFC 6749 sections 4.1.2.1 and 5.2 or OpenID Connect Core 1.0 section 3.1.2.6.
    """

    issuer_host: str | None = None
    code: str | None = None


class SignInTimedOut(SignInFailed):
    """Nobody finished the sign-in in time.

    Attributes:
        timeout: seconds that were waited; None where the issuer's own limit was reached first.
    """

    timeout: float | None = None


class DeviceGrantRefused(SignInFailed):
    """The issuer does not let this client sign in with a device code (RFC 8628)."""


class TokenRejected(SignInFailed):
    """An ID token fails a check of OpenID Connect Core 1.0 section 3.1.3.7."""


class TokenOutOfTime(TokenRejected):
    """By this machine's clock, an ID token has expired already, or comes from the future."""


class OrganizationRefused(SignInFailed):
    """The account is not a member of the organization that was asked for, or of none yet.

    Attributes:
        organization: the one that the account belongs to; None for none.
        wanted: the one that was asked for.
        api_url: the platform's API; None for the hosted one.
    """

    organization: str | None = None
    wanted: str | None = None
    api_url: str | None = None


class ProtectionRefused(DagctlError):
    """A guarded environment stays out of reach.

    Attributes:
        environment: its sanitised name.
        project: the name of its project, or its ID where no name is known.
        organization: whose project it is.
    """

    environment: str = ""
    project: str | None = None
    organization: str | None = None


class EnvironmentProtected(ProtectionRefused):
    """The platform answered that this environment is protected from this person."""


class ProtectionUnknown(ProtectionRefused):
    """It could not be established that the environment is allowed, so it is not.

    Attributes:
        cause: what kept the platform from answering, where that is known.
        outdated: SQLMesh does something to environments that this version of dagctl does not know.
    """

    cause: DagctlError | None = None
    outdated: bool = False


class PlatformError(DagctlError):
    """Something on the far side of the wire.

    Attributes:
        host: the host that was talked to, with its port where that is not the scheme's own.
        database: the state database that was asked for, where the host is its proxy; "" where none was named yet.
    """

    host: str | None = None
    database: str | None = None


class Unreachable(PlatformError):
    """No connection, or no answer in time.

    Attributes:
        proxied: a proxy on the way is to blame.
        lost: there was a connection, and it broke in the middle of a transaction.
    """

    proxied: bool = False
    lost: bool = False


class CertificateRefused(Unreachable):
    """The server's TLS certificate could not be verified.

    Attributes:
        why: OpenSSL's words; "" where the server has no certificate to show, because it offers no TLS.
        sslmode: the mode that asked for it, where libpq did.
        ca_file: the file of CA certificates that cannot be used, where that is all that is wrong.
    """

    why: str = ""
    sslmode: str | None = None
    ca_file: str | None = None


class Refused(PlatformError):
    """An answer that says no.

    Attributes:
        code: the OAuth 2.0 `error` code (RFC 6749 section 5.2), where the answer had one.
    """

    code: str | None = None


class TokenNotAccepted(Refused):
    """The host does not take this token (RFC 6750 section 3.1).

    Attributes:
        organization: name or ID of the one that it was sent for, as far as it is known.
        api_url: the platform's API; None for the hosted one.
    """

    organization: str | None = None
    api_url: str | None = None


class NotFound(Refused):
    """There is no such thing at that address."""


class TryLater(Refused):
    """The host is overloaded or out of order for now.

    Attributes:
        retry_after: seconds to wait (`Retry-After`, RFC 9110 section 10.2.3); None where it does not say.
    """

    retry_after: float | None = None


class Malformed(PlatformError):
    """An answer that is not what the protocol promises."""


class ClockSkewed(PlatformError):
    """This machine's clock and the API's are minutes apart, so that nothing about expiry can be relied on.

    Attributes:
        ahead: by how much this machine's is ahead.
    """

    ahead: timedelta = timedelta()


class ProjectError(DagctlError):
    """The project to work on.

    Attributes:
        project: its name or ID, as it was given.
        organization: whose it should be.
    """

    project: str | None = None
    organization: str | None = None


class NoProject(ProjectError):
    """No project has been chosen."""


class ProjectNotFound(ProjectError):
    """The organization has no such project.

    Attributes:
        near: names that look like it.
        ids: the IDs of the projects that share the name, where there are several.
    """

    near: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


class ProjectConflict(ProjectError):
    """Two places name different projects, and one of them must not be overridden.

    Attributes:
        source: the variable, file or call that contradicts the pin; None where the session does.
        meanwhile: it did not when this process began.
        folders: the folders of the SQLMesh projects that were given together, where those do.
    """

    source: str | None = None
    meanwhile: bool = False
    folders: tuple[str, ...] = ()


class SettingUnusable(DagctlError):
    """An option, a variable or a recorded setting that cannot be worked with.

    Attributes:
        source: where it is set.
        organization: the organization that it asks for, where that is what is wrong.
        api_url: the API to sign in at, where that or the organization is what is wrong.
        issuer_host: the issuer that this API names, where nobody vouches for it.
    """

    source: str | None = None
    organization: str | None = None
    api_url: str | None = None
    issuer_host: str | None = None


class AccountNotFound(DagctlError):
    """Nobody is signed in under that name here, or there are several of it.

    Attributes:
        account: what was asked for.
        known: the accounts that it could be.
    """

    account: str | None = None
    known: tuple[str, ...] = ()


class FileProblem(DagctlError):
    """A file of the user's, or the keyring.

    Attributes:
        path: where it is.
        role: what dagctl keeps there: "tokens", "keyring" (tokens too), "home" for anything else in the dagctl home,
            "sandbox" or "postgres" for the sandbox's data and programs outside of it; "" where it is not dagctl's.
    """

    path: str = ""
    role: str = ""


class FileCorrupt(FileProblem):
    """The file's content is not what it should be. It is left as it is."""


class FileUnusable(FileProblem):
    """The file cannot be read, or cannot be written.

    Attributes:
        given_by: what gives the session, where nothing is kept in files because of that.
        link: it is a symbolic link, and is not followed.
        foreign: another user has put it there, and it is not followed.
    """

    given_by: str | None = None
    link: bool = False
    foreign: bool = False


class FileExists(FileProblem):
    """The file is there already and was not to be replaced."""


class FileBusy(FileProblem):
    """Another process has held the file's lock for too long.

    Attributes:
        waited: for how many seconds.
    """

    waited: float = 0.0


class ConfigProblem(DagctlError):
    """A SQLMesh configuration that cannot be converted.

    Attributes:
        path: the file, or the folder.
        case: "absent" or "several", where there is not exactly one to convert; "below", where it is further up;
            "python" or "dbt", where it needs no conversion; "output", where the new file's name is a YAML
            configuration's; "refused", where SQLMesh does not take it; "shadowed", where the result would not be
            found; "differs", where the conversion is wrong.
    """

    path: str = ""
    case: str = ""


class SandboxProblem(DagctlError):
    """There is a sandbox where there must not be one, or none where there must.

    Attributes:
        runs: whether there is one.
    """

    runs: bool = False


class PortTaken(DagctlError):
    """A port to listen on is in use: the one where the sign-in's answer would arrive, or one of the sandbox's.

    Attributes:
        port: the TCP port.
        service: which of the sandbox's services would listen there: "api", "issuer", "proxy".
    """

    port: int = 0
    service: str | None = None


class NeedsTerminal(DagctlError):
    """There is a question to ask and no terminal to ask it on.

    Attributes:
        in_ci: nobody will ever answer: this is a CI job.
    """

    in_ci: bool = False


class MissingExtra(DagctlError):
    """The packages of an optional feature are not installed.

    Attributes:
        extra: which of `dagctl[…]` brings them.
    """

    extra: str = ""
