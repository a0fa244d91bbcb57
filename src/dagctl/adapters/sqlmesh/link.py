"""The way from a SQLMesh process to one project's state database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from dagctl.adapters.sqlmesh.warden import Warden
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.targets import PRODUCTION, Targets

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl
    from dagctl.domain.values.context import Context
    from dagctl.domain.values.state import StateCredentials, StateEndpoint


class StateLink(Warden):
    """Leads to one project's state database, found once: later only the token is renewed.

    Pickled, it keeps which project it leads to, and finds its own way where it is unpickled.

    Args:
        connect: gives the SDK of this process; a function of a module, so that it can be pickled.
        insecure: as for `get_state_connection`.
        project: name, ID, or `ORGANIZATION/NAME`; the current project where None.
        located: the context that leads there, where it is known already.
    """

    def __init__(
        self,
        connect: Callable[[bool], Dagctl],
        insecure: bool,
        project: str | None,
        *,
        located: Context | None = None,
    ) -> None:
        self._connect = connect
        self._insecure = insecure
        self._project = project
        self._located = located

    def credentials(self) -> StateCredentials:
        """Credentials that are fresh now. Thread-safe and bounded in time.

        Raises:
            DagctlError: as `StateService.credentials` does; also where the organization is signed in no more.
        """
        client = self._connect(self._insecure)
        if self._located is not None:
            return client.state.credentials_in(client.session.open_in(client.context.read_again(self._located)))
        session = client.state.located(client.session.open(self._project))
        self._located = session.context
        return client.state.credentials_in(session)

    def endpoint(self) -> StateEndpoint | None:
        """The database, as far as it is known without asking anybody."""
        try:
            client = self._connect(self._insecure)
            return client.state.endpoint(self._located or client.context.current(self._project))
        except DagctlError:
            return None  # it is raised again, and seen, when there is something to connect to

    def require(self, environments: Iterable[str], *, again: bool = False) -> None:
        """Return if this person may change all of them; see `Warden`."""
        targets = Targets.exactly(environments, PRODUCTION, "SQLMesh")
        if targets.environments:
            protection = self._connect(self._insecure).protection
            protection.admitted(targets, self._project, since=self._located, again=again)

    def _pin(self) -> str | None:
        pin = self._located.pin if self._located else None
        return str(pin) if pin else self._project

    def __deepcopy__(self, memo: dict[int, Any]) -> StateLink:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return StateLink, (self._connect, self._insecure, self._pin())


@frozen
class ProjectWarden(Warden):
    """Answers for a project whose state SQLMesh reaches without dagctl.

    Attributes:
        connect: as for `StateLink`.
        insecure: as for `check_environment_protection`.
        project_id: the current project where None.
    """

    connect: Callable[[bool], Dagctl]
    insecure: bool
    project_id: str | None

    def require(self, environments: Iterable[str], *, again: bool = False) -> None:
        """Return if this person may change all of them; see `Warden`."""
        for environment in environments:
            self.connect(self.insecure).protection.check(environment, project_id=self.project_id, again=again)
