"""The dagctl home's `config.yaml` as a value. The published client reads and writes the same keys."""

from __future__ import annotations

from attrs import frozen

from dagctl.domain.values.platform import Organization


@frozen
class Settings:
    """The current organization, project and platform; None for what is not recorded."""

    current_org: str | None = None
    current_org_name: str | None = None
    current_project: str | None = None
    current_project_id: str | None = None
    api_url: str | None = None
    auth0_domain: str | None = None
    auth0_client_id: str | None = None
    pg_proxy_host: str | None = None
    pg_proxy_port: int | None = None
    pg_proxy_sslmode: str | None = None

    @property
    def organization(self) -> Organization | None:
        """The current organization. If only its ID or its name is recorded, that serves as both."""
        id_, name = self.current_org or self.current_org_name, self.current_org_name or self.current_org
        return Organization(id_, name) if id_ and name else None

    def is_current(self, project: str) -> bool:
        """Whether `project` is the current project's name, or its ID."""
        return project in (self.current_project, self.current_project_id)
