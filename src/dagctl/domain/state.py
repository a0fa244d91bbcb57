"""Access to a project's state database."""

from __future__ import annotations

from attrs import frozen

from dagctl.domain.context import Context, ContextService
from dagctl.domain.errors import DagctlError, FileUnusable, PlatformError
from dagctl.domain.platform import StateProxy, default_state_proxy
from dagctl.domain.projects import ProjectService
from dagctl.domain.session import SessionService
from dagctl.domain.state_credentials import StateCredentials, database_name, database_user
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

    def credentials(self, project: str | None = None) -> StateCredentials:
        """Credentials that are fresh now.

        Args:
            project: name or ID of the project that the caller insists on; the context's where None.

        Raises:
            NoProject: there is none. `ProjectNotFound`, `ProjectConflict`: it cannot be that one.
            NotSignedIn: nobody is signed in.
            PlatformError: something had to be asked for and could not.
        """
        context = self.projects.identified(self.context.current(project))
        tokens = self.session.fresh()
        if context.organization is None or context.project is None:
            raise DagctlError("The organization has no name.")  # pragma: no cover - identified() sees to it
        org, name = context.organization.value, context.project.value
        proxy = self._proxy(context)
        credentials = StateCredentials(
            host=proxy.host,
            port=proxy.port,
            database=database_name(org, name),
            user=database_user(org, name),
            password=tokens.access_token,
            sslmode=context.sslmode.value,
            expires_at=tokens.expires_at,
        )
        self._keep(org, name, credentials)
        return credentials

    def _keep(self, org: str, project: str, credentials: StateCredentials) -> None:
        try:
            self.kept.save(org, project, credentials)
        except FileUnusable:
            return  # a courtesy to other tools: no reason to stop anybody's work

    def _proxy(self, context: Context) -> StateProxy:
        if context.proxy is not None:
            return context.proxy.value
        try:
            found = self.api.state_proxy(self.projects.access(context))
        except PlatformError:
            found = None
        return found or default_state_proxy(context.platform.api_url)
