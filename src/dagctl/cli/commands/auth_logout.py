"""Sign out: revoke the session where the issuer can, remove tokens and cached credentials from ~/.dagctl/."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App


def configure(parser: ArgumentParser) -> None:
    """There are no options."""


def run(args: Namespace, app: App) -> int:
    """Sign out."""
    revoked = app.connect().logout()
    app.show({"signed_in": False, "revoked": revoked}, "Signed out.")
    return 0
