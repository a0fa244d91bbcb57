"""The organization's projects: list them, choose one, find one by name."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from attrs import evolve, field, frozen

from dagctl.domain.errors import NoProject, NotSignedIn, OrganizationRefused, ProjectError, ProjectNotFound
from dagctl.domain.services.session import Session, SessionService, elsewhere
from dagctl.domain.values.context import Origin, Sourced
from dagctl.domain.values.platform import Organization, Project, folded
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import identity_of
from dagctl.ports.api_gateway import ApiGateway


@frozen(eq=False, repr=False)
class ProjectService:
    """Knows the organization's projects. Remembers them to find one, and asks again for one that is not among them."""

    sessions: SessionService
    api: ApiGateway
    _projects: dict[tuple[str, str | None], tuple[Project, ...]] = field(factory=dict, init=False)
    _organizations: dict[str, Organization] = field(factory=dict, init=False)

    def list(self) -> tuple[Project, ...]:
        """The organization's projects as they are now, in the platform's order.

        Raises:
            NotSignedIn: nobody is signed in.
            PlatformError: the API does not answer, or refuses.
        """
        return self._asked(self.with_organization(self.sessions.open()))

    def list_in(self, session: Session) -> tuple[Project, ...]:
        """Those that this object remembers, in a session whose organization is known; asks if it knows none."""
        known = self._remembered(session)
        return self._asked(session) if known is None else known

    def choose(self, wanted: str) -> Project:
        """Make one of the organization's projects the current one.

        Args:
            wanted: its name (in any case) or its ID.

        Raises:
            ProjectNotFound: there is no such project; the error names near misses.
            ProjectError: the session comes from outside, so dagctl records no choice.
            FileProblem: the choice cannot be recorded.
        """
        world = self.sessions.contexts.read()
        if not world.kept.stores.tokens.writable:
            given_by = world.kept.stores.tokens.describe()
            raise ProjectError(f"The session comes from {given_by}, so dagctl records no choice.", project=wanted)
        session = self.with_organization(self.sessions.open_in(world))
        project = self._found(session, wanted)
        recorded = evolve(session.context.recorded, current_project=project.name, current_project_id=project.id)
        session.kept.stores.settings.save(recorded)
        return project

    def identified(self, session: Session) -> Session:
        """`session` with its organization's and project's name and ID. Looks up what is not recorded.

        Raises:
            NoProject: no project is chosen.
            ProjectNotFound: the organization has no such project.
            PlatformError: the API does not answer, or refuses.
        """
        if session.context.project is None:
            raise NoProject("No project is chosen.", organization=session.context.owner)
        chosen, session = session.context.project, self.with_organization(session)
        context = session.context
        context.require_owner()  # again: only now is the owner known in any case
        recorded = context.recorded
        if context.project_id is None or recorded.current_project is None:
            project = self._found(session, chosen.value)
        else:
            current = context.project_id == recorded.current_project_id
            project = Project(context.project_id, recorded.current_project if current else chosen.value)
        return evolve(
            session, context=evolve(context, project=evolve(chosen, value=project.name), project_id=project.id)
        )

    def with_organization(self, session: Session) -> Session:
        """`session` with its organization's ID. Looks it up if it is not recorded.

        Raises:
            NotSignedIn: the account belongs to no organization yet.
            OrganizationRefused: it belongs to another one.
            PlatformError: the API does not answer, or refuses.
        """
        context = session.context
        if context.organization_id is not None:
            return session
        organization, wanted = self._organization(session), context.organization
        if wanted is not None and not organization.is_called(wanted.value):
            raise OrganizationRefused(
                f"{wanted.subject} names the organization {wanted.value!r}, but the token is for "
                f"{printable(organization.name)!r}.",
                organization=organization.name,
                wanted=wanted.value,
            )
        name = organization.name or organization.id
        known = evolve(wanted, value=name) if wanted is not None else Sourced(name, Origin.PLATFORM, "the API")
        return evolve(session, context=evolve(context, organization=known, organization_id=organization.id))

    def _remembered(self, session: Session) -> tuple[Project, ...] | None:
        return self._projects.get((session.access.api_url, session.access.organization_id))

    def _asked(self, session: Session) -> tuple[Project, ...]:
        access = session.access
        with self.sessions.clocks.explaining(access.api_url):
            found = self.api.projects(access)
        self._projects[access.api_url, access.organization_id] = found
        return found

    def _found(self, session: Session, wanted: str) -> Project:
        """The project that `wanted` names, though somebody made it a moment ago."""
        owner = session.context.owner
        known = self._remembered(session)
        if known is not None:
            with suppress(ProjectNotFound):
                return find(known, wanted, owner)
        return find(self._asked(session), wanted, owner)

    def _organization(self, session: Session) -> Organization:
        access, subject = session.access, identity_of(session.tokens.id_token).subject
        if subject not in self._organizations:
            with self.sessions.clocks.explaining(access.api_url):
                found = self.api.organization(access, subject)
            if found is None:
                raise NotSignedIn(
                    f"This account has no organization on {access.api_url} yet.",
                    api_url=elsewhere(session.context.platform),
                    onboarded=False,
                )
            self._organizations[subject] = found
        return self._organizations[subject]


def find(projects: Sequence[Project], wanted: str, organization: str) -> Project:
    """The project that `wanted` names, by its ID, its name, or its name in another case, in this order.

    Raises `ProjectNotFound` if no project matches, or several do.
    """
    for matches in (
        [project for project in projects if project.id == wanted],
        [project for project in projects if project.name == wanted],
        [project for project in projects if folded(project.name) == folded(wanted)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise ProjectNotFound(
                f"{wanted!r} is the name of several projects.",
                project=wanted,
                organization=organization,
                ids=tuple(project.id for project in matches),
            )
    from difflib import get_close_matches

    names = [project.name for project in projects]
    raise ProjectNotFound(
        f"There is no project {wanted!r} in {organization!r}.",
        project=wanted,
        organization=organization,
        near=tuple(get_close_matches(wanted, names, n=3, cutoff=0.5)),
    )
