"""Every refusal that dagctl raises, as one tree.

::

    DagctlError                     (also a RuntimeError: existing configs catch that)
    ├── NotSignedIn                 no tokens here
    │   └── SessionEnded            the issuer no longer takes the refresh token
    ├── SignInFailed                a sign-in that did not succeed
    │   ├── SignInTimedOut
    │   ├── SignInCancelled         by the program that started it
    │   ├── DeviceGrantRefused      the issuer has no device flow for this client
    │   ├── TokenRejected           an ID token that fails OpenID Connect Core 3.1.3.7
    │   │   └── TokenOutOfTime      by this machine's clock, it has expired or comes from the future
    │   └── OrganizationRefused     signed in, but not as a member of the requested organization
    ├── ProtectionRefused           a guarded environment stays out of reach
    │   ├── EnvironmentProtected    the platform said no
    │   └── ProtectionUnknown       the platform gave no usable answer
    ├── PlatformError               the API, the issuer or the proxy
    │   ├── Unreachable             no connection, no answer in time
    │   │   └── CertificateRefused  TLS could not be verified
    │   ├── Refused                 the host refuses the request
    │   │   ├── TokenNotAccepted    it does not accept this token
    │   │   ├── NotFound            it has no such thing
    │   │   └── TryLater            it is overloaded or out of order for now
    │   ├── Malformed               the answer breaks the protocol
    │   └── ClockSkewed             this machine's clock and the API's are minutes apart
    ├── ProjectError
    │   ├── NoProject               none chosen
    │   ├── ProjectNotFound
    │   └── ProjectConflict         the pin contradicts a setting or the session
    ├── SettingUnusable             an option, variable or recorded setting has a value that does not work
    ├── AccountNotFound             no account here has that name
    ├── FileProblem                 names the file
    │   ├── FileCorrupt
    │   ├── FileUnusable            cannot be read or written
    │   ├── FileExists
    │   └── FileBusy                another process holds its lock
    ├── ConfigProblem               a SQLMesh configuration that cannot be converted
    ├── SandboxProblem              the sandbox is already running, or is not running
    ├── PortTaken                   another program uses a port that dagctl needs
    ├── NeedsTerminal               dagctl has a question and no terminal to ask it on
    └── MissingExtra                a feature whose packages are not installed

A message is one sentence that states the facts. The error's fields hold the same facts as values, so each program can
suggest a cure in its own terms. Neither ever holds a token.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

__all__ = [
    "AccountNotFound",
    "CertificateRefused",
    "ClockSkewed",
    "ConfigProblem",
    "DagctlError",
    "DeviceGrantRefused",
    "EnvironmentProtected",
    "FileBusy",
    "FileCorrupt",
    "FileExists",
    "FileProblem",
    "FileUnusable",
    "Malformed",
    "MissingExtra",
    "NeedsTerminal",
    "NoProject",
    "NotFound",
    "NotSignedIn",
    "OrganizationRefused",
    "PlatformError",
    "PortTaken",
    "ProjectConflict",
    "ProjectError",
    "ProjectNotFound",
    "ProtectionRefused",
    "ProtectionUnknown",
    "Refused",
    "SandboxProblem",
    "SessionEnded",
    "SettingUnusable",
    "SignInCancelled",
    "SignInFailed",
    "SignInTimedOut",
    "TokenNotAccepted",
    "TokenOutOfTime",
    "TokenRejected",
    "TryLater",
    "Unreachable",
]


class DagctlError(RuntimeError):
    """The root of the tree.

    Attributes:
        hint: what to do about it. The command line and the functions that SQLMesh configurations call set it, each in
            its own terms, as the error leaves dagctl; None until then.

    Args:
        message: one sentence that names the file, option or host.
        facts: values for the fields that the class declares; the rest keep their defaults.
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
        """Pickle the fields too; the inherited method drops them."""
        facts = {name: value for name, value in vars(self).items() if name != "message"}
        return partial(type(self), **facts), (self.message,)


class NotSignedIn(DagctlError):
    """No tokens are available.

    Attributes:
        organization: the one to sign in to, if known.
        api_url: the API of the platform to sign in at; None for the hosted one.
        given_by: where the tokens come from, if dagctl does not keep them itself and cannot replace them.
        onboarded: False for an account that belongs to no organization yet.
    """

    organization: str | None = None
    api_url: str | None = None
    given_by: str | None = None
    onboarded: bool = True


class SessionEnded(NotSignedIn):
    """The issuer answered `invalid_grant` (RFC 6749 section 5.2): sign in again."""


class SignInFailed(DagctlError):
    """A sign-in did not succeed; nothing was saved.

    Attributes:
        issuer_host: the issuer's host.
        code: the error code of RFC 6749 sections 4.1.2.1 and 5.2 or OpenID Connect Core 1.0 section 3.1.2.6.
    """

    issuer_host: str | None = None
    code: str | None = None


class SignInTimedOut(SignInFailed):
    """Nobody finished the sign-in in time.

    Attributes:
        timeout: how long dagctl waited, in seconds; None if the issuer's own limit came first.
    """

    timeout: float | None = None


class SignInCancelled(SignInFailed):
    """The program that started the sign-in cancelled it."""


class DeviceGrantRefused(SignInFailed):
    """The issuer does not let this client sign in with a device code (RFC 8628)."""


class TokenRejected(SignInFailed):
    """An ID token fails a check of OpenID Connect Core 1.0 section 3.1.3.7."""


class TokenOutOfTime(TokenRejected):
    """By this machine's clock, an ID token has already expired, or was issued in the future."""


class OrganizationRefused(SignInFailed):
    """The account is not a member of the requested organization, or of any yet.

    Attributes:
        organization: the account's organization; None if it has none.
        wanted: the requested organization.
        api_url: the platform's API; None for the hosted one.
    """

    organization: str | None = None
    wanted: str | None = None
    api_url: str | None = None


class ProtectionRefused(DagctlError):
    """A guarded environment stays out of reach.

    Attributes:
        environment: its sanitised name.
        project: its project's name, or the project's ID if the name is unknown.
        organization: the project's owner.
    """

    environment: str = ""
    project: str | None = None
    organization: str | None = None


class EnvironmentProtected(ProtectionRefused):
    """The platform says that this environment is protected from this person."""


class ProtectionUnknown(ProtectionRefused):
    """dagctl could not establish that the environment is allowed, so it refuses.

    Attributes:
        cause: the error that kept the platform from answering, if there was one.
        outdated: SQLMesh does something to environments that this version of dagctl does not know.
    """

    cause: DagctlError | None = None
    outdated: bool = False


class PlatformError(DagctlError):
    """The API, the issuer or the state database's proxy failed, or refused.

    Attributes:
        host: the host, with its port unless that is the scheme's default.
        database: the requested state database, if the host is a PG proxy; "" if the request had named none yet.
    """

    host: str | None = None
    database: str | None = None


class Unreachable(PlatformError):
    """No connection, or no answer in time.

    Attributes:
        proxied: a proxy on the way is to blame.
        lost: the connection broke in the middle of a transaction.
    """

    proxied: bool = False
    lost: bool = False


class CertificateRefused(Unreachable):
    """The server's TLS certificate could not be verified.

    Attributes:
        why: OpenSSL's reason; "" if the server offers no TLS, and so has no certificate to show.
        sslmode: libpq's mode, if the server is a PG proxy.
        ca_file: the file of CA certificates that could not be loaded, if that is the problem.
    """

    why: str = ""
    sslmode: str | None = None
    ca_file: str | None = None


class Refused(PlatformError):
    """The host refuses the request.

    Attributes:
        code: the OAuth 2.0 `error` code (RFC 6749 section 5.2), if the answer had one.
    """

    code: str | None = None


class TokenNotAccepted(Refused):
    """The host does not accept this token (RFC 6750 section 3.1).

    Attributes:
        organization: name or ID of the organization that the request was for, if known.
        api_url: the platform's API; None for the hosted one.
    """

    organization: str | None = None
    api_url: str | None = None


class NotFound(Refused):
    """The host has no such resource, or no such database."""


class TryLater(Refused):
    """The host is overloaded or out of order for now.

    Attributes:
        retry_after: seconds to wait (`Retry-After`, RFC 9110 section 10.2.3); None if the host does not say.
    """

    retry_after: float | None = None


class Malformed(PlatformError):
    """The answer breaks the protocol."""


class ClockSkewed(PlatformError):
    """This machine's clock and the API's are minutes apart, so expiry times mean nothing.

    Attributes:
        ahead: how far this machine's clock is ahead; negative if it is behind.
    """

    ahead: timedelta = timedelta()


class ProjectError(DagctlError):
    """Something is wrong with the project to work on.

    Attributes:
        project: its name or ID, as given.
        organization: the expected owner.
    """

    project: str | None = None
    organization: str | None = None


class NoProject(ProjectError):
    """No project has been chosen."""


class ProjectNotFound(ProjectError):
    """The organization has no such project.

    Attributes:
        near: similar names.
        ids: the IDs of the projects that share the name, if there are several.
    """

    near: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


class ProjectConflict(ProjectError):
    """Two places name different projects, and one of them must not be overridden.

    Attributes:
        source: the variable, file or call that contradicts the pin; None if the session does.
        meanwhile: the conflict arose after this process began.
        folders: the folders of the SQLMesh projects that were loaded together, if their pins conflict.
    """

    source: str | None = None
    meanwhile: bool = False
    folders: tuple[str, ...] = ()


class SettingUnusable(DagctlError):
    """An option, variable or recorded setting has a value that does not work.

    Attributes:
        source: where it is set.
        organization: the organization that the setting names, if that is the problem.
        api_url: the API to sign in at, if that or the organization is the problem.
        issuer_host: the issuer that this API names, if nothing vouches for it.
    """

    source: str | None = None
    organization: str | None = None
    api_url: str | None = None
    issuer_host: str | None = None


class AccountNotFound(DagctlError):
    """No account here has that name, or several do.

    Attributes:
        account: the name that the caller asked for.
        known: the accounts that it could be.
    """

    account: str | None = None
    known: tuple[str, ...] = ()


class FileProblem(DagctlError):
    """Something is wrong with one of the user's files, or with the keyring.

    Attributes:
        path: where it is.
        role: what dagctl keeps there: "tokens", "keyring" or "token_store" (tokens too), "home" for anything else in
            the dagctl home, "sandbox" or "postgres" for the sandbox's data and programs elsewhere; "" if the file is
            not dagctl's.
    """

    path: str = ""
    role: str = ""


class FileCorrupt(FileProblem):
    """The file's content is invalid. dagctl leaves it as it is."""


class FileUnusable(FileProblem):
    """dagctl cannot read or write the file.

    Attributes:
        given_by: where the session comes from, if dagctl keeps nothing in files because of that.
        link: the path is a symbolic link, and dagctl does not follow it.
        foreign: another user owns the file, so dagctl does not use it.
    """

    given_by: str | None = None
    link: bool = False
    foreign: bool = False


class FileExists(FileProblem):
    """The file already exists, and the caller did not ask to replace it."""


class FileBusy(FileProblem):
    """Another process has held the file's lock for too long.

    Attributes:
        waited: how long dagctl waited, in seconds.
    """

    waited: float = 0.0


class ConfigProblem(DagctlError):
    """A SQLMesh configuration cannot be converted.

    Attributes:
        path: the file, or the folder.
        case: "absent" or "several" if there is not exactly one to convert; "below" if it is in a folder above; "python"
            or "dbt" if it needs no conversion; "output" if the new file would have the name of a YAML configuration;
            "refused" if SQLMesh does not load it; "shadowed" if SQLMesh would not find the result; "differs" if the
            result would not mean the same.
    """

    path: str = ""
    case: str = ""


class SandboxProblem(DagctlError):
    """A sandbox is running and must not be, or is not running and must be.

    Attributes:
        runs: whether it is running.
    """

    runs: bool = False


class PortTaken(DagctlError):
    """Another program uses the sign-in's callback port, or one of the sandbox's.

    Attributes:
        port: the TCP port.
        service: the sandbox's service that needs it: "api", "issuer", "proxy"; None for a sign-in.
    """

    port: int = 0
    service: str | None = None


class NeedsTerminal(DagctlError):
    """dagctl has a question and no terminal to ask it on.

    Attributes:
        in_ci: this is a CI job, so nobody will ever answer.
    """

    in_ci: bool = False


class MissingExtra(DagctlError):
    """The packages of an optional feature are not installed.

    Attributes:
        extra: the extra that installs them, as in `dagctl[extra]`.
    """

    extra: str = ""
