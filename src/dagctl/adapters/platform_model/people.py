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
            no protection configured. A ValueError says that there is no such project.
    """

    organization: Organization
    projects: tuple[Project, ...] = ()
    protected: Mapping[str, Collection[str]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for project_id in self.protected:
            if project_id not in [project.id for project in self.projects]:
                raise ValueError(f"There is no project {project_id!r}; there are {listed(self.projects)}.")

    def protecting(self, project_id: str, environments: Collection[str] | None) -> Tenant:
        """The same with just these environments of a project protected; None for no protection at all."""
        others = {known: kept for known, kept in self.protected.items() if known != project_id}
        return evolve(self, protected=others if environments is None else {**others, project_id: environments})

    def databases(self) -> dict[str, str]:
        """The state database's user to the database, for each project."""
        name = self.organization.name
        return {role_name(name, found.name): database_name(name, found.name) for found in self.projects}


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
