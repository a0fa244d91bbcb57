"""The three functions that SQLMesh configurations call."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrs import frozen

# imported here and not when they are needed, so that a call takes no longer than the platform's answer
import dagctl.adapters.http.api
import dagctl.adapters.http.transport
import dagctl.domain.services.protection
import dagctl.domain.services.state  # noqa: F401
from dagctl._wiring import connect, working_directory
from dagctl.adapters.environment.heeded import heeded
from dagctl.adapters.sqlmesh.link import StateLink
from dagctl.adapters.sqlmesh.loading import loading, require_one_pin
from dagctl.adapters.sqlmesh.rehearsal import NOWHERE, rehearsing
from dagctl.adapters.sqlmesh.warden import Warden
from dagctl.adapters.system.untranslated import in_a_sentence
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.platform import LOOPBACK_HOSTS
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.targets import Targets
from dagctl.domain.values.text import harmless

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl
    from dagctl.domain.services.state import StateService
    from dagctl.domain.values.state import StateEndpoint


def get_state_connection(
    gateway: str | None = None,
    default_environment: str | None = None,
    insecure: bool = False,
    *,
    project: str | None = None,
    environment: str | None = None,
) -> Any:
    """The state connection of a SQLMesh gateway.

    If the command line names an environment, dagctl asks the platform about it here, before SQLMesh does anything. It
    asks about any other environment just before SQLMesh changes it. Reading needs no permission.

    Args:
        gateway: the gateway's name, for the reader of the configuration: all gateways of a project share its state
            database.
        default_environment: the environment of a command that names none; the configuration's
            `default_target_environment`.
        insecure: skip verification of the API's certificate. For dev environments.
        project: the project that this configuration belongs to: its name, its ID, or `ORGANIZATION/NAME`. None
            for the current one.
        environment: the only environment that this program may change. dagctl asks the platform about it at once.

    Returns:
        A `PostgresConnectionConfig` that renews its token for every new connection and reads as a mapping;
        a plain dict if SQLMesh is not installed.

    Raises:
        ProtectionRefused: an environment is protected, or nobody could tell whether it is.
        NotSignedIn: nobody is signed in.
        DagctlError: the state database is not known.
    """
    if rehearsing():
        return dict(NOWHERE)
    with _errors_for_sqlmesh():
        state = _here(insecure)
        services = state()
        targets = services.protection.targets(default_environment)
        if environment is not None:
            targets = Targets.exactly([environment], targets.default, "the caller")
        held_to = targets.environments[0] if environment is not None else None
        link = StateLink(state, project, held_to=held_to, unasked=None if targets.environments else targets.default)
        session = services.protection.admitted(targets, project)
        if session is not None:
            # what is wrong shows here, in one sentence, not somewhere inside of SQLMesh
            located = services.located(session)
            link.located = located.context
            _warn_of_sslmode(services.credentials_in(located).endpoint)
        require_one_pin(lambda: link.located or services.sessions.contexts.current(project))
        connection = _with_sqlmesh("connection")
        if connection is not None:
            return connection.state_connection(link)
        from dagctl.adapters.postgres.libpq import as_mapping

        return as_mapping(link.taken())


def _with_sqlmesh(name: str) -> Any:
    """An adapter to SQLMesh; None if that is not installed."""
    try:
        with _lock:  # while an import fails in one thread, another one would get half a module
            return import_module(f"dagctl.adapters.sqlmesh.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlmesh", "pydantic", "sqlglot"):
            raise
        return None


def check_environment_protection(
    environment: str | None = None,
    default_environment: str | None = None,
    project_id: str | None = None,
    insecure: bool = False,
) -> None:
    """Return if you may change an environment. For configurations with a state connection of their own.

    From then on, dagctl asks the platform before SQLMesh changes any environment in this process.

    Args:
        environment: its name; None for the environments that the running command changes.
        default_environment: the environment of a command that names none.
        project_id: the project's ID; None for the current project.
        insecure: skip verification of the API's certificate. For dev environments.

    Raises:
        ProtectionRefused: it is protected, or nobody could tell whether it is.
        NotSignedIn: nobody is signed in.
        DagctlError: the project is not known.
    """
    if rehearsing():
        return
    with _errors_for_sqlmesh():
        state = _here(insecure)
        gate = _with_sqlmesh("gate")
        if gate is not None:
            gate.stand(Warden(state, project_id=project_id))
        state().protection.check(environment, default_environment, project_id)


def get_fresh_token(insecure: bool = False) -> str:
    """The access token (the state database's password). dagctl renews it first if it is about to expire.

    Args:
        insecure: skip verification of the same certificates as `-k`. For dev environments.

    Raises:
        NotSignedIn: nobody is signed in.
        PlatformError: the token is dead and cannot be renewed.
    """
    with _errors_for_sqlmesh():
        return _client(insecure).session.fresh().access_token.reveal()


@contextmanager
def _errors_for_sqlmesh() -> Iterator[None]:
    """Have our errors say what to do, and in a process that holds SQLMesh, be SQLMesh's own too."""
    try:
        with in_a_sentence():
            yield
    except DagctlError as error:
        if "sqlmesh.utils.errors" not in sys.modules:  # nobody here could catch SQLMesh's kind
            from dagctl._cures import cure

            error.hint = harmless(cure(error) or "") or None
            error.message = harmless(error.message)
            raise
        from dagctl.adapters.sqlmesh.errors import for_sqlmesh

        raise for_sqlmesh(error) from None


# a notice has to be seen by the person too, however SQLMesh sets up logging
logging.getLogger("dagctl").addHandler(logging.lastResort or logging.StreamHandler())

_clients: dict[object, Dagctl] = {}
_warned: set[tuple[int, str]] = set()
_logs: dict[str, AbstractContextManager[None]] = {}
_lock = Lock()


@frozen
class _Here:
    """Gives the services for one project's folder; can be pickled, and gives another process its own."""

    insecure: bool
    folder: Path | None

    def __call__(self) -> StateService:
        return _client(self.insecure, self.folder).state


def _here(insecure: bool) -> _Here:
    """The services for the configuration that SQLMesh is loading, or for the working directory where it loads none."""
    found = loading()
    return _Here(insecure, found.folder if found is not None else None)


def _client(insecure: bool, folder: Path | None = None) -> Dagctl:
    """One SDK for a process and its environment, so that many gateways share connections and look-ups."""
    if insecure:
        from dagctl._cures import UNVERIFIED

        _warn(f"insecure=True {UNVERIFIED}")
    # SQLMesh loads a project's `.env` after others have called; a `Secret` shows no value in a traceback
    variables = frozenset((name, Secret(os.environ.get(name, ""))) for name in heeded(tuple(os.environ)))
    key = (os.getpid(), folder or working_directory(), os.path.expanduser("~"), insecure, variables)
    with _lock:
        if key not in _clients:
            _log_to(os.environ.get("DAGCTL_LOG"))
            _clients[key] = connect(insecure=insecure, folder=folder)
        return _clients[key]


def _log_to(path: str | None) -> None:
    """Append the log to a file for as long as this process lives, and its children do."""
    if path and path not in _logs:
        from dagctl.adapters.files.log import listening

        _logs[path] = listening(path, _warn)
        _logs[path].__enter__()


def _warn_of_sslmode(endpoint: StateEndpoint) -> None:
    if not endpoint.insists_on_tls and endpoint.host not in LOOPBACK_HOSTS:
        _warn(
            f"sslmode {endpoint.sslmode} may have your token travel to {endpoint.host} in the clear. "
            "Unset DAGCTL_STATE_SSLMODE and pg_proxy_sslmode, or set verify-full."
        )


def _warn(text: str) -> None:
    """Warn of something that weakens security, once a process."""
    said = os.getpid(), text
    if said not in _warned:  # a forked child has its parent's set, and its own reader
        _warned.add(said)
        # the person has to see it, however logging is set up
        print(f"dagctl: WARNING: {harmless(text)}", file=sys.stderr)  # noqa: T201


def _start_over() -> None:
    """A forked child has neither its parent's connections nor the thread that may hold the lock."""
    global _lock
    _lock = Lock()
    _clients.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_over)
