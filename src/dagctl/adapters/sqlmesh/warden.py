"""Whom the gate and the net ask before an environment is changed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Protocol

from dagctl.domain.errors import DagctlError


class Warden(Protocol):
    """Answers for the environments of one project. Thread-safe; equal wardens answer alike.

    Names are taken as they are given; the warden makes of them what SQLMesh does.
    """

    @abstractmethod
    def require(self, environments: Iterable[str], *, again: bool = False) -> None:
        """Return if all of `environments` may be changed.

        Args:
            again: a yes that is remembered does not count.

        Raises:
            DagctlError: one of them must not be changed, or could not be asked about.
        """

    def closed(self, environments: Iterable[str]) -> frozenset[str]:
        """Those that must not be changed, as they were given; also those that could not be asked about."""
        return frozenset(name for name in environments if not _is_open(self, name))


def _is_open(warden: Warden, environment: str) -> bool:
    try:
        warden.require([environment])
    except DagctlError:
        return False
    return True


OPTION = "dagctl_warden"
"""The option of an SQLMesh engine adapter that holds its warden."""
