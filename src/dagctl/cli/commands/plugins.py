"""List the commands that other packages add (entry points of the group dagctl.commands), and which of them load."""

from __future__ import annotations

from argparse import Namespace

from dagctl.cli.app import App, columns
from dagctl.cli.registry import no_options
from dagctl.domain.errors import DagctlError

configure = no_options


def run(args: Namespace, app: App) -> int:
    from dagctl.cli.plugins import PluginCommand, add_plugins
    from dagctl.cli.registry import Registry

    def problem(command: PluginCommand) -> str | None:
        try:
            command.load()
        except DagctlError as error:
            return error.message
        return None

    record = [
        {"command": " ".join(command.words), "module": command.module, "problem": problem(command)}
        for command in add_plugins(Registry(), app.say)
    ]
    rows = [[str(entry["command"]), str(entry["module"]), str(entry["problem"] or "")] for entry in record]
    app.show(record, columns(rows) if rows else "No package adds commands.")
    return 0
