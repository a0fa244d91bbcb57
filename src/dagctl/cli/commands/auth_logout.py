"""Sign out: revoke the session where the issuer can, remove tokens and cached credentials from ~/.dagctl/.

Signs out of the current account; --org names another one, --all means every one.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from dagctl.cli.app import App
from dagctl.cli.showing import something
from dagctl.domain.errors import FileProblem

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl


def configure(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--org", type=something, metavar="ORG", help="an account's name, or its organization's name or ID"
    )
    which.add_argument("--all", action="store_true", help="sign out of every account")


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    revoked = client.accounts.sign_out_everywhere() if args.all else client.accounts.sign_out(args.org)
    others = _others(client)
    app.show(
        {"signed_in": False, "revoked": revoked, "others": others},
        f"Signed out of {args.org}." if args.org else "Signed out.",
    )
    if others:
        app.say(f"Still signed in to {', '.join(others)}: see dagctl auth list.")
    return 0


def _others(client: Dagctl) -> list[str]:
    try:
        return [account.name for account in client.accounts.list()]
    except FileProblem:
        return []  # a broken file is no reason to say that one is not signed out
