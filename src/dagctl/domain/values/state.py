"""What libpq needs to reach a project's state database."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, field, frozen

from dagctl.domain.errors import SettingUnusable
from dagctl.domain.values.platform import LOOPBACK_HOSTS
from dagctl.domain.values.secret import Secret, secret

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""libpq's values of `sslmode`, weakest first."""

SYSTEM = "system"
"""libpq's word for the CA certificates of its OpenSSL; needs libpq 16, and an OpenSSL built for this system."""

DEFAULT_SSLMODE = "require"
"""The mode that the hosted platform documents."""


@frozen
class StateEndpoint:
    """Where a project's state database is, in terms of libpq's connection keywords.

    Attributes:
        sslmode: one of `SSL_MODES`.
        sslrootcert: path of the CA certificates to verify the proxy with, or None.
        chosen: somebody chose this `sslmode`. If not, dagctl may make `DEFAULT_SSLMODE` stricter.
    """

    host: str
    port: int
    database: str = ""
    user: str = ""
    sslmode: str = DEFAULT_SSLMODE
    sslrootcert: str | None = None
    chosen: bool = False

    @property
    def hostspec(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"

    @property
    def declared(self) -> StateEndpoint:
        """The same for programs that take no CA from dagctl, so a mode stricter than the chosen one would fail."""
        return evolve(self, sslmode=self.sslmode if self.chosen else DEFAULT_SSLMODE, sslrootcert=None)

    def keywords(self) -> dict[str, str | int]:
        """The endpoint under the names that SQLMesh, psycopg2 and the credentials files share."""
        given = {"host": self.host, "database": self.database, "user": self.user, "sslmode": self.sslmode}
        root = {"sslrootcert": self.sslrootcert} if self.sslrootcert is not None else {}
        return {**given, **root, "port": self.port}

    @property
    def taken_on_trust(self) -> bool:
        """Whether dagctl does not verify the proxy although nobody chose that."""
        return not self.chosen and self.sslmode == DEFAULT_SSLMODE and self.host not in LOOPBACK_HOSTS

    @property
    def insists_on_tls(self) -> bool:
        """Whether the password never travels without TLS."""
        return SSL_MODES.index(self.sslmode) >= SSL_MODES.index("require")


@frozen
class StateCredentials:
    """One project's state database and the login for it.

    Attributes:
        password: the access token.
        expires_at: aware; when the password expires; None if it does not say.
    """

    endpoint: StateEndpoint
    password: Secret = field(converter=secret)
    expires_at: datetime | None = None


def database_name(org: str, project: str) -> str:
    """The state database's name: `org_{org}_{project}`, lower-cased, `-` and space as `_`."""
    return f"org_{org}_{project}".lower().replace("-", "_").replace(" ", "_")


def database_user(org: str, project: str) -> str:
    """The state database's user: `{org}/{project}`, lower-cased and otherwise unchanged."""
    return f"{org}/{project}".lower()


def checked_sslmode(value: str, origin: str) -> str:
    """`value`, if libpq knows it. Otherwise raises `SettingUnusable`, whose message names `origin`."""
    if value not in SSL_MODES:
        raise SettingUnusable(
            f"{origin} sets sslmode to {value!r}, which libpq does not know: use one of {', '.join(SSL_MODES)}.",
            source=origin,
        )
    return value
