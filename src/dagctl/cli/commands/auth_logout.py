"""Sign out: revoke the session if the issuer supports that, and remove its tokens and credentials from ~/.dagctl/.

Signs out of the current account, of the one that --org names, or of every one with --all.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App
from dagctl.cli.showing import something
from dagctl.domain.errors import FileProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dagctl._sdk import Dagctl
    from dagctl.domain.values.account import Account


class Data(TypedDict):
    """What is left after signing out."""

    revoked: Annotated[bool, "whether the issuer has confirmed that the session is over"]
    accounts: Annotated[
        list[records.Account] | None,
        "the accounts that you are still signed in with; null if they cannot be read",
    ]


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
        Data(revoked=revoked, accounts=None if others is None else [records.account(other) for other in others]),
        f"Signed out of {args.org}." if args.org else "Signed out.",
    )
    if others:
        app.say(f"You are still signed in to {', '.join(other.name for other in others)}. Run: dagctl auth list")
    return 0


def _others(client: Dagctl) -> Sequence[Account] | None:
    try:
        return client.accounts.list()
    except FileProblem:
        return None  # the sign-out has worked all the same
