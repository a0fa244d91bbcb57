"""What a sandbox is like: organization, projects, people, protection, lifetimes, ports."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import Factory, field, frozen

from dagctl.domain.errors import DagctlError

CLIENT_ID = "dagctl-sandbox"
REDIRECT_URI = "http://localhost:8080/callback"
NAME_LIMIT = 63
"""The bytes that PostgreSQL keeps of a name."""


@frozen
class User:
    """Somebody who can sign in.

    Attributes:
        subject: the issuer's name for the person (`sub`).
        onboarded: whether the person belongs to the organization already.
        excepted: whether protected environments are open to the person.
    """

    email: str
    subject: str
    onboarded: bool = True
    excepted: bool = False


USERS = (
    User("ada@acme.example", "sandbox|ada"),
    User("grace@acme.example", "sandbox|grace", excepted=True),
    User("new@acme.example", "sandbox|new", onboarded=False),
)


@frozen
class SandboxOptions:
    """The options of a sandbox; a DagctlError says what cannot be.

    Attributes:
        organization, organization_id: its name and ID.
        projects: name to ID.
        users: who can sign in; the first is who a scripted sign-in takes.
        protected: project name to the environments that are protected there; a project that is not named has
            no protection configured. Where nothing is said: `prod` of the first project.
        access_lifetime, id_lifetime: seconds that tokens live.
        rotate: refresh tokens rotate, and a second use of one revokes its family.
        device: the client may use the device grant.
        redirect_uris: what is registered.
        api_port, issuer_port, proxy_port: TCP ports on the loopback interface; 0 for any that is free.
        database_url: a PostgreSQL to use, `postgresql://user:password@host:port/database`, by somebody who may
            create roles and databases; an embedded one where None.
    """

    organization: str = "acme"
    organization_id: str = "org_sandbox_acme"
    projects: Mapping[str, str] = field(factory=lambda: {"shop": "prj_shop", "web-analytics": "prj_web"})
    users: tuple[User, ...] = USERS
    protected: Mapping[str, frozenset[str]] = field(
        default=Factory(lambda self: {next(iter(self.projects), ""): frozenset({"prod"})}, takes_self=True)
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
        if not self.projects or not self.users:
            raise DagctlError("A sandbox needs a project and a user.")
        for project in self.protected:
            if project not in self.projects:
                raise DagctlError(f"There is no project {project!r} to protect: {', '.join(self.projects)}.")
        made: dict[str, str] = {}
        for project in self.projects:
            database = self.database_of(project)
            if max(len(database.encode()), len(self.role_of(project).encode())) > NAME_LIMIT:
                raise DagctlError(f"The name {project!r} is too long for a database of its own.")
            if made.setdefault(database, project) != project:
                raise DagctlError(f"The projects {made[database]!r} and {project!r} have the same database.")

    def database_of(self, project: str) -> str:
        """The name of a project's state database."""
        return re.sub("[- ]", "_", f"org_{self.organization}_{project}".lower())

    def role_of(self, project: str) -> str:
        """The name of a project's database user."""
        return f"{self.organization}/{project}".lower()

    def user_by_subject(self, subject: object) -> User | None:
        """The user whose `sub` this is."""
        return next((user for user in self.users if user.subject == subject), None)

    def user_by_email(self, email: str) -> User | None:
        """The user whose email address this is."""
        return next((user for user in self.users if user.email == email), None)
