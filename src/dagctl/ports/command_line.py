"""What the running process is about to do with environments."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.targets import Targets


class CommandLine(Protocol):
    """Tells which environments the running process is asked about before it loads a configuration.

    Never raises: what cannot be found out counts as every environment (`Targets.every`). Touches no network.
    """

    def targets(self, default: str | None = None) -> Targets:
        """What this process, as it was started, is asked about.

        Args:
            default: the environment of a command that names none, as the caller knows it; what is stronger
                in SQLMesh (environment variables, personal config) overrules it. None where the caller has none.
        """
