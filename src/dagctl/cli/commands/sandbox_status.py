"""Say whether a sandbox is running, and where. Exits with 0 if one is running, and with 1 if not."""

from __future__ import annotations

from argparse import Namespace
from typing import Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App, table
from dagctl.cli.registry import no_options
from dagctl.cli.sandboxes import record, supervisor

configure = no_options


class Data(TypedDict):
    """The sandbox."""

    sandbox: Annotated[records.Sandbox | None, "the running sandbox; null if none is running"]


def run(args: Namespace, app: App) -> int:
    where = supervisor().status()
    if where is None:
        app.show(Data(sandbox=None), "No sandbox is running.")
        return 1
    found = record(where)
    proxy = found["pg_proxy"]
    rows = {
        "API": found["api_url"],
        "Issuer": found["issuer"],
        "PG proxy": f"{proxy['host']}:{proxy['port']}" if proxy else None,
        "CA": found["ca_file"],
    }
    app.show(Data(sandbox=found), table({name: value or "starting" for name, value in rows.items()}))
    return 0
