"""Access to a project's state database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import evolve, field, frozen

from dagctl.domain.errors import DagctlError, FileUnusable, PlatformError
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.protection import ProtectionService
from dagctl.domain.services.session import Session, SessionService
from dagctl.domain.values.context import Context, Origin, Sourced
from dagctl.domain.values.platform import StateProxy, default_state_proxy
from dagctl.domain.values.state import StateCredentials, StateEndpoint, database_name, database_user
from dagctl.domain.values.targets import PRODUCTION, Targets
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.state_probe import ProxyTrust


@frozen
class Connectable:
    """What a connection to a state database is made of: the services, and what the caller insists on."""

    state: StateService
    project: str | None
    environment: str | None
    located: Context | None


@frozen
class StateService:
    """Computes the credentials of a project's state database."""

    protection: ProtectionService
    api: ApiGateway
    trust: ProxyTrust
    connector: Callable[[Connectable], Any]
    _proxies: dict[tuple[str, str | None], StateProxy] = field(factory=dict, init=False, repr=False, eq=False)
    """What the platform has said, by API and organization."""

    def credentials(self, project: str | None = None, *, keep: bool = True) -> StateCredentials:
        """Credentials that are fresh now, with the CA certificates that this machine verifies the proxy with.

        Args:
            project: name or ID of the project that the caller insists on; the context's where None.
            keep: record them for other tools.

        Raises:
            NoProject: there is none. `ProjectNotFound`, `ProjectConflict`: it cannot be that one.
            NotSignedIn: nobody is signed in.
            PlatformError: something had to be asked for and could not.
        """
        return self.credentials_in(self.located(self.sessions.open(project)), keep=keep)

    def connection(self, project: str | None = None, *, environment: str | None = None) -> Any:
        """A state connection for a SQLMesh `Config`, as `get_state_connection()` gives it, over this client.

        Args:
            project: name or ID of the project that the caller insists on; the context's where None.
            environment: the one environment that the caller is about: it is asked about at once, and SQLMesh is
                kept from changing another one. Where None, SQLMesh asks before it changes any.

        Raises:
            DagctlError: as `ProtectionService.check` does.
            MissingExtra: SQLMesh is not installed.
        """
        names = [] if environment is None else [environment]
        session = self.protection.admitted(Targets.exactly(names, PRODUCTION, "the caller"), project)
        located = self.located(session).context if session is not None else None
        return self.connector(Connectable(self, project, environment, located))

    @property
    def sessions(self) -> SessionService:
        """The sessions in which credentials are given."""
        return self.protection.sessions

    @property
    def projects(self) -> ProjectService:
        """The projects whose credentials are given."""
        return self.protection.projects

    def located(self, session: Session) -> Session:
        """The session with everything in its context that leads to the project's database.

        Raises:
            DagctlError: as `credentials` does.
        """
        session = self.projects.identified(session)
        if session.context.proxy is not None:
            return session
        proxy = Sourced(self._proxy(session), Origin.PLATFORM)
        return evolve(session, context=evolve(session.context, proxy=proxy))

    def credentials_in(self, session: Session, *, keep: bool = True) -> StateCredentials:
        """The credentials of a located session. Asks nobody."""
        context, tokens = session.context, session.tokens
        endpoint = self.endpoint(context)
        if endpoint is None or context.project is None:
            raise DagctlError("The state database was not located.")  # pragma: no cover - located() does
        credentials = StateCredentials(endpoint, tokens.access_token, tokens.expires_at)
        if keep:
            with suppress(FileUnusable):  # a courtesy to other tools: no reason to stop anybody's work
                session.kept.stores.credentials.save(context.owner, context.project.value, credentials)
        return credentials

    def endpoint(self, context: Context) -> StateEndpoint | None:
        """The database, as far as it is known without asking anybody; None where that is not far enough."""
        if context.organization is None or context.project is None or context.proxy is None:
            return None
        org, project, recorded = context.organization.value, context.project.value, context.recorded
        if recorded.is_current(project):  # it may have been named by its ID
            project = recorded.current_project or project
        return self.entrance(context, database_name(org, project), database_user(org, project))

    def entrance(self, context: Context, database: str = "", user: str = "") -> StateEndpoint | None:
        """The proxy, and how strictly it is verified; None where the platform has to be asked for it."""
        if context.proxy is None:
            return None
        proxy, sslmode = context.proxy.value, context.sslmode.value
        chosen = context.sslmode_stays
        return self.trust.applied(StateEndpoint(proxy.host, proxy.port, database, user, sslmode, chosen=chosen))

    def _proxy(self, session: Session) -> StateProxy:
        context = session.context
        default = default_state_proxy(context.platform.api_url)
        key = context.platform.api_url, context.organization_id
        if key not in self._proxies:
            try:
                self._proxies[key] = self.api.state_proxy(session.access) or default
            except PlatformError:
                return default  # and ask again the next time
        return self._proxies[key]
