"""The people and organizations of a platform."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from attrs import evolve, field, frozen

from dagctl.domain.values.platform import Organization, Project


@frozen
class Person:
    """A person who can sign in.

    Attributes:
        subject: the issuer's name for the person (`sub`).
        organization_id: None for a person who has not been onboarded.
        excepted: the person may change protected environments.
    """

    email: str
    subject: str
    organization_id: str | None = None
    excepted: bool = False


@frozen
class Tenant:
    """An organization with its projects.

    Attributes:
        protected: the protected environments of each project, by its ID; other projects have no protection
            configured. An unknown project or an impossible environment is a ValueError.
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
        """The same organization with these environments of a project protected; None for no protection."""
        others = {known: kept for known, kept in self.protected.items() if known != project_id}
        return evolve(self, protected=others if environments is None else {**others, project_id: environments})

    def databases(self) -> dict[str, str]:
        """The state database of each user, for each project."""
        name = self.organization.name
        return {role_name(name, found.name): database_name(name, found.name) for found in self.projects}


def _check_environments(names: Collection[str]) -> None:
    """Make sure that SQLMesh stores environments under these names."""
    if isinstance(names, str):
        raise ValueError(f"{names!r} is one name, where a collection of environments is needed.")
    for name in names:
        if not re.fullmatch(r"\w+", name) or name != name.lower():
            raise ValueError(
                f"No environment is called {name!r}: names are lower-case letters, digits and underscores."
            )


def check_organizations(people: Collection[Person], tenants: Collection[Tenant]) -> None:
    """Make sure that each person's organization is one of `tenants`."""
    known = [tenant.organization.id for tenant in tenants]
    for person in people:
        if person.organization_id is not None and person.organization_id not in known:
            there = ", ".join(known) or "none"
            raise ValueError(
                f"There is no organization {person.organization_id!r} for {person.email}; there are {there}."
            )


def listed(projects: Collection[Project]) -> str:
    """The projects, for a message."""
    return ", ".join(f"{project.name} ({project.id})" for project in projects) or "none"


# `database_name` and `role_name` are not the client's functions: two sides that share a rule share its bugs
def database_name(organization: str, project: str) -> str:
    return re.sub("[- ]", "_", f"org_{organization}_{project}".lower())


def role_name(organization: str, project: str) -> str:
    return f"{organization}/{project}".lower()
