"""The whole platform in memory: its model behind the ports."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from attrs import Factory, define, field

from dagctl.adapters.memory.clock import FixedClock
from dagctl.adapters.memory.jwts import HmacSigner
from dagctl.adapters.memory.trouble import Trouble, meet
from dagctl.adapters.platform_model.issuer import DEVICE_GRANT, Signer
from dagctl.adapters.platform_model.model import PlatformModel
from dagctl.adapters.platform_model.people import Person, Tenant
from dagctl.adapters.platform_model.refusals import ApiRefusal, Kind, OAuthError
from dagctl.domain.errors import NotFound, Refused, TokenNotAccepted, Unreachable
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.platform import (
    SCOPE,
    Advertisement,
    ApiAccess,
    Organization,
    Platform,
    Project,
    StateProxy,
)
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.targets import PRODUCTION, Verdict
from dagctl.domain.values.tokens import TokenSet, expiry_of
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.identity_provider import DeviceCode, Endpoints, IdentityProvider

PEOPLE = (
    Person("ada@acme.example", "memory|ada", "org_acme"),
    Person("grace@acme.example", "memory|grace", "org_acme", excepted=True),
    Person("bob@globex.example", "memory|bob", "org_globex"),
    Person("new@acme.example", "memory|new"),
)
TENANTS = (
    Tenant(
        Organization("org_acme", "Acme"),
        (Project("prj_shop", "shop"), Project("prj_web", "web-analytics")),
        {"prj_shop": frozenset({PRODUCTION})},
    ),
    Tenant(Organization("org_globex", "Globex"), (Project("prj_ledger", "ledger"),)),
)
PROXY = StateProxy("pg-proxy.acme.example", 6432)
SESSION = "session"
"""The issuer's cookie."""


@define(eq=False, slots=False, kw_only=True)
class MemoryPlatform(PlatformModel, ApiGateway, IdentityProvider):
    """The `ApiGateway` and the `IdentityProvider` of a test. It refuses what the hosted platform refuses.

    It verifies PKCE, redirect URIs, audiences, expiry and its own signatures, takes a code once, rotates refresh
    tokens, and ends a sign-in whose spent refresh token comes back. Its attributes are these and those of
    `PlatformModel`, `Issuer` and `Observations`; a test may set them at any time.

    Attributes:
        proxy: where the state databases are; None if the platform does not say.
        advertises: the issuer that the API names; None if it publishes no metadata.
        api_trouble, issuer_trouble: what calls to the API and to the issuer meet (see `dagctl.testing`).
    """

    clock: FixedClock = field(factory=FixedClock)
    signer: Signer = field(factory=HmacSigner, repr=False)
    people: tuple[Person, ...] = PEOPLE
    tenants: tuple[Tenant, ...] = TENANTS
    proxy: StateProxy | None = PROXY
    advertises: Advertisement | None = Factory(
        lambda self: Advertisement(self.place.issuer_host, self.place.client_id), takes_self=True
    )
    api_trouble: Trouble = None
    issuer_trouble: Trouble = None

    def authorize(
        self,
        url: str,
        *,
        email: str | None = None,
        deny: bool = False,
        cookies: MutableMapping[str, str] | None = None,
    ) -> str:
        """Open the sign-in page and answer it; the address that it sends the person to.

        Args:
            email: who signs in; None for the person that the page suggests.
            cookies: the browser's cookies of this issuer, which hold its session. They may change.

        Raises:
            Refused: the page sends nobody back with such a request (RFC 6749 section 4.1.2.1).
            ValueError: there is no such person.
        """
        address, _, query = url.partition("?")
        if address != f"{self.place.issuer}authorize":
            raise NotFound(f"{self.place.issuer_host} has no page {address}.")
        request, kept = dict(parse_qsl(query)), {} if cookies is None else cookies
        with self._as_issuer(self.place):
            if back := self.authorization_endpoint(request, kept.get(SESSION)):
                return back
            person = None if deny else self.known_person(email) if email else self.suggested(request)
            if person is not None:
                kept[SESSION] = self.begin_session(person)
            return self.decide(request, person)

    def finish_device(self, user_code: str, *, email: str | None = None, deny: bool = False) -> None:
        """Type in a device's code, and agree or decline.

        Raises:
            Refused: the code is unknown, or somebody has answered already.
            ValueError: there is no such person.
        """
        with self._as_issuer(self.place):
            self.decide_device(user_code, None if deny else self.known_person(email))

    def endpoints(self, platform: Platform) -> Endpoints:
        with self._as_issuer(platform):
            return Endpoints(f"{self.place.issuer}authorize", self.names_itself)

    def exchange(self, platform: Platform, code: Secret, verifier: Secret, redirect_uri: str) -> TokenSet:
        proof = {"code": code.reveal(), "code_verifier": verifier.reveal()}
        return self._redeemed(platform, grant_type="authorization_code", redirect_uri=redirect_uri, **proof)

    def refresh(self, platform: Platform, refresh_token: Secret) -> TokenSet:
        return self._redeemed(platform, grant_type="refresh_token", refresh_token=refresh_token.reveal())

    def revoke(self, platform: Platform, refresh_token: Secret) -> None:
        with self._as_issuer(platform):
            self.revocation_endpoint({"client_id": platform.client_id, "token": refresh_token.reveal()})

    def begin_device(self, platform: Platform) -> DeviceCode:
        form = {"client_id": platform.client_id, "audience": platform.api_url, "scope": SCOPE}
        with self._as_issuer(platform):
            return DeviceCode(**self.device_endpoint(form))

    def poll_device(self, platform: Platform, device_code: Secret) -> TokenSet:
        return self._redeemed(platform, grant_type=DEVICE_GRANT, device_code=device_code.reveal())

    def advertisement(self, api_url: str) -> Advertisement | None:
        with self._as_api(api_url):
            return self.advertises

    def server_date(self, api_url: str) -> datetime | None:
        with self._as_api(api_url):
            return self.clock.now()

    def tls_of(self, api_url: str) -> Handshake | None:
        """As if over TLS, with a certificate that expires in 90 days."""
        with self._as_api(api_url):
            return Handshake("TLSv1.3", "this process", "A CA in memory", self.clock.now() + timedelta(days=90))

    def organization(self, access: ApiAccess, subject: str) -> Organization | None:
        with self._as_api(access.api_url):
            return self.onboarded(access.id_token.reveal(), subject)

    def state_proxy(self, access: ApiAccess) -> StateProxy | None:
        with self._as_api(access.api_url):
            self.member(access.id_token.reveal(), access.organization_id)
            return self.proxy

    def projects(self, access: ApiAccess) -> tuple[Project, ...]:
        with self._as_api(access.api_url):
            return self.member(access.id_token.reveal(), access.organization_id)[1].projects

    def protection(self, access: ApiAccess, project_id: str, environment: str | None) -> Verdict:
        with self._as_api(access.api_url):
            try:
                self.check_protection(access.id_token.reveal(), access.organization_id, project_id, environment)
            except ApiRefusal as refusal:
                if refusal.kind is Kind.REFUSED:
                    return Verdict(False, str(refusal))
                if refusal.kind is not Kind.NOT_FOUND:
                    raise
            return Verdict(True)

    def _redeemed(self, platform: Platform, **form: str) -> TokenSet:
        with self._as_issuer(platform):
            answer = self.token_endpoint({"client_id": platform.client_id, **form})
        now, dies = self.clock.now(), expiry_of(Secret(answer.get("id_token", "")))
        expires_at = min([now + timedelta(seconds=answer["expires_in"]), *([dies] if dies else [])])
        return TokenSet(
            answer.pop("access_token"),
            answer.pop("id_token", ""),
            answer.pop("refresh_token", None),
            expires_at=expires_at,
            lifetime=expires_at - now,
            extra=answer,
        )

    @contextmanager
    def _as_issuer(self, platform: Platform) -> Iterator[None]:
        if platform.issuer_host != self.place.issuer_host:
            raise Unreachable(f"There is no {platform.issuer_host}.", host=platform.issuer_host)
        meet(self.issuer_trouble, self.clock.advance)
        try:
            yield
        except OAuthError as error:
            raise Refused(f"The issuer refused: {error.phrase} ({error.code}).", code=error.code) from None

    @contextmanager
    def _as_api(self, api_url: str) -> Iterator[None]:
        if api_url != self.place.api_url:
            raise Unreachable(f"There is no {api_url}.")
        meet(self.api_trouble, self.clock.advance)
        try:
            yield
        except ApiRefusal as refusal:
            raise refused("The API", refusal) from None


def refused(who: str, refusal: ApiRefusal) -> Refused:
    """The domain's error for a refusal."""
    kind = TokenNotAccepted if refusal.kind is Kind.NOT_ACCEPTED else Refused
    return kind(f"{who} refused: {refusal.phrase}.")


def elsewhere(host: str = "api.dagctl.test", *, client_id: str = "client-of-dagctl-test") -> Platform:
    """The place of a platform that is not the hosted one: an API with its issuer on the same host."""
    return Platform(f"https://{host}", f"{host}:8443", client_id)
