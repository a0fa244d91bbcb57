"""A command line that a test chooses."""

from __future__ import annotations

from dagctl.adapters.platform_model.declared import DeclaredHere
from dagctl.domain.values.targets import PRODUCTION, Targets
from dagctl.ports.command_line import CommandLine


class FixedCommandLine(DeclaredHere, CommandLine):
    """The `CommandLine` of a process that is about to change `environments`.

    Args:
        environments: "" means the default. With None, it is a program that chooses its environments later; without
            any, a command that changes none.
    """

    environments: tuple[str | None, ...]

    def __init__(self, *environments: str | None) -> None:
        self.environments = environments

    def targets(self, default: str | None = None) -> Targets:
        effective = default or PRODUCTION
        names = [name for name in self.environments if name is not None]
        if len(names) < len(self.environments):
            return Targets.of_program(default, effective, "a test")
        return Targets.exactly(names, effective, "a test")
