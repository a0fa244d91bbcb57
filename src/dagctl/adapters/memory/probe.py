"""The way to the state databases of a platform in memory, and a machine in memory."""

from __future__ import annotations

from attrs import define, evolve, field

from dagctl.adapters.memory.platform import MemoryPlatform, refused
from dagctl.adapters.memory.trouble import Trouble, meet
from dagctl.adapters.platform_model.declared import Declared
from dagctl.adapters.platform_model.refusals import ApiRefusal
from dagctl.domain.errors import CertificateRefused, Unreachable
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.ports.machine import FileSeen, Machine, VariableSeen
from dagctl.ports.state_probe import ProxyTrust, StateProbe

CA = "/memory/ca.pem"


@define(eq=False)
class MemoryStateProbe(Declared, StateProbe, ProxyTrust):
    """The `StateProbe` and the `ProxyTrust` of a test. It reaches the platform's proxy alone, and keeps its rules.

    Attributes:
        platform: the platform behind the proxy.
        tls: the proxy speaks TLS; the CA in `CA` issued its certificate.
        trusted: the CA of this machine; None for none.
        reach_trouble, secure_trouble, enter_trouble: what each step meets (see `dagctl.testing`).
        entered: the user of each login.
    """

    platform: MemoryPlatform
    tls: bool = True
    trusted: str | None = None
    reach_trouble: Trouble = None
    secure_trouble: Trouble = None
    enter_trouble: Trouble = None
    entered: list[str] = field(factory=list)

    def applied(self, endpoint: StateEndpoint) -> StateEndpoint:
        if self.trusted is None:
            return endpoint
        mode = endpoint.sslmode if endpoint.chosen else "verify-full"
        return evolve(endpoint, sslmode=mode, sslrootcert=self.trusted)

    def tried(self, endpoint: StateEndpoint) -> StateEndpoint:
        return self.applied(endpoint)

    def reach(self, endpoint: StateEndpoint) -> None:
        meet(self.reach_trouble, self.platform.clock.advance)
        proxy = self.platform.proxy
        if proxy is None or (endpoint.host, endpoint.port) != (proxy.host, proxy.port):
            raise Unreachable(f"There is nothing at {endpoint.hostspec}.")

    def secure(self, endpoint: StateEndpoint) -> Handshake | None:
        self.reach(endpoint)
        meet(self.secure_trouble, self.platform.clock.advance)
        strict = endpoint.sslmode.startswith("verify-")
        if endpoint.sslmode == "disable" or not self.tls:
            if strict or endpoint.sslmode == "require":
                raise CertificateRefused(f"The proxy {endpoint.host} offers no TLS.")
            return None
        if not strict:
            return Handshake("TLSv1.3")
        if endpoint.sslrootcert != CA:
            raise CertificateRefused(f"The certificate of {endpoint.host} is not trusted.")
        return Handshake("TLSv1.3", CA, "A CA in memory", None)

    def enter(self, credentials: StateCredentials) -> None:
        endpoint = credentials.endpoint
        self.secure(endpoint)
        meet(self.enter_trouble, self.platform.clock.advance)
        try:
            claims = self.platform.access_claims(credentials.password.reveal())
            self.platform.check_database(claims, endpoint.user, endpoint.database)
        except ApiRefusal as refusal:
            raise refused("The proxy", refusal) from None
        self.entered.append(endpoint.user)


@define(eq=False)
class MemoryMachine(Declared, Machine):
    """The `Machine` of a test, with the files and variables that the test gives it."""

    seen: tuple[FileSeen, ...] = ()
    names: tuple[str, ...] = ()
    place: str = "/nowhere"
    dotenv: tuple[VariableSeen, ...] = ()

    def home(self) -> str:
        return self.place

    def files(self) -> tuple[FileSeen, ...]:
        return self.seen

    def variables(self) -> tuple[VariableSeen, ...]:
        return (*map(VariableSeen, self.names), *self.dotenv)
