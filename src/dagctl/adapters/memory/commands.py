"""A command line that is whatever a test says."""

from __future__ import annotations

from dagctl.domain.values.targets import PRODUCTION, Targets


class FixedCommandLine:
    """The `CommandLine` of a process that targets `environments`.

    Args:
        environments: an empty name stands for the default; None for a target that cannot be known.
    """

    def __init__(self, *environments: str | None) -> None:
        self.environments = environments

    def targets(self, default: str | None = None) -> Targets:
        """What the command line targets; without any environment it is one that touches no state."""
        effective = default or PRODUCTION
        names = [name for name in self.environments if name is not None]
        if len(names) < len(self.environments):
            return Targets.every(effective, "a test")
        return Targets.exactly(names, effective, "a test") if names else Targets.none("a test", stateful=False)
