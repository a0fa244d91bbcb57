"""The options of a sandbox: organization, projects, people, protection, lifetimes, ports."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import Factory, field, frozen

from dagctl.adapters.platform_model.people import Person, Tenant, check_organizations, database_name, role_name
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.platform import REDIRECT_URI, Organization, Project

CLIENT_ID = "dagctl-sandbox"
NAME_LIMIT = 63
"""The bytes that PostgreSQL keeps of a name."""


def people_of(organization_id: str) -> tuple[Person, ...]:
    """The default people: a member of the organization, one who may change what is protected, and a newcomer."""
    return (
        Person("ada@acme.example", "sandbox|ada", organization_id),
        Person("grace@acme.example", "sandbox|grace", organization_id, excepted=True),
        Person("new@acme.example", "sandbox|new"),
    )


@frozen
class SandboxOptions:
    """The options of a sandbox. Impossible ones raise a DagctlError.

    Attributes:
        organization, organization_id: its name and ID.
        projects: name to ID.
        people: who can sign in; a scripted sign-in takes the first.
        protected: the protected environments of each project, by its name or ID. Other projects have no protection
            configured. By default: `prod` of the first project.
        access_lifetime, id_lifetime: the tokens' lifetimes, in seconds.
        rotate: refresh tokens rotate, and a second use of one revokes its family.
        device: the client may use the device grant.
        redirect_uris: the registered redirect URIs.
        api_port, issuer_port, proxy_port: TCP ports on the loopback interface; 0 takes a free one.
        database_url: the PostgreSQL to use, as `postgresql://user:password@host:port/database`, with a user who may
            create roles and databases; None for an embedded server.
    """

    organization: str = "acme"
    organization_id: str = "org_sandbox_acme"
    projects: Mapping[str, str] = field(factory=lambda: {"shop": "prj_shop", "web-analytics": "prj_web"})
    people: tuple[Person, ...] = Factory(lambda self: people_of(self.organization_id), takes_self=True)
    protected: Mapping[str, Collection[str]] = Factory(
        lambda self: dict.fromkeys(list(self.projects)[:1], ("prod",)), takes_self=True
    )
    access_lifetime: float = 3600.0
    id_lifetime: float = 3600.0
    rotate: bool = True
    device: bool = True
    redirect_uris: tuple[str, ...] = (REDIRECT_URI,)
    api_port: int = 0
    issuer_port: int = 0
    proxy_port: int = 0
    database_url: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.projects or not self.people:
            raise DagctlError("A sandbox needs a project and a person.")
        try:
            check_organizations(self.people, [self.tenant()])
        except ValueError as error:
            raise DagctlError(str(error)) from None
        made: dict[str, str] = {}
        for project in self.projects:
            database = self.database_of(project)
            if max(len(database.encode()), len(self.role_of(project).encode())) > NAME_LIMIT:
                raise DagctlError(f"The name {project!r} is too long for a database of its own.")
            if made.setdefault(database, project) != project:
                raise DagctlError(f"The projects {made[database]!r} and {project!r} have the same database.")

    def tenant(self) -> Tenant:
        """The organization, as the platform knows it."""
        projects = tuple(Project(id_, name) for name, id_ in self.projects.items())
        protected = {self.projects.get(project, project): found for project, found in self.protected.items()}
        return Tenant(Organization(self.organization_id, self.organization), projects, protected)

    def database_of(self, project: str) -> str:
        """The name of a project's state database."""
        return database_name(self.organization, project)

    def role_of(self, project: str) -> str:
        """The name of a project's database user."""
        return role_name(self.organization, project)
