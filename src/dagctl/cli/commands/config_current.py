"""Show the current organization, project, credential expiry, API URL and PG proxy, and where each comes from.

This command does not use the network.
"""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime
from typing import Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App, table
from dagctl.cli.registry import no_options
from dagctl.cli.showing import expiry, sourced
from dagctl.domain.values.context import Context, Origin, Sourced
from dagctl.domain.values.state import StateEndpoint

configure = no_options


class Data(TypedDict):
    """The context that commands work in here."""

    organization: Annotated[records.Organization | None, "the organization; null if none is known"]
    project: Annotated[records.Project | None, "the current project; null if you have chosen none"]
    api_url: Annotated[str, "the platform's API"]
    pg_proxy: Annotated[records.Address | None, "where the state database is; null if dagctl has to ask the platform"]
    sslmode: Annotated[str, "libpq's `sslmode` for the state database"]
    sources: Annotated[
        dict[str, str | None],
        "where `organization`, `project`, `api_url`, `pg_proxy` and `sslmode` come from: the name of a variable, the "
        "path of a file, or a few words. Null for what is null itself",
    ]
    expires_at: Annotated[
        datetime | None,
        "when the tokens expire unless dagctl renews them; null if there are none, or they do not say",
    ]


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    world = client.context.read()
    context, status = world.context, client.session.status_in(world.kept)
    endpoint = client.state.endpoint(context)
    proxy = Sourced(endpoint.hostspec, context.proxy.origin, context.proxy.name) if context.proxy and endpoint else None
    sslmode = _sslmode(context, endpoint)
    record = Data(
        organization=records.organization_of(context),
        project=records.project_of(context),
        api_url=context.api_url.value,
        pg_proxy=records.Address(host=endpoint.host, port=endpoint.port) if endpoint else None,
        sslmode=sslmode.value,
        sources=records.sources(
            organization=context.organization,
            project=context.project,
            api_url=context.api_url,
            pg_proxy=proxy,
            sslmode=sslmode,
        ),
        expires_at=status.expires_at,
    )
    rows = {
        "Organization": sourced(context.organization),
        "Project": sourced(context.project),
        "Credentials expire": expiry(status.expires_at, client.clock.now()) if status.signed_in else "not signed in",
        "API URL": sourced(context.api_url),
        "PG proxy": sourced(proxy, absent="dagctl asks the platform"),
        "sslmode": sourced(sslmode),
    }
    app.show(record, table(rows))
    return 0


def _sslmode(context: Context, endpoint: StateEndpoint | None) -> Sourced[str]:
    """How strict a connection will be: as set, or stricter if this machine knows the proxy's CA."""
    if endpoint is None or endpoint.sslmode == context.sslmode.value:
        return context.sslmode
    return Sourced(endpoint.sslmode, Origin.DERIVED, f"verified with {endpoint.sslrootcert}")
