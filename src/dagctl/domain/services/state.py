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


@frozen(eq=False, repr=False)
class Connectable:
    """The ingredients of a connection to a state database: the services, and what the caller insists on."""

    state: StateService
    project: str | None
    environment: str | None
    located: Context | None


@frozen(eq=False, repr=False)
class StateService:
    """Computes the credentials of a project's state database."""

    protection: ProtectionService
    api: ApiGateway
    trust: ProxyTrust
    connector: Callable[[Connectable], Any]
    libpq: Callable[[StateCredentials], dict[str, Any]]
    _proxies: dict[tuple[str, str | None], StateProxy] = field(factory=dict, init=False)
    """The platform's answers, by API and organization."""

    def credentials(self, project: str | None = None, *, keep: bool = True) -> StateCredentials:
        """Credentials that are fresh now, with the CA certificates that this machine verifies the proxy with.

        Args:
            project: name or ID of the project that the caller insists on; None for the context's.
            keep: record them for other tools.

        Raises:
            NoProject: no project is chosen. `ProjectNotFound`, `ProjectConflict`: that one will not do.
            NotSignedIn: nobody is signed in.
            PlatformError: the platform did not answer a question that had to be asked.
        """
        return self.credentials_in(self.located(self.sessions.open(project)), keep=keep)

    def connection(self, project: str | None = None, *, environment: str | None = None) -> Any:
        """A state connection for a SQLMesh `Config`, like that of `get_state_connection()`, through this client.

        Args:
            project: name or ID of the project that the caller insists on; None for the context's.
            environment: the only environment that the caller will change: dagctl asks about it at once, and keeps
                SQLMesh from changing any other. If None, dagctl asks before SQLMesh changes one.

        Raises:
            DagctlError: as `ProtectionService.check` does.
            MissingExtra: SQLMesh is not installed.
        """
        names = [] if environment is None else [environment]
        session = self.protection.admitted(Targets.exactly(names, PRODUCTION, "the caller"), project)
        located = self.located(session).context if session is not None else None
        return self.connector(Connectable(self, project, environment, located))

    def keywords(self, project: str | None = None, *, environment: str | None = None) -> dict[str, Any]:
        """The keywords with which psycopg, psycopg2 or SQLAlchemy connects now, with a fresh password.

        Ask for new ones before each connection: the password expires within minutes. They verify the proxy as
        `dagctl config current` shows, and override libpq's own variables and files. They do not need SQLMesh.

        Args:
            project: name or ID of the project that the caller requires; None for the context's.
            environment: the environment that the caller is about to change; dagctl asks the platform about it first.
                None if the caller only reads.

        Raises:
            DagctlError: as `ProtectionService.check` and `credentials` do.
            Unreachable: the proxy cannot be reached.
            MissingExtra: neither psycopg nor psycopg2 is installed.
        """
        names = [] if environment is None else [environment]
        session = self.protection.admitted(Targets.exactly(names, PRODUCTION, "the caller"), project)
        credentials = self.credentials_in(self.located(session or self.sessions.open(project)))
        return self.libpq(evolve(credentials, endpoint=self.trust.tried(credentials.endpoint)))

    @property
    def sessions(self) -> SessionService:
        """The sessions whose credentials this service computes."""
        return self.protection.sessions

    @property
    def projects(self) -> ProjectService:
        """The projects whose credentials this service computes."""
        return self.protection.projects

    def located(self, session: Session) -> Session:
        """The session, located: its context has what it takes to find the database. Raises as `credentials` does."""
        session = self.projects.identified(session)
        if session.context.proxy is not None:
            return session
        proxy = Sourced(self._proxy(session), Origin.PLATFORM)
        return evolve(session, context=evolve(session.context, proxy=proxy))

    def credentials_in(self, session: Session, *, keep: bool = True) -> StateCredentials:
        """The credentials of a located session. Uses no network."""
        context, tokens = session.context, session.tokens
        endpoint = self.endpoint(context)
        if endpoint is None or not endpoint.database or context.project is None:
            raise DagctlError("The state database was not located.")  # pragma: no cover - located() does
        credentials = StateCredentials(endpoint, tokens.access_token, tokens.expires_at)
        if keep:
            with suppress(FileUnusable):  # only a courtesy to other tools
                session.kept.stores.credentials.save(context.owner, context.project.value, credentials)
        return credentials

    def endpoint(self, context: Context) -> StateEndpoint | None:
        """The database and how strictly to verify its proxy, without using the network.

        Its database and user are "" if the organization or project is unknown; None if only the platform knows the
        proxy.
        """
        if context.proxy is None:
            return None
        proxy, sslmode, database, user = context.proxy.value, context.sslmode.value, "", ""
        if context.organization is not None and context.project is not None:
            org, project, recorded = context.organization.value, context.project.value, context.recorded
            if recorded.is_current(project):  # `project` may be its ID
                project = recorded.current_project or project
            database, user = database_name(org, project), database_user(org, project)
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
                return default  # not remembered: ask again next time
        return self._proxies[key]
