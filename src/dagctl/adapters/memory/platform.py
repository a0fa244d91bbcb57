"""The whole platform in memory: issuer and management API as one object, with the real ones' rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import define, evolve, field, frozen

from dagctl.adapters.memory.grants import Person
from dagctl.adapters.memory.issuer import MemoryIssuer
from dagctl.adapters.memory.jwts import NotOurs, verified
from dagctl.domain.errors import PlatformError, Refused, TokenNotAccepted, Unreachable
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.platform import Advertisement, ApiAccess, Organization, Platform, Project, StateProxy
from dagctl.domain.values.targets import PRODUCTION, Verdict
from dagctl.domain.values.tokens import instant


@frozen
class Tenant:
    """An organization and what it has.

    Attributes:
        protected: project ID to the environments that are protected there; a project that is not named has
            no protection configured.
    """

    organization: Organization
    projects: tuple[Project, ...] = ()
    protected: Mapping[str, Collection[str]] = field(factory=dict)


TENANTS = (
    Tenant(
        Organization("org_acme", "Acme"),
        (Project("prj_shop", "shop"), Project("prj_web", "web-analytics")),
        {"prj_shop": frozenset({PRODUCTION})},
    ),
    Tenant(Organization("org_globex", "Globex"), (Project("prj_ledger", "ledger"),)),
)

PROXY = StateProxy("pg-proxy.acme.example", 6432)


@define(eq=False, slots=False)
class MemoryPlatform(MemoryIssuer):
    """The `ApiGateway` and the `IdentityProvider` of a test: nothing is granted that the hosted platform refuses.

    It verifies PKCE, redirect URIs, audiences, expiry and its own signatures, takes a code once, rotates
    refresh tokens and revokes a sign-in whose spent refresh token comes back. Its attributes are the
    issuer's (`MemoryIssuer`) and these:

    Attributes:
        tenants: the organizations.
        proxy: where the state databases are; None where it does not say.
        advertises: which issuer it names; None where it publishes no metadata.
        api_trouble: what every call to the API raises, while it is out of order.
        checks: project ID and environment of each question about protection that it has answered.
    """

    tenants: tuple[Tenant, ...] = TENANTS
    proxy: StateProxy | None = PROXY
    advertises: Advertisement | None = field()
    api_trouble: PlatformError | None = None
    checks: list[tuple[str, str | None]] = field(factory=list, init=False)

    @advertises.default
    def _own_issuer(self) -> Advertisement:
        return Advertisement(self.place.issuer_host, self.place.client_id)

    def protect(self, project_id: str, *environments: str) -> None:
        """Protect just these environments of a project."""
        self.tenants = tuple(
            evolve(tenant, protected={**tenant.protected, project_id: frozenset(environments)})
            if project_id in [project.id for project in tenant.projects]
            else tenant
            for tenant in self.tenants
        )

    def advertisement(self, api_url: str) -> Advertisement | None:
        """Which issuer the API names."""
        self._reach_api(api_url)
        return self.advertises

    def server_date(self, api_url: str) -> datetime | None:
        """What the platform's clock shows."""
        self._reach_api(api_url)
        return self.clock.now()

    def handshake(self, api_url: str) -> Handshake | None:
        """As if over TLS, with a certificate that has 90 days to live."""
        self._reach_api(api_url)
        return Handshake("TLSv1.3", "this process", "A CA in memory", self.clock.now() + timedelta(days=90))

    def organization(self, access: ApiAccess, subject: str) -> Organization | None:
        """The person's organization; everybody may ask about themselves only."""
        person = self._bearer(access)
        if person.subject != subject:
            raise _refused("That is somebody else's status.")
        tenant = self._tenant(person)
        return tenant.organization if tenant is not None else None

    def state_proxy(self, access: ApiAccess) -> StateProxy | None:
        """Where the state databases are."""
        self._member(access)
        return self.proxy

    def projects(self, access: ApiAccess) -> tuple[Project, ...]:
        """The organization's projects."""
        return self._member(access)[1].projects

    def protection(self, access: ApiAccess, project_id: str, environment: str | None) -> Verdict:
        """Whether the person may touch the environment."""
        person, tenant = self._member(access)
        if project_id not in [project.id for project in tenant.projects]:
            raise _refused("There is no such project in your organization.")
        self.checks.append((project_id, environment))
        closed = (environment or PRODUCTION) in tenant.protected.get(project_id, ())
        if closed and not person.excepted:
            return Verdict(False, f"Only deployments from CI may change {environment or PRODUCTION}.")
        return Verdict(True)

    def _reach_api(self, api_url: str) -> None:
        if api_url != self.place.api_url:
            raise Unreachable(f"There is no {api_url}.")
        if self.api_trouble is not None:
            raise self.api_trouble

    def _bearer(self, access: ApiAccess) -> Person:
        """Whose ID token it is: one of ours, for our client, alive. An access token is none."""
        self._reach_api(access.api_url)
        try:
            claims: Mapping[str, Any] = verified(access.id_token.reveal(), self._key)
        except NotOurs:
            raise _not_accepted("The token is not ours.") from None
        dies = instant(claims.get("exp"))
        if claims.get("iss") != self.place.issuer or claims.get("aud") != self.place.client_id:
            raise _not_accepted("The token is for somebody else.")
        if dies is None or dies <= self.clock.now():
            raise _not_accepted("The token has expired.")
        for person in self.people:
            if person.subject == claims.get("sub"):
                return person
        raise _not_accepted("The token is for nobody here.")

    def _tenant(self, person: Person) -> Tenant | None:
        return next((tenant for tenant in self.tenants if tenant.organization.id == person.organization_id), None)

    def _member(self, access: ApiAccess) -> tuple[Person, Tenant]:
        """Who asks, and for which organization: their own, named in the request."""
        person = self._bearer(access)
        tenant = self._tenant(person)
        if access.organization_id is None:
            raise _refused("The organization is not named.")
        if tenant is None or access.organization_id != tenant.organization.id:
            raise _refused("You do not belong to that organization.")
        return person, tenant


def elsewhere(host: str = "api.dagctl.test", *, client_id: str = "client-of-dagctl-test") -> Platform:
    """A place that is not the hosted platform: an API with its issuer on the same host."""
    return Platform(f"https://{host}", f"{host}:8443", client_id)


def _refused(why: str) -> Refused:
    return Refused(f"The API refused: {why}")


def _not_accepted(why: str) -> TokenNotAccepted:
    return TokenNotAccepted(f"The API refused: {why}")
