"""Every refusal that dagctl raises, as one tree.

::

    DagctlError                     (also a RuntimeError: existing configs catch that)
    ├── NotSignedIn                 no tokens here
    │   └── SessionEnded            the issuer no longer takes the refresh token
    ├── SignInFailed                a sign-in that was begun and did not succeed
    │   ├── SignInTimedOut
    │   ├── TokenRejected           an ID token that fails OpenID Connect Core 3.1.3.7
    │   │   └── TokenOutOfTime      by this machine's clock, at least
    │   └── OrganizationRefused     signed in, but not as a member of the organization asked for
    ├── ProtectionRefused           a guarded environment stays out of reach
    │   ├── EnvironmentProtected    the platform said no
    │   └── ProtectionUnknown       the platform could not be asked, or its answer means nothing
    ├── PlatformError               the API, the issuer or the proxy
    │   ├── Unreachable             no connection, no answer in time
    │   │   └── CertificateRefused  TLS could not be verified
    │   ├── Refused                 an HTTP status that says no
    │   ├── Malformed               an answer that is not what the protocol promises
    │   └── ClockSkewed             this machine's clock and the API's are minutes apart
    ├── ProjectError
    │   ├── NoProject               none chosen
    │   ├── ProjectNotFound
    │   └── ProjectConflict         what is pinned and what is set contradict each other
    ├── ContextNotFound             no context of that name is kept here
    ├── FileProblem                 names the file
    │   ├── FileCorrupt
    │   ├── FileUnusable            cannot be read or written
    │   ├── FileExists
    │   └── FileBusy                another process holds its lock
    ├── ConfigProblem               a SQLMesh configuration that cannot be converted
    ├── PortTaken                   the loopback port of the sign-in
    ├── NeedsTerminal               a question with nobody to ask
    └── MissingExtra                a feature whose packages are not installed

A message is one sentence for people. `hint`, where there is one, is the cure, ready to be shown below it.
Neither ever holds a token.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial


class DagctlError(RuntimeError):
    """The root of the tree.

    Args:
        message: one sentence that names the file, option or host.
        hint: what to do about it, or None.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class NotSignedIn(DagctlError):
    """There are no tokens to work with."""


class SessionEnded(NotSignedIn):
    """The issuer answered `invalid_grant` (RFC 6749 section 5.2): sign in again."""


class SignInFailed(DagctlError):
    """A sign-in was begun and did not succeed; nothing was saved."""


class SignInTimedOut(SignInFailed):
    """Nobody finished the sign-in in time."""


class TokenRejected(SignInFailed):
    """An ID token fails a check of OpenID Connect Core 1.0 section 3.1.3.7."""


class TokenOutOfTime(TokenRejected):
    """By this machine's clock, an ID token has expired already, or comes from the future."""


class OrganizationRefused(SignInFailed):
    """The account is not a member of the organization that was asked for, or of none yet."""


class ProtectionRefused(DagctlError):
    """A guarded environment stays out of reach."""


class EnvironmentProtected(ProtectionRefused):
    """The platform answered that this environment is protected from this person."""


class ProtectionUnknown(ProtectionRefused):
    """It could not be established that the environment is allowed, so it is not."""


class PlatformError(DagctlError):
    """Something on the far side of the wire."""


class Unreachable(PlatformError):
    """No connection, or no answer in time."""


class CertificateRefused(Unreachable):
    """The server's TLS certificate could not be verified."""


class Refused(PlatformError):
    """An HTTP status that says no.

    Args:
        status: the HTTP status code.
        code: the OAuth 2.0 `error` code (RFC 6749 section 5.2), where the answer had one.
    """

    def __init__(self, message: str, *, status: int, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code

    def __reduce__(self) -> tuple[Callable[..., Refused], tuple[str]]:
        """Cross a process boundary whole: the inherited way forgets keyword arguments."""
        return partial(type(self), status=self.status, code=self.code, hint=self.hint), (self.message,)


class Malformed(PlatformError):
    """An answer that is not what the protocol promises."""


class ClockSkewed(PlatformError):
    """This machine's clock and the API's are minutes apart, so that nothing about expiry can be relied on."""


class ProjectError(DagctlError):
    """The project to work on."""


class NoProject(ProjectError):
    """No project has been chosen."""


class ProjectNotFound(ProjectError):
    """The organization has no such project."""


class ProjectConflict(ProjectError):
    """Two places name different projects, and one of them must not be overridden."""


class ContextNotFound(DagctlError):
    """No context of that name is kept here, or several are."""


class FileProblem(DagctlError):
    """A file of the user's; the message names it."""


class FileCorrupt(FileProblem):
    """The file's content is not what it should be. It is left as it is."""


class FileUnusable(FileProblem):
    """The file cannot be read, or cannot be written."""


class FileExists(FileProblem):
    """The file is there already and was not to be replaced."""


class FileBusy(FileProblem):
    """Another process has held the file's lock for too long."""


class ConfigProblem(DagctlError):
    """A SQLMesh configuration that cannot be converted."""


class PortTaken(DagctlError):
    """The port on which the sign-in's answer would arrive is in use."""


class NeedsTerminal(DagctlError):
    """There is a question to ask and no terminal to ask it on."""


class MissingExtra(DagctlError):
    """The packages of an optional feature are not installed."""
