"""List the accounts that you are signed in with. An asterisk marks the current one.

To use another account without making it the current one, set DAGCTL_ORG, or org in .dagctl.yaml. This command does
not use the network.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App
from dagctl.cli.registry import no_options
from dagctl.cli.showing import GOOD, expiry, marked

configure = no_options


class Data(TypedDict):
    """Your accounts."""

    accounts: Annotated[list[records.Account], "the accounts; the current one comes first"]


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    accounts, now = client.accounts.list(), client.clock.now()
    rows = [
        (
            "*" if account.current else " ",
            account.name,
            account.organization,
            account.project or "no project",
            account.api_url,
            "" if account.signed_in else expiry(account.expires_at, now),
        )
        for account in accounts
    ]
    app.show_rows(
        Data(accounts=[records.account(account) for account in accounts]),
        rows,
        "You are not signed in. Run: dagctl auth login --org ORG",
        marked(app.out, {r"()(\*)": GOOD}),
    )
    return 0
