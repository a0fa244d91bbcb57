"""Completes the values of arguments, from what is on this machine and what the platform answers in time."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl
    from dagctl.domain.services.context import World
    from dagctl.domain.services.session import Session

PATIENCE = 0.3
"""Seconds to wait for the platform after a person presses Tab."""


def organizations(line: Namespace) -> list[str]:
    """The organizations that are signed in."""
    from dagctl._wiring import connect

    return [account.name for account in connect().accounts.list()]


def projects(line: Namespace) -> list[str]:
    """The projects of the current organization; only the current one if the API does not answer in time."""
    client, world = _read()
    known = [project.value] if (project := world.context.project) else []
    return _in_time(lambda: [each.name for each in client.projects.list_in(_session(client, world))]) or known


def environments(line: Namespace) -> list[str]:
    """The environments that SQLMesh has recorded in the project's state database."""
    client, world = _read(getattr(line, "project", None))

    def recorded() -> list[str]:
        from attrs import evolve

        from dagctl.adapters.postgres.libpq import entered

        state = client.state
        credentials = state.credentials_in(state.located(_session(client, world)), keep=False)
        endpoint = state.trust.tried(credentials.endpoint)
        with closing(entered(evolve(credentials, endpoint=endpoint))) as connection:
            cursor = connection.cursor()
            cursor.execute("select name from sqlmesh._environments")
            return [name for (name,) in cursor]

    return _in_time(recorded)


def _read(pinned: str | None = None) -> tuple[Dagctl, World]:
    from dagctl._wiring import connect

    client = connect()
    return client, client.context.read(pinned)


def _session(client: Dagctl, world: World) -> Session:
    """The session, if no token is due. This renews no token: the process may end before the renewal does."""
    tokens = world.kept.tokens
    if tokens is None or tokens.due(client.clock.now()):
        raise LookupError
    return client.session.open_in(world)


def _in_time(ask: Callable[[], list[str]]) -> list[str]:
    """What `ask` returns, if it returns in time; otherwise nothing."""
    found: list[str] = []

    def asking() -> None:
        with suppress(Exception):
            found.extend(ask())

    thread = Thread(target=asking, daemon=True)  # the process may end while it still waits
    thread.start()
    thread.join(PATIENCE)
    return list(found)  # a copy: the thread may still add to it


_VALUES = {"name": organizations, "org": organizations, "project": projects, "environments": environments}
"""By the name of the argument in dagctl's commands."""


def complete_values(parser: ArgumentParser) -> None:
    """Let shells offer values for a command's arguments; none if anything fails."""
    for action in parser._actions:
        if values := _VALUES.get(action.dest):
            vars(action)["completer"] = _quietly(values)  # argcomplete looks there


def _quietly(values: Callable[[Namespace], Iterable[str]]) -> Callable[..., list[str]]:
    def completer(*, parsed_args: Namespace, **_: Any) -> list[str]:
        with suppress(Exception):
            return [value for value in values(parsed_args) if value.isprintable()]  # it reaches the terminal unchanged
        return []

    return completer
