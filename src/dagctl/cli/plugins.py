"""Commands that other packages add, found by their entry points."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dagctl.cli.cures import CommandProblem
from dagctl.cli.registry import Command, Registry

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from dagctl.cli.registry import CommandModule

GROUP = "dagctl.commands"
"""Entry points of this group name a module as `CommandModule` has it. Their own name is the command's words, joined
by a dot: `lint`, or `config.lint`."""


class PluginCommand(Command):
    """A command of somebody else's."""

    def __init__(self, point: EntryPoint) -> None:
        owner = point.dist.name if point.dist is not None else point.module
        super().__init__(tuple(point.name.split(".")), point.value, f"added by {owner}")

    def load(self) -> CommandModule:
        """Import the command's module.

        Raises:
            CommandProblem: that does not work.
        """
        try:
            module = super().load()
            usable = callable(module.configure) and callable(module.run)
        except Exception as error:
            raise self._broken(type(error).__name__) from error
        if not usable:
            raise self._broken("configure or run is no function")
        return module

    def _broken(self, why: str) -> CommandProblem:
        what = f"The command {' '.join(self.words)!r} ({self.module}, {self.summary})"
        return CommandProblem(f"{what} does not load: {why}.", case="plugin")


def add_plugins(registry: Registry, report: Callable[[str], None]) -> tuple[PluginCommand, ...]:
    """Register every plugin whose words are free; the others are reported.

    Returns:
        Those that were registered.
    """
    from importlib.metadata import entry_points

    added = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        command = PluginCommand(point)
        try:
            registry.add(command)
        except ValueError as error:
            report(f"Ignored {command.module} ({command.summary}): {error}.")
        else:
            added.append(command)
    return tuple(added)
