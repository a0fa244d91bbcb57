"""Sign out: revoke the session where the issuer can, remove tokens and cached credentials from ~/.dagctl/."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App


def configure(parser: ArgumentParser) -> None:
    """There are no options."""


def run(args: Namespace, app: App) -> int:
    """Sign out."""
    client = app.connect()
    revoked = client.logout()
    others = [context.name for context in client.contexts.list()]
    app.show({"signed_in": False, "revoked": revoked, "others": others}, "Signed out.")
    if others:
        app.say(f"Still signed in to {', '.join(others)}: see dagctl context list.")
    return 0
