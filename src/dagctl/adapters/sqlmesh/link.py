"""Links a SQLMesh process to one project's state database."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define, evolve

from dagctl.adapters.sqlmesh.warden import Warden
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.targets import EnvironmentName

if TYPE_CHECKING:
    from dagctl.domain.values.state import StateCredentials, StateEndpoint


@define(eq=False, repr=False)
class StateLink(Warden):
    """Leads to one project's state database. It finds the database once; after that it only renews the token.

    A pickled link keeps its project, and finds the database again in the process that unpickles it.

    Attributes:
        unasked: the environment to ask about before the credentials leave the gate's control; None if that has been
            done.
    """

    unasked: EnvironmentName | None = None

    def credentials(self) -> StateCredentials:
        """Fresh credentials. Thread-safe, and bounded in time.

        Raises:
            DagctlError: as `StateService.credentials` does; also if the organization is no longer signed in.
        """
        state = self.state()
        # no lock: two threads may both find the database, and they find the same one
        if self.located is not None:
            return state.credentials_in(state.sessions.open_in(state.sessions.contexts.read_again(self.located)))
        session = state.located(state.sessions.open(self.project))
        self.located = session.context
        return state.credentials_in(session)

    def entering(self) -> StateCredentials:
        """Credentials to connect with now. Warns, once in each process, if the proxy's certificate is not verified.

        Raises:
            DagctlError: as `credentials` does.
            Unreachable: the proxy does not answer when its certificate is checked.
        """
        credentials = self.credentials()
        endpoint = self.state().trust.tried(credentials.endpoint)
        if endpoint.taken_on_trust:
            from dagctl._cures import unverified

            _say_once(unverified(endpoint.hostspec))
        return evolve(credentials, endpoint=endpoint)

    def taken(self) -> StateCredentials:
        """Credentials for a caller that uses them by itself, beyond the gate.

        Raises:
            DagctlError: as `credentials` does; also if the default environment is protected.
        """
        if self.unasked is not None:
            self.require([self.unasked])
            self.unasked = None
        return self.credentials()

    def endpoint(self) -> StateEndpoint | None:
        """The database, if it is known without a request."""
        try:
            state = self.state()
            found = state.endpoint(self.located or state.sessions.contexts.current(self.project))
        except DagctlError:
            return None  # connecting raises it again, where the person sees it
        return found if found and found.database else None

    # SQLMesh copies configurations, and every copy shall know what one of them has found
    def __deepcopy__(self, memo: dict[int, Any]) -> StateLink:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        pin = self.located.pin if self.located else None
        project = str(pin) if pin else self.project
        return StateLink, (self.state, project, None, self.held_to, None, self.unasked)


@cache
def _say_once(text: str) -> None:
    print(f"dagctl: {text}", file=sys.stderr)  # noqa: T201 - the person must see it, however logging is configured
