"""`config.yaml` of the dagctl home, as a value. The published client reads and writes the same keys."""

from __future__ import annotations

from attrs import frozen


@frozen
class Settings:
    """The current organization, project and platform; None where nothing is recorded."""

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
