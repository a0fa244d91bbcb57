"""The organization's projects: listing them, choosing one, finding what a name means."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from attrs import evolve

from dagctl.domain.errors import FileUnusable, NoProject, NotSignedIn, OrganizationRefused, ProjectNotFound
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.session import SessionService
from dagctl.domain.values.context import Context, Sourced
from dagctl.domain.values.platform import ApiAccess, Organization, Project
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import identity_of
from dagctl.ports.api_gateway import ApiGateway


class ProjectService:
    """Knows the organization's projects. What was looked up once is remembered for this object's life."""

    def __init__(self, context: ContextService, session: SessionService, api: ApiGateway) -> None:
        self.context = context
        self.session = session
        self.api = api
        self._projects: dict[str, tuple[Project, ...]] = {}
        self._organizations: dict[str, Organization] = {}

    def list(self) -> tuple[Project, ...]:
        """The organization's projects, in the platform's order.

        Raises:
            NotSignedIn: nobody is signed in.
            PlatformError: the API cannot be asked, or refuses.
        """
        return self._ask(self.context.current())

    def choose(self, wanted: str) -> Project:
        """Make a project of the organization the current one.

        Args:
            wanted: its name (in any case) or its ID.

        Raises:
            ProjectNotFound: there is no such project; near misses are named.
            FileProblem: the choice cannot be recorded.
        """
        if self.context.overrides.given_session:
            raise FileUnusable(
                f"The session is given by {self.session.tokens.describe()}, so no choice is recorded.",
                hint="Set DAGCTL_PROJECT instead.",
            )
        context = self.context.current()
        project = find(self._ask(context), wanted, _name(context))
        recorded = evolve(context.recorded, current_project=project.name, current_project_id=project.id)
        self.context.store.save(recorded)
        return project

    def identified(self, context: Context) -> Context:
        """`context` with its organization's and project's name and ID, looked up where they are not recorded.

        Raises:
            NoProject: no project is chosen.
            ProjectNotFound: the organization has no such project.
            NotSignedIn: nobody is signed in.
            PlatformError: the API cannot be asked, or refuses.
        """
        if context.project is None:
            raise NoProject(
                "No project is chosen.",
                hint="Run: dagctl use-project PROJECT (dagctl projects lists them), or set DAGCTL_PROJECT.",
            )
        chosen, context = context.project, self._with_organization(context)
        context.require_owner()
        recorded = context.recorded
        if context.project_id is not None and recorded.current_project is not None:
            project = Project(context.project_id, recorded.current_project)
        else:
            project = find(self._ask(context), chosen.value, _name(context))
        return evolve(context, project=Sourced(project.name, chosen.source), project_id=project.id)

    def access(self, context: Context) -> ApiAccess:
        """What a call to the API for the context's organization carries.

        Raises:
            NotSignedIn: nobody is signed in.
        """
        context = self._with_organization(context)
        token = self.session.fresh().id_token
        return ApiAccess(context.platform.api_url, token, context.organization_id)

    def _ask(self, context: Context) -> tuple[Project, ...]:
        access = self.access(context)
        key = f"{access.api_url} {access.organization_id}"
        if key not in self._projects:
            with self.session.clocks.explaining(access.api_url):
                self._projects[key] = self.api.projects(access)
        return self._projects[key]

    def _with_organization(self, context: Context) -> Context:
        if context.organization_id is not None:
            return context
        token = self.session.fresh().id_token
        subject = identity_of(token).subject
        if subject not in self._organizations:
            with self.session.clocks.explaining(context.platform.api_url):
                found = self.api.organization(ApiAccess(context.platform.api_url, token), subject)
            if found is None:
                raise NotSignedIn(
                    f"This account has no organization on {context.platform.api_url} yet.",
                    hint="Finish the onboarding in the web UI, then run: dagctl auth login --org ORG",
                )
            self._organizations[subject] = found
        organization = self._organizations[subject]
        wanted = context.organization
        if wanted is not None and not organization.is_called(wanted.value):
            raise OrganizationRefused(
                f"{wanted.source} names the organization {wanted.value!r}, but the token is for "
                f"{printable(organization.name)!r}."
            )
        source = wanted.source if wanted is not None else "the API"
        return evolve(
            context,
            organization=Sourced(organization.name or organization.id, source),
            organization_id=organization.id,
        )


def find(projects: Sequence[Project], wanted: str, organization: str) -> Project:
    """The project that `wanted` names: its ID, its name, or its name in another case, in this order.

    Raises:
        ProjectNotFound: none does, or several do.
    """
    for matches in (
        [project for project in projects if project.id == wanted],
        [project for project in projects if project.name == wanted],
        [project for project in projects if project.name.casefold() == wanted.casefold()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(project.id for project in matches)
            raise ProjectNotFound(f"{wanted!r} is the name of several projects.", hint=f"Use an ID: {ids}")
    names = [project.name for project in projects]
    near = get_close_matches(wanted, names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else _ELSEWHERE
    raise ProjectNotFound(f"There is no project {wanted!r} in {organization!r}.", hint=hint)


_ELSEWHERE = "Run dagctl projects for a list, or dagctl context list if it is another organization's."


def _name(context: Context) -> str:
    return context.organization.value if context.organization else "your organization"
