"""What libpq needs to reach a project's state database."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from dagctl.domain.errors import DagctlError
from dagctl.domain.values.secret import Secret, secret

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""libpq's values of `sslmode`, weakest first."""


@frozen
class StateCredentials:
    """One project's state database and how to enter it.

    Attributes:
        password: the access token.
        sslmode: one of `SSL_MODES`.
        sslrootcert: path of the CA certificates to verify the proxy with, or None.
        expires_at: aware; when the password dies, None where that cannot be told.
    """

    host: str
    port: int
    database: str
    user: str
    password: Secret = field(converter=secret)
    sslmode: str = "require"
    sslrootcert: str | None = None
    expires_at: datetime | None = None

    @property
    def insists_on_tls(self) -> bool:
        """Whether the password travels by TLS or not at all."""
        return SSL_MODES.index(self.sslmode) >= SSL_MODES.index("require")


def database_name(org: str, project: str) -> str:
    """The state database's name: `org_{org}_{project}`, lower-cased, `-` and space as `_`."""
    return f"org_{org}_{project}".lower().replace("-", "_").replace(" ", "_")


def database_user(org: str, project: str) -> str:
    """The state database's user: `{org}/{project}`, lower-cased, nothing else changed."""
    return f"{org}/{project}".lower()


def checked_sslmode(value: str, origin: str) -> str:
    """`value`, if libpq knows it.

    Raises:
        DagctlError: it does not; the message names `origin`.
    """
    if value not in SSL_MODES:
        raise DagctlError(
            f"{origin} has sslmode {value!r}, which libpq does not know.",
            hint=f"It is one of {', '.join(SSL_MODES)}.",
        )
    return value
