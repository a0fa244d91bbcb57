"""What the running process is about to do with environments."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.targets import Targets


class CommandLine(Protocol):
    """Tells which environments dagctl must ask about before this process loads a configuration.

    Never raises: if it cannot tell, it answers with every environment (`Targets.every`). Uses no network.
    """

    def targets(self, default: str | None = None) -> Targets:
        """The environments to ask about, judging by how this process was started.

        Args:
            default: the caller's default environment, for a command that names none; None if the caller has no
                default. SQLMesh's stronger settings (environment variables, personal config) overrule it.
        """
