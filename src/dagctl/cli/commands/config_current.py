"""Show the current organization, project, credential expiry, API URL and PG proxy, and where each comes from.

Asks no network.
"""

from __future__ import annotations

from argparse import Namespace

from dagctl.cli.app import App, table
from dagctl.cli.registry import no_options
from dagctl.cli.showing import expiry, moment, sourced
from dagctl.domain.values.context import Context, Origin, Sourced
from dagctl.domain.values.state import StateEndpoint

configure = no_options


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    world = client.context.read()
    context, status = world.context, client.session.status_in(world.kept)
    proxy, entrance = context.proxy, client.state.entrance(context)
    shown: dict[str, Sourced[str] | None] = {
        "organization": context.organization,
        "project": context.project,
        "api_url": context.api_url,
        "pg_proxy": Sourced(entrance.place, proxy.origin, proxy.name) if proxy and entrance else None,
        "sslmode": _sslmode(context, entrance),
    }
    record: dict[str, object] = {
        key: {"value": value.value, "source": value.source} if value else None for key, value in shown.items()
    }
    record["expires_at"] = moment(status.expires_at)
    rows = {
        "Organization": sourced(shown["organization"]),
        "Project": sourced(shown["project"]),
        "Credentials expire": expiry(status.expires_at, client.clock.now()) if status.signed_in else "not signed in",
        "API URL": sourced(shown["api_url"]),
        "PG proxy": sourced(shown["pg_proxy"], absent="the platform is asked for it"),
        "sslmode": sourced(shown["sslmode"]),
    }
    app.show(record, table(rows))
    return 0


def _sslmode(context: Context, entrance: StateEndpoint | None) -> Sourced[str]:
    """How strict a connection will be: as set, or stricter where this machine knows whom to trust."""
    if entrance is None or entrance.sslmode == context.sslmode.value:
        return context.sslmode
    return Sourced(entrance.sslmode, Origin.DERIVED, f"verified with {entrance.sslrootcert}")
