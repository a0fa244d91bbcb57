"""Stop the sandbox. What it has kept (accounts, database) stays for the next start."""

from __future__ import annotations

from argparse import Namespace

from dagctl.cli.app import App
from dagctl.cli.registry import no_options

configure = no_options


def run(args: Namespace, app: App) -> int:
    from dagctl.cli.sandboxes import supervisor

    was_running = supervisor().stop()
    app.show({"was_running": was_running}, "The sandbox has stopped." if was_running else "No sandbox runs.")
    return 0
