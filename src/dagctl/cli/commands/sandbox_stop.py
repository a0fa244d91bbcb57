"""Stop the sandbox. What it has kept (accounts, database) stays for the next start."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App


def configure(parser: ArgumentParser) -> None:
    """There are no options."""


def run(args: Namespace, app: App) -> int:
    """Stop the sandbox."""
    from dagctl.adapters.environment.home import home_directory
    from dagctl.cli.sandboxes import supervisor

    was_running = supervisor(home_directory()).stop()
    app.show({"was_running": was_running}, "The sandbox has stopped." if was_running else "No sandbox runs.")
    return 0
