"""Sign out of a context that is not the current one, and forget it. (For the current one: dagctl auth logout.)"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="its name, or its organization's name or ID")


def run(args: Namespace, app: App) -> int:
    """Delete a context."""
    revoked = app.connect().contexts.delete(args.name)
    app.show({"deleted": args.name, "revoked": revoked}, f"Signed out of {args.name}, and forgot it.")
    return 0
