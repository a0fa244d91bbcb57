"""What the gate and the net ask before SQLMesh changes an environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from attrs import define, field

from dagctl.domain.errors import DagctlError, ProtectionRefused
from dagctl.domain.values.targets import PRODUCTION, EnvironmentName, Targets

if TYPE_CHECKING:
    from dagctl.domain.services.state import StateService
    from dagctl.domain.values.context import Context

OPTION = "dagctl_warden"
"""The option of an SQLMesh engine adapter that holds its warden."""


@define(repr=False)
class Warden:
    """Answers for the environments of one project. Thread-safe; equal wardens answer alike.

    It takes names as they are given, and sanitizes them as SQLMesh does.

    Attributes:
        state: returns the services of this process. It can be pickled, unless it is an embedder's.
        project: name, ID, or `ORGANIZATION/NAME`; None for the current project.
        project_id: used as it is, instead of `project`.
        held_to: the one environment that the program asked for; None if it did not name one.
        located: the context that leads to the project, once it is known.
    """

    state: Callable[[], StateService]
    project: str | None = None
    project_id: str | None = None
    held_to: EnvironmentName | None = None
    located: Context | None = field(default=None, eq=False)

    def require(self, environments: Iterable[str], *, again: bool = False) -> None:
        """Return if all of `environments` may be changed.

        Args:
            again: ignore remembered verdicts.

        Raises:
            DagctlError: one of them is protected, or dagctl cannot tell.
        """
        targets = Targets.exactly(environments, PRODUCTION, "SQLMesh")
        stray = next((name for name in targets.environments if self.held_to not in (None, name)), None)
        if stray is not None:
            raise ProtectionRefused(
                f"This program asked for a connection for the environment {str(self.held_to)!r}, "
                f"but was about to change {str(stray)!r}.",
                environment=stray,
                project=self.project,
            )
        # `since` keeps the account: it may have been switched since the first connection
        self.state().protection.admitted(
            targets, self.project, project_id=self.project_id, since=self.located, again=again
        )

    def closed(self, environments: Iterable[str]) -> frozenset[str]:
        """Those that are protected, as they were given; also those about which dagctl cannot tell."""
        closed = set()
        for name in environments:
            try:
                self.require([name])
            except DagctlError:
                closed.add(name)
        return frozenset(closed)
