"""What the running process is about to do with environments."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.targets import Targets


class CommandLine(Protocol):
    """Tells which environments the running process targets.

    Never raises: what cannot be found out is a target that cannot be known, and is guarded as such
    (`Targets.unknown`). Touches no network.
    """

    def targets(self, default: str | None = None) -> Targets:
        """The environments that this process, as it was started, is about to touch.

        Args:
            default: the environment of a command that names none, as the caller knows it; what is stronger
                in SQLMesh (environment variables, personal config) overrules it.
        """
