"""What completes the values of arguments: what is kept on this machine, and what the platform says in time."""

from __future__ import annotations

from argparse import Action
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

PATIENCE = 0.3
"""Seconds that a person who has pressed Tab waits for the platform."""


def completed_by(values: Callable[[], list[str]], action: Action) -> None:
    """Have shells offer `values` for an argument. Whatever goes wrong with them, the shell offers none."""

    def completer(**_: Any) -> list[str]:
        with suppress(Exception):
            return values()
        return []

    vars(action)["completer"] = completer  # where argcomplete looks


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
