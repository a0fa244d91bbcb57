"""Who uses a platform, and what is theirs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from attrs import evolve, field, frozen

from dagctl.domain.values.platform import Organization, Project


@frozen
class Person:
    """Somebody who can sign in.

    Attributes:
        subject: the issuer's name for the person (`sub`).
        organization_id: None for a person who has not been onboarded.
        excepted: protected environments are open to the person.
    """

    email: str
    subject: str
    organization_id: str | None = None
    excepted: bool = False


@frozen
class Tenant:
    """An organization and what it has.

    Attributes:
        protected: project ID to the environments that are protected there; a project that is not named has
            no protection configured. A ValueError says that there is no such project, or never such an environment.
    """

    organization: Organization
    projects: tuple[Project, ...] = ()
    protected: Mapping[str, Collection[str]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for project_id in self.protected:
            if project_id not in [project.id for project in self.projects]:
                raise ValueError(f"There is no project {project_id!r}; there are {listed(self.projects)}.")
        for names in self.protected.values():
            _check_environments(names)

    def protecting(self, project_id: str, environments: Collection[str] | None) -> Tenant:
        """The same with just these environments of a project protected; None for no protection at all."""
        others = {known: kept for known, kept in self.protected.items() if known != project_id}
        return evolve(self, protected=others if environments is None else {**others, project_id: environments})

    def databases(self) -> dict[str, str]:
        """The state database's user to the database, for each project."""
        name = self.organization.name
        return {role_name(name, found.name): database_name(name, found.name) for found in self.projects}


def _check_environments(names: Collection[str]) -> None:
    """See that SQLMesh can have environments of these names: it stores others under another name."""
    if isinstance(names, str):
        raise ValueError(f"{names!r} is one name, where a collection of environments is needed.")
    for name in names:
        if not re.fullmatch(r"\w+", name) or name != name.lower():
            raise ValueError(
                f"No environment is called {name!r}: names are lower-case letters, digits and underscores."
            )


def check_organizations(people: Collection[Person], tenants: Collection[Tenant]) -> None:
    """See that each person's organization is one of `tenants`."""
    known = [tenant.organization.id for tenant in tenants]
    for person in people:
        if person.organization_id is not None and person.organization_id not in known:
            there = ", ".join(known) or "none"
            raise ValueError(
                f"There is no organization {person.organization_id!r} for {person.email}; there are {there}."
            )


def listed(projects: Collection[Project]) -> str:
    """The projects, for people."""
    return ", ".join(f"{project.name} ({project.id})" for project in projects) or "none"


# Not the client's own functions for these: two sides that share a rule share its bugs.


def database_name(organization: str, project: str) -> str:
    """The name of a project's state database."""
    return re.sub("[- ]", "_", f"org_{organization}_{project}".lower())


def role_name(organization: str, project: str) -> str:
    """The name of a project's database user."""
    return f"{organization}/{project}".lower()
