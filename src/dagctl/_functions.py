"""The three functions that SQLMesh configurations call."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

# with the functions comes all that they need, so that a call takes as long as the platform does
import dagctl.adapters.http.api
import dagctl.adapters.http.transport
import dagctl.domain.services.protection
import dagctl.domain.services.state  # noqa: F401
from dagctl._wiring import connect
from dagctl.adapters.sqlmesh.rehearsal import NOWHERE, rehearsing
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.platform import LOOPBACK_HOSTS
from dagctl.domain.values.targets import PRODUCTION, Targets

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl
    from dagctl.domain.values.context import Context
    from dagctl.domain.values.state import StateCredentials


def get_state_connection(
    gateway: str | None = None,
    default_environment: str | None = None,
    insecure: bool = False,
    *,
    project: str | None = None,
) -> Any:
    """The state connection of a SQLMesh gateway, once the running command may touch what it targets.

    A command that touches no environment asks nobody, and needs neither sign-in nor network.

    Args:
        gateway: the gateway's name, for whoever reads the configuration: all gateways of a project share
            its state database.
        default_environment: the environment of a command that names none; the configuration's
            `default_target_environment`.
        insecure: skip verification of the API's certificate. For dev environments.
        project: the project that this configuration belongs to: its name, its ID, or `ORGANIZATION/NAME`; the
            current one where None.

    Returns:
        A `PostgresConnectionConfig` that renews its token for every new connection and reads as a mapping;
        a plain dict where SQLMesh is not installed.

    Raises:
        ProtectionRefused: an environment is protected, or it could not be established that it is not.
        NotSignedIn: nobody is signed in.
        DagctlError: the state database cannot be told.
    """
    if rehearsing():
        return dict(NOWHERE)
    with _errors_for_sqlmesh():
        client = _client(insecure)
        targets = client.protection.targets(default_environment)
        client.protection.require(targets, project=project)
        link = StateLink(project, insecure, wary=targets.everything)
        if targets.environments:
            # what is wrong shows here, in one sentence, not somewhere inside of SQLMesh
            _warn_of_sslmode(link.plain())
        return _connection(link)


def _connection(link: StateLink) -> Any:
    try:
        from dagctl.adapters.sqlmesh.connection import state_connection
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlmesh", "pydantic", "sqlglot"):
            raise
        from dagctl.adapters.postgres.libpq import as_mapping

        return as_mapping(link.plain())
    return state_connection(link)


def check_environment_protection(
    environment: str | None = None,
    default_environment: str | None = None,
    project_id: str | None = None,
    insecure: bool = False,
) -> None:
    """Return if an environment may be touched; for configurations that bring a state connection of their own.

    Args:
        environment: its name; what the running command targets where None.
        default_environment: the environment of a command that names none.
        project_id: the current project where None.
        insecure: skip verification of the API's certificate. For dev environments.

    Raises:
        ProtectionRefused: it is protected, or it could not be established that it is not.
        NotSignedIn: nobody is signed in.
        DagctlError: there is no telling which project this is about.
    """
    with _errors_for_sqlmesh():
        _client(insecure).protection.check(environment, default_environment, project_id)


def get_fresh_token(insecure: bool = False) -> str:
    """The access token (the state database's password), renewed first where it is about to expire.

    Args:
        insecure: skip verification of certificates, as far as `-k` goes. For dev environments.

    Raises:
        NotSignedIn: nobody is signed in.
        PlatformError: the token is dead and cannot be renewed.
    """
    with _errors_for_sqlmesh():
        return _client(insecure).session.fresh().access_token.reveal()


@contextmanager
def _errors_for_sqlmesh() -> Iterator[None]:
    """In a process that holds SQLMesh, have our errors be SQLMesh's own too."""
    try:
        yield
    except DagctlError as error:
        if "sqlmesh.utils.errors" not in sys.modules:
            raise
        from dagctl.adapters.sqlmesh.errors import for_sqlmesh

        raise for_sqlmesh(error) from None


class StateLink:
    """The way to one project's state database, found once: later only the token is renewed.

    Pickled, it keeps which project it leads to, and finds its own way where it is unpickled.

    Args:
        project: name, ID, or `ORGANIZATION/NAME`; the current project where None.
        insecure: as for `get_state_connection`.
        wary: the target was not known when the configuration was loaded, so reading an environment by its
            name is guarded too. (Every plan reads production: a command whose target is known may.)
    """

    def __init__(self, project: str | None, insecure: bool, *, wary: bool) -> None:
        self._project = project
        self._insecure = insecure
        self._wary = wary
        self._located: Context | None = None
        self._open: set[str] = set()

    def plain(self) -> StateCredentials:
        """Credentials that are fresh now, as PROTOCOL.md has them.

        Raises:
            DagctlError: as `StateService.credentials` does.
        """
        client, located = self._way()
        return client.state.at(located)

    def credentials(self) -> StateCredentials:
        """The same with the CA to verify the proxy by, where one is known.

        Raises:
            DagctlError: as `StateService.credentials` does.
        """
        client, located = self._way()
        return client.entrance_at(located)

    def _way(self) -> tuple[Dagctl, Context]:
        """The SDK, and the database; it is looked for once."""
        if self._located is None:
            client = _client(self._insecure)
            self._located = client.state.located(self._project)
            return client, self._located
        return self._client(), self._located

    def _client(self) -> Dagctl:
        """The SDK where this link's organization is signed in: another may be the current one by now."""
        client = _client(self._insecure)
        if self._located is None or self._located.organization_id is None or client.works_for(self._located):
            return client
        return _client(self._insecure, self._located.organization_id)

    def outline(self) -> StateCredentials | None:
        """The database without a password, as far as it is known without asking anybody."""
        try:
            known = _client(self._insecure).state.outline(self._project, located=self._located)
        except DagctlError:
            return None  # it is raised again, and seen, when there is something to connect to
        return known

    def guard(self, environments: Iterable[str], changes: bool) -> None:
        """See to it that SQLMesh touches no protected environment.

        Args:
            changes: they are about to be changed, not only read.

        Raises:
            DagctlError: as `ProtectionService.check` does.
        """
        names = [name for name in environments if name not in self._open]
        if not names or not (changes or self._wary):
            return
        targets = Targets.exactly(names, PRODUCTION, "SQLMesh")
        self._client().protection.require(targets, project=self._pin())
        self._open.update(names)

    def _pin(self) -> str | None:
        return (self._located.pin if self._located else None) or self._project

    def __deepcopy__(self, memo: dict[int, Any]) -> StateLink:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._pin(), self._insecure, self._wary)


def _again(project: str | None, insecure: bool, wary: bool) -> StateLink:
    return StateLink(project, insecure, wary=wary)


_clients: dict[object, Dagctl] = {}
_warned: set[tuple[int, str]] = set()
_lock = Lock()
_HEEDED = ("DAGCTL_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HOME")


def _client(insecure: bool, organization: str | None = None) -> Dagctl:
    """One SDK for a process and its surroundings, so that many gateways share connections and look-ups.

    Args:
        organization: the ID of one that may not be the current one; where its tokens are is looked up anew.
    """
    if insecure:
        _warn(
            "insecure=True turns certificate verification off: whoever is on the way can "
            "read your tokens. SSL_CERT_FILE=CA.pem trusts a private CA instead."
        )
    heeded = frozenset(item for item in os.environ.items() if item[0].upper().startswith(_HEEDED))
    surroundings = (os.getpid(), os.getcwd(), insecure, heeded)
    if organization is not None:
        return connect(insecure=insecure, organization=organization)
    with _lock:
        if surroundings not in _clients:
            _clients[surroundings] = connect(insecure=insecure)
        return _clients[surroundings]


def _warn_of_sslmode(credentials: StateCredentials) -> None:
    if not credentials.insists_on_tls and credentials.host not in LOOPBACK_HOSTS:
        _warn(
            f"sslmode {credentials.sslmode} may have your token travel to {credentials.host} in the clear. "
            "Unset DAGCTL_STATE_SSLMODE and pg_proxy_sslmode, or set verify-full."
        )


def _warn(text: str) -> None:
    """Warn of something that weakens security, once a process."""
    said = os.getpid(), text
    if said not in _warned:
        _warned.add(said)
        # the person has to see it, however logging is set up
        print(f"dagctl: WARNING: {text}", file=sys.stderr)  # noqa: T201


def _begin_anew() -> None:
    """A forked child has neither its parent's connections nor the thread that may hold the lock."""
    global _lock
    _lock = Lock()
    _clients.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
