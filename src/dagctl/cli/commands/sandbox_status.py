"""Say whether a sandbox runs, and where. Exits with 0 when one runs, with 1 when not."""

from __future__ import annotations

from argparse import Namespace

from dagctl.cli.app import App, table
from dagctl.cli.registry import no_options

configure = no_options


def run(args: Namespace, app: App) -> int:
    from dagctl.cli.sandboxes import supervisor

    where = supervisor().status()
    if where is None:
        app.show({"running": False}, "No sandbox runs.")
        return 1
    record = {"running": True, **{name: value for name, value in where.items() if name != "admin"}}
    rows = {
        "API": where.get("api_url", "just being started"),
        "Issuer": where.get("issuer", "just being started"),
        "PG proxy": where.get("pg_proxy", "just being started"),
        "CA": where.get("ca_file", ""),
    }
    app.show(record, table(rows))
    return 0
