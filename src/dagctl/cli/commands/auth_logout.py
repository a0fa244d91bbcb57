"""Sign out: revoke the session where the issuer can, remove tokens and cached credentials from ~/.dagctl/."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from dagctl.cli.app import App
from dagctl.domain.errors import FileProblem

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl


def configure(parser: ArgumentParser) -> None:
    """There are no options."""


def run(args: Namespace, app: App) -> int:
    """Sign out."""
    client = app.connect()
    revoked = client.logout()
    others = _others(client)
    app.show({"signed_in": False, "revoked": revoked, "others": others}, "Signed out.")
    if others:
        app.say(f"Still signed in to {', '.join(others)}: see dagctl context list.")
    return 0


def _others(client: Dagctl) -> list[str]:
    try:
        return [context.name for context in client.contexts.list()]
    except FileProblem:
        return []  # a broken file is no reason to say that one is not signed out
