"""List the commands that other packages add (entry points in the group dagctl.commands), and say which do not load."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import TypedDict

from dagctl.cli.app import App, columns
from dagctl.cli.registry import no_options
from dagctl.domain.errors import DagctlError

configure = no_options


class Plugin(TypedDict):
    """A command that another package adds.

    Attributes:
        command: its words.
        module: the module that implements it.
        problem: why it does not load; null if it does.
    """

    command: str
    module: str
    problem: str | None


class Data(TypedDict):
    """The commands that other packages add.

    Attributes:
        plugins: the commands.
    """

    plugins: list[Plugin]


def run(args: Namespace, app: App) -> int:
    from dagctl.cli.plugins import PluginCommand, add_plugins
    from dagctl.cli.registry import Registry

    def problem(command: PluginCommand) -> str | None:
        try:
            command.load()
        except DagctlError as error:
            return error.message
        return None

    found = [
        Plugin(command=" ".join(command.words), module=command.module, problem=problem(command))
        for command in add_plugins(Registry(), partial(app.warn, "plugin_ignored"))
    ]
    rows = [[each["command"], each["module"], each["problem"] or ""] for each in found]
    app.show(Data(plugins=found), columns(rows) if rows else "No other package adds commands.")
    return 0
