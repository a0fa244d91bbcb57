"""Access to a project's state database."""

from __future__ import annotations

from attrs import evolve, field, frozen

from dagctl.domain.errors import DagctlError, FileUnusable, PlatformError, ProjectConflict
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.session import SessionService
from dagctl.domain.values.context import Context, Sourced
from dagctl.domain.values.platform import StateProxy, default_state_proxy
from dagctl.domain.values.state import StateCredentials, database_name, database_user
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.credential_store import CredentialStore


@frozen
class StateService:
    """Computes the credentials of a project's state database."""

    context: ContextService
    projects: ProjectService
    session: SessionService
    api: ApiGateway
    kept: CredentialStore
    _proxies: dict[str, StateProxy] = field(factory=dict, init=False, repr=False, eq=False)
    """What the platform has said, by organization."""

    def credentials(self, project: str | None = None, *, keep: bool = True) -> StateCredentials:
        """Credentials that are fresh now.

        Args:
            project: name or ID of the project that the caller insists on; the context's where None.
            keep: record them for other tools.

        Raises:
            NoProject: there is none. `ProjectNotFound`, `ProjectConflict`: it cannot be that one.
            NotSignedIn: nobody is signed in.
            PlatformError: something had to be asked for and could not.
        """
        return self.at(self.located(project), keep=keep)

    def located(self, project: str | None = None) -> Context:
        """The context with everything in it that leads to the project's database.

        Raises:
            DagctlError: as `credentials` does.
        """
        context = self.projects.identified(self.context.current(project))
        if context.proxy is not None:
            return context
        return evolve(context, proxy=Sourced(self._proxy(context), "the platform"))

    def at(self, located: Context, *, keep: bool = True) -> StateCredentials:
        """Credentials that are fresh now, of the very database that was located once.

        Raises:
            ProjectConflict: somebody has signed in to another organization, or elsewhere, since then.
            NotSignedIn: nobody is signed in.
            PlatformError: the tokens are dead and cannot be renewed.
        """
        tokens = self.session.fresh()
        self._see_that_nobody_moved(located)
        if located.organization is None or located.project is None or located.proxy is None:
            raise DagctlError("The state database was not located.")  # pragma: no cover - located() does
        org, name = located.organization.value, located.project.value
        outline = _outlined(org, name, located.proxy.value, located.sslmode.value)
        credentials = evolve(outline, password=tokens.access_token, expires_at=tokens.expires_at)
        if keep:
            self._keep(org, name, credentials)
        return credentials

    def outline(self, project: str | None = None, *, located: Context | None = None) -> StateCredentials | None:
        """The database without a password, as far as it can be told without asking anybody.

        Args:
            located: where it is, if that is known already.

        Returns:
            None where that is not far enough.

        Raises:
            DagctlError: a setting is unusable, or contradicts `project`.
        """
        context = located or self.context.current(project)
        if context.organization is None or context.project is None or context.proxy is None:
            return None
        recorded = context.recorded.current_project if located is None and context.project_id is not None else None
        name = recorded or context.project.value
        return _outlined(context.organization.value, name, context.proxy.value, context.sslmode.value)

    def _see_that_nobody_moved(self, located: Context) -> None:
        now = self.context.current()
        moved = None not in (now.organization_id, located.organization_id) and (
            now.organization_id != located.organization_id
        )
        if moved or now.platform.api_url != located.platform.api_url:
            raise ProjectConflict(
                f"{_name(located)} is where this process keeps its state, but you have signed in to "
                f"{_name(now)} since it began.",
                hint="Start it anew, or go back to where it began: dagctl context list",
            )

    def _keep(self, org: str, project: str, credentials: StateCredentials) -> None:
        try:
            self.kept.save(org, project, credentials)
        except FileUnusable:
            return  # a courtesy to other tools: no reason to stop anybody's work

    def _proxy(self, context: Context) -> StateProxy:
        default = default_state_proxy(context.platform.api_url)
        place = f"{context.platform.api_url} {context.organization_id}"
        if place not in self._proxies:
            try:
                self._proxies[place] = self.api.state_proxy(self.projects.access(context)) or default
            except PlatformError:
                return default  # and ask again the next time
        return self._proxies[place]


def _outlined(org: str, project: str, proxy: StateProxy, sslmode: str) -> StateCredentials:
    database, user = database_name(org, project), database_user(org, project)
    return StateCredentials(proxy.host, proxy.port, database, user, password="", sslmode=sslmode)


def _name(context: Context) -> str:
    organization = context.organization.value if context.organization else "an organization"
    return f"{organization} on {context.platform.api_url}"
