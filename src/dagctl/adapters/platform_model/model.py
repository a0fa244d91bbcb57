"""The platform: its issuer, its management API, and who may enter a state database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from attrs import define

from dagctl.adapters.platform_model.issuer import Issuer
from dagctl.adapters.platform_model.people import Person, Tenant, check_organizations, listed
from dagctl.adapters.platform_model.refusals import ApiRefusal, Kind, NotOurs
from dagctl.domain.values.platform import Organization
from dagctl.domain.values.targets import PRODUCTION
from dagctl.domain.values.tokens import instant


@define(eq=False, slots=False, kw_only=True)
class PlatformModel(Issuer):
    """A platform. A test may set its attributes at any time. What takes a bearer token refuses with an `ApiRefusal`.

    Attributes:
        tenants: the organizations.
    """

    tenants: tuple[Tenant, ...]

    def __attrs_post_init__(self) -> None:
        check_organizations(self.people, self.tenants)

    def protect(self, project: str, *environments: str) -> None:
        """Protect these environments of a project, and no others. `project` is a name or an ID.

        Raises:
            ValueError: no project has that name, several have it, or no environment can have such a name.
        """
        self._protect(project, frozenset(environments))

    def unprotect(self, project: str) -> None:
        """Remove a project's protection. Raises as `protect` does."""
        self._protect(project, None)

    def onboarded(self, token: str, subject: str | None) -> Organization | None:
        """The organization of the token's person, who may ask only about themselves."""
        person = self._bearer(token)
        if person.subject != subject:
            raise ApiRefusal(Kind.REFUSED, "That is somebody else's status.")
        tenant = self._tenant_of(person)
        return tenant.organization if tenant is not None else None

    def member(self, token: str, organization_id: str | None) -> tuple[Person, Tenant]:
        """The token's person and their organization, which the request has to name."""
        person = self._bearer(token)
        tenant = self._tenant_of(person)
        if organization_id is None:
            raise ApiRefusal(Kind.BAD_REQUEST, "The organization is not named.")
        if tenant is None or organization_id != tenant.organization.id:
            raise ApiRefusal(Kind.REFUSED, "You do not belong to that organization.")
        return person, tenant

    def check_protection(
        self, token: str, organization_id: str | None, project_id: str | None, environment: str | None
    ) -> str:
        """The environment, where it is open to the token's person.

        Raises:
            ApiRefusal: REFUSED where it is protected, NOT_FOUND where the project has no protection configured.
        """
        person, tenant = self.member(token, organization_id)
        if project_id is None or project_id not in [project.id for project in tenant.projects]:
            raise ApiRefusal(Kind.BAD_REQUEST, "There is no such project in your organization.")
        self.checks.append((project_id, environment))
        if project_id not in tenant.protected:
            raise ApiRefusal(Kind.NOT_FOUND, "No environment protection is configured for this project.")
        wanted = environment or PRODUCTION
        if wanted in tenant.protected[project_id] and not person.excepted:
            raise ApiRefusal(Kind.REFUSED, f"Only deployments from CI may change {wanted}.")
        return wanted

    def access_claims(self, token: str) -> Mapping[str, Any]:
        """The claims of a valid access token."""
        return self._claims(token, self.place.api_url)

    def check_database(self, claims: Mapping[str, Any], user: str, database: str) -> None:
        """Make sure that an access token opens a state database."""
        person = self._person(claims)
        tenant = self._tenant_of(person) if person is not None else None
        databases = tenant.databases() if tenant is not None else {}
        if user not in databases:
            raise ApiRefusal(Kind.REFUSED, f'The token does not belong to the user "{user}".')
        if database != databases[user]:
            raise ApiRefusal(Kind.REFUSED, f'The database "{database}" does not belong to the user "{user}".')

    def _protect(self, project: str, environments: Collection[str] | None) -> None:
        every = [found for tenant in self.tenants for found in tenant.projects]
        found = [known for known in every if known.id == project] or [known for known in every if known.name == project]
        if len(found) != 1:
            raise ValueError(f"There is no one project {project!r}; there are {listed(every)}.")
        self.tenants = tuple(
            tenant.protecting(found[0].id, environments) if found[0] in tenant.projects else tenant
            for tenant in self.tenants
        )

    def _bearer(self, token: str) -> Person:
        """The person of a valid ID token for our client; an access token is refused."""
        person = self._person(self._claims(token, self.place.client_id))
        if person is None:
            raise ApiRefusal(Kind.NOT_ACCEPTED, "The token is for nobody here.")
        return person

    def _claims(self, token: str, audience: str) -> Mapping[str, Any]:
        try:
            claims = self.signer.verify(token)
        except NotOurs:
            raise ApiRefusal(Kind.NOT_ACCEPTED, "The token is not one of this issuer's.") from None
        named, dies = claims.get("aud"), instant(claims.get("exp"))
        if claims.get("iss") != self.place.issuer:
            raise ApiRefusal(Kind.NOT_ACCEPTED, "The token is from another issuer.")
        # one audience may be a string (RFC 7519 section 4.1.3)
        if audience not in ([named] if isinstance(named, str) else named or []):
            raise ApiRefusal(Kind.NOT_ACCEPTED, "The token is for another audience.")
        if dies is None or dies <= self.clock.now():
            raise ApiRefusal(Kind.NOT_ACCEPTED, "The token has expired.")
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Person | None:
        return next((person for person in self.people if person.subject == claims.get("sub")), None)

    def _tenant_of(self, person: Person) -> Tenant | None:
        return next((tenant for tenant in self.tenants if tenant.organization.id == person.organization_id), None)
