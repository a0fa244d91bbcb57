"""Show the current organization, project, credential expiry, API URL and PG proxy, and where each comes from.

Asks no network.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App, table
from dagctl.cli.showing import expiry, moment, sourced
from dagctl.domain.values.context import Sourced


def configure(parser: ArgumentParser) -> None:
    """There are no options."""


def run(args: Namespace, app: App) -> int:
    """Show the context."""
    client = app.connect()
    context, status = client.context.current(), client.session.status()
    proxy = context.proxy
    shown: dict[str, Sourced[str] | None] = {
        "organization": context.organization,
        "project": context.project,
        "api_url": context.api_url,
        "pg_proxy": Sourced(f"{proxy.value.host}:{proxy.value.port}", proxy.source) if proxy else None,
        "sslmode": client.sslmode(context),
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
