"""Completes the values of arguments, from what is on this machine and what the platform answers in time."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl
    from dagctl.domain.services.context import World
    from dagctl.domain.services.session import Session
    from dagctl.domain.values.account import Account

PATIENCE = 0.3
"""Seconds to wait for the platform after a person presses Tab."""


def accounts(line: Namespace) -> list[str]:
    """The accounts that are signed in."""
    return _signed_in(lambda account: account.name)


def organizations(line: Namespace) -> list[str]:
    """Their organizations: the names that a sign-in takes."""
    return _signed_in(lambda account: account.organization)


def _signed_in(named: Callable[[Account], str]) -> list[str]:
    kept = _connected().accounts

    def answers() -> Iterator[list[str]]:
        yield sorted({named(account) for account in kept.list()})

    return _in_time(answers())


def projects(line: Namespace) -> list[str]:
    """The projects of the current organization; only the current one if the API does not answer in time."""
    import dagctl.adapters.http.transport
    import dagctl.adapters.http.wire  # noqa: F401 - loaded before the clock runs

    client = _connected()

    def answers() -> Iterator[list[str]]:
        world = client.context.read()
        yield [project.value] if (project := world.context.project) else []
        yield [each.name for each in client.projects.list_in(_session(client, world))]

    return _in_time(answers())


def environments(line: Namespace) -> list[str]:
    """The environments that SQLMesh has recorded in the project's state database."""
    from attrs import evolve

    from dagctl.adapters.postgres.libpq import entered

    client = _connected()

    def answers() -> Iterator[list[str]]:
        world = client.context.read(getattr(line, "project", None))
        state = client.state
        credentials = state.credentials_in(state.located(_session(client, world)), keep=False)
        endpoint = state.trust.tried(credentials.endpoint)
        with closing(entered(evolve(credentials, endpoint=endpoint))) as connection:
            cursor = connection.cursor()
            cursor.execute("select name from sqlmesh._environments")
            yield [name for (name,) in cursor]

    return _in_time(answers())


def _connected() -> Dagctl:
    from dagctl._wiring import connect

    return connect()


def _session(client: Dagctl, world: World) -> Session:
    """The session, if no token is due. This renews no token: the process may end before the renewal does."""
    tokens = world.kept.tokens
    if tokens is None or tokens.due(client.clock.now()):
        raise LookupError
    return client.session.open_in(world)


def _in_time(answers: Iterator[list[str]]) -> list[str]:
    """The last answer that comes in time; nothing if none does. Even a file or a keyring may keep us waiting."""
    found: list[list[str]] = [[]]

    def asking() -> None:
        with suppress(Exception):
            for answer in answers:
                found.append(answer)

    thread = Thread(target=asking, daemon=True)  # the process may end while it still waits
    thread.start()
    thread.join(PATIENCE)
    return found[-1]


_VALUES = {"name": accounts, "org": accounts, "project": projects, "environments": environments}
"""By the name of the argument in dagctl's commands."""

_OTHERS = {"dagctl auth login": {"org": organizations}}
"""Commands in which that is not so."""


def complete_values(parser: ArgumentParser) -> None:
    """Let shells offer values for a command's arguments; none if anything fails."""
    for action in parser._actions:
        if values := _OTHERS.get(parser.prog, _VALUES).get(action.dest):
            vars(action)["completer"] = _quietly(values)  # argcomplete looks there


def _quietly(values: Callable[[Namespace], Iterable[str]]) -> Callable[..., list[str]]:
    def completer(*, parsed_args: Namespace, **_: Any) -> list[str]:
        with suppress(Exception):
            return [value for value in values(parsed_args) if value.isprintable()]  # it reaches the terminal unchanged
        return []

    return completer
