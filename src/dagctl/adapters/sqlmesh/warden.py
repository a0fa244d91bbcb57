"""What the gate and the net ask before SQLMesh changes an environment."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Protocol

from dagctl.domain.errors import DagctlError


class Warden(Protocol):
    """Answers for the environments of one project. Thread-safe; equal wardens answer alike.

    It takes names as they are given, and sanitizes them as SQLMesh does.
    """

    @abstractmethod
    def require(self, environments: Iterable[str], *, again: bool = False) -> None:
        """Return if all of `environments` may be changed.

        Args:
            again: ignore remembered verdicts.

        Raises:
            DagctlError: one of them is protected, or dagctl cannot tell.
        """

    def closed(self, environments: Iterable[str]) -> frozenset[str]:
        """Those that are protected, as they were given; also those about which dagctl cannot tell."""
        return frozenset(name for name in environments if not _is_open(self, name))


def _is_open(warden: Warden, environment: str) -> bool:
    try:
        warden.require([environment])
    except DagctlError:
        return False
    return True


OPTION = "dagctl_warden"
"""The option of an SQLMesh engine adapter that holds its warden."""
