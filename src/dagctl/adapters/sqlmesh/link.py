"""The way from a SQLMesh process to one project's state database, and who is asked on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from dagctl._cures import unverified
from dagctl.adapters.sqlmesh.warden import Warden
from dagctl.domain.errors import DagctlError, ProtectionRefused
from dagctl.domain.values.targets import PRODUCTION, EnvironmentName, Targets

if TYPE_CHECKING:
    from dagctl.domain.services.state import StateService
    from dagctl.domain.values.context import Context
    from dagctl.domain.values.state import StateCredentials, StateEndpoint


@define
class ProjectWarden(Warden):
    """Answers for the environments of one project.

    Attributes:
        state: gives the services of this process; can be pickled, unless it is an embedder's.
        project: name, ID, or `ORGANIZATION/NAME`; the current project where None.
        project_id: used as it is, instead of `project`.
        held_to: the one environment that the program has said it is about; None where it has not.
    """

    state: Callable[[], StateService]
    project: str | None = None
    project_id: str | None = None
    held_to: EnvironmentName | None = None
    located: Context | None = field(default=None, eq=False)

    def require(self, environments: Iterable[str], *, again: bool = False) -> None:
        targets = Targets.exactly(environments, PRODUCTION, "SQLMesh")
        stray = next((name for name in targets.environments if self.held_to not in (None, name)), None)
        if stray is not None:
            raise ProtectionRefused(
                f"This program asked for a connection for the environment {str(self.held_to)!r}, "
                f"and was about to change {str(stray)!r}.",
                environment=stray,
                project=self.project,
            )
        self.state().protection.admitted(
            targets, self.project, project_id=self.project_id, since=self.located, again=again
        )


@define(eq=False)
class StateLink(ProjectWarden):
    """Leads to one project's state database, found once: later only the token is renewed.

    Pickled, it keeps which project it leads to, and finds its own way where it is unpickled.

    Attributes:
        located: the context that leads there, once it is known.
        unasked: the environment to ask about before the connection leaves the gate's reach; None where somebody was
            asked already.
    """

    unasked: EnvironmentName | None = None

    def credentials(self) -> StateCredentials:
        """Credentials that are fresh now. Thread-safe and bounded in time.

        Raises:
            DagctlError: as `StateService.credentials` does; also where the organization is signed in no more.
        """
        state = self.state()
        if self.located is not None:
            return state.credentials_in(state.sessions.open_in(state.sessions.contexts.read_again(self.located)))
        session = state.located(state.sessions.open(self.project))
        self.located = session.context
        return state.credentials_in(session)

    def entering(self) -> StateCredentials:
        """As `credentials`, for whoever connects now; says so, once a process, where the proxy goes unverified.

        Raises:
            DagctlError: as `credentials` does; `Unreachable` where the proxy is tried first, and is not there.
        """
        credentials = self.credentials()
        endpoint = self.state().trust.tried(credentials.endpoint)
        if endpoint.taken_on_trust:
            _say_once(unverified(endpoint.place))
        return evolve(credentials, endpoint=endpoint)

    def taken(self) -> StateCredentials:
        """The credentials for somebody who goes on with them by themselves, past the gate.

        Raises:
            DagctlError: as `credentials` does; and where the default environment must not be changed.
        """
        if self.unasked is not None:
            self.require([self.unasked])
            self.unasked = None
        return self.credentials()

    def endpoint(self) -> StateEndpoint | None:
        """The database, as far as it is known without asking anybody."""
        try:
            state = self.state()
            return state.endpoint(self.located or state.sessions.contexts.current(self.project))
        except DagctlError:
            return None  # it is raised again, and seen, when there is something to connect to

    def __deepcopy__(self, memo: dict[int, Any]) -> StateLink:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        pin = self.located.pin if self.located else None
        project = str(pin) if pin else self.project
        return StateLink, (self.state, project, None, self.held_to, None, self.unasked)


@cache
def _say_once(text: str) -> None:
    print(f"dagctl: {text}", file=sys.stderr)  # noqa: T201 - the person has to see it, however logging is set up
