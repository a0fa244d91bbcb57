"""The way to the state databases of a platform in memory, and a machine without files."""

from __future__ import annotations

from attrs import define, evolve, field

from dagctl.adapters.memory.jwts import NotOurs, verified
from dagctl.adapters.memory.platform import MemoryPlatform
from dagctl.domain.errors import CertificateRefused, PlatformError, Unreachable
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.state import StateCredentials, database_name, database_user
from dagctl.domain.values.tokens import instant
from dagctl.ports.machine import FileSeen

CA = "/memory/ca.pem"


@define(eq=False)
class MemoryStateProbe:
    """The `StateProbe` of a test: it lets in whom the platform's proxy would let in.

    Attributes:
        platform: whose proxy it is.
        tls: the proxy speaks TLS, with a certificate of the CA in `CA`.
        trusted: the CA that this machine has; None for none.
        trouble: what a step raises, by its name (`reach`, `secure`, `enter`), while it does not work.
        entered: the user of each login.
    """

    platform: MemoryPlatform
    tls: bool = True
    trusted: str | None = None
    trouble: dict[str, PlatformError] = field(factory=dict)
    entered: list[str] = field(factory=list)

    def trusting(self, credentials: StateCredentials, *, chosen: bool) -> StateCredentials:
        """With `trusted`, and `verify-full` where nobody has chosen."""
        if self.trusted is None:
            return credentials
        mode = credentials.sslmode if chosen else "verify-full"
        return evolve(credentials, sslmode=mode, sslrootcert=self.trusted)

    def reach(self, credentials: StateCredentials) -> None:
        """Only the platform's proxy is there."""
        self._trouble("reach")
        proxy = self.platform.proxy
        if proxy is None or (credentials.host, credentials.port) != (proxy.host, proxy.port):
            raise Unreachable(f"There is nothing at {credentials.host}:{credentials.port}.")

    def secure(self, credentials: StateCredentials) -> Handshake | None:
        """A handshake with a certificate that `CA` has issued."""
        self.reach(credentials)
        self._trouble("secure")
        strict = credentials.sslmode.startswith("verify-")
        if credentials.sslmode == "disable" or not self.tls:
            if strict or credentials.sslmode == "require":
                raise CertificateRefused(f"The proxy {credentials.host} offers no TLS.")
            return None
        if not strict:
            return Handshake("TLSv1.3")
        if credentials.sslrootcert != CA:
            raise CertificateRefused(f"The certificate of {credentials.host} is not trusted.")
        return Handshake("TLSv1.3", CA, "A CA in memory", None)

    def enter(self, credentials: StateCredentials) -> None:
        """Take an access token of a member of the user's organization, while it lives."""
        self.secure(credentials)
        self._trouble("enter")
        if credentials.user not in self._users(credentials.password.reveal()):
            raise PlatformError(f"The token is not for {credentials.user}.", hint="Run: dagctl auth login --org ORG")
        if credentials.database not in self._databases():
            raise PlatformError(f"There is no database {credentials.database}.")
        self.entered.append(credentials.user)

    def _users(self, token: str) -> list[str]:
        platform = self.platform
        try:
            claims = verified(token, platform._key)
        except NotOurs:
            raise PlatformError("The token is not ours.", hint="Run: dagctl auth login --org ORG") from None
        dies = instant(claims.get("exp"))
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if platform.place.api_url not in named or dies is None or dies <= platform.clock.now():
            raise PlatformError("The token is dead, or for somebody else.")
        members = {person.organization_id for person in platform.people if person.subject == claims.get("sub")}
        return [
            database_user(tenant.organization.name, project.name)
            for tenant in platform.tenants
            if tenant.organization.id in members
            for project in tenant.projects
        ]

    def _databases(self) -> list[str]:
        tenants = self.platform.tenants
        return [database_name(tenant.organization.name, found.name) for tenant in tenants for found in tenant.projects]

    def _trouble(self, step: str) -> None:
        if step in self.trouble:
            raise self.trouble[step]


@define(eq=False)
class MemoryMachine:
    """The `Machine` of a test: what is there is what it is told."""

    seen: tuple[FileSeen, ...] = ()
    names: tuple[str, ...] = ()
    place: str = "/nowhere"

    def home(self) -> str:
        """The place."""
        return self.place

    def files(self) -> tuple[FileSeen, ...]:
        """The files."""
        return self.seen

    def variables(self) -> tuple[str, ...]:
        """The names."""
        return self.names
