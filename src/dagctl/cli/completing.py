"""What completes the values of arguments: what is kept on this machine, and what the platform says in time."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

PATIENCE = 0.3
"""Seconds that a person who has pressed Tab waits for the platform."""


def organizations() -> list[str]:
    """Those that are signed in here."""
    from dagctl._wiring import connect

    return [account.name for account in connect().accounts.list()]


def projects() -> list[str]:
    """Those of the current organization. Tokens are never renewed for it: the process ends while that might go on."""
    from dagctl._wiring import connect
    from dagctl.domain.services.session import Session

    client = connect()
    world = client.context.read()
    tokens = world.kept.tokens
    found = [project.value] if (project := world.context.project) else []
    if tokens is None:
        return found

    def ask() -> None:
        with suppress(Exception):
            found[:] = [project.name for project in client.projects.api.projects(access)]

    access = Session(world.context, tokens, world.kept).access
    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return list(found)


_VALUES = {"name": organizations, "org": organizations, "project": projects}
"""By what our commands call the argument."""


def complete_values(parser: ArgumentParser) -> None:
    """Have shells offer values for a command's arguments; none where anything is wrong with them."""
    for action in parser._actions:
        if values := _VALUES.get(action.dest):
            vars(action)["completer"] = _quietly(values)  # where argcomplete looks


def _quietly(values: Callable[[], list[str]]) -> Callable[..., list[str]]:
    def completer(**_: Any) -> list[str]:
        with suppress(Exception):
            return values()
        return []

    return completer
