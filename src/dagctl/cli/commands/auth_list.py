"""List the accounts that you are signed in with; the current one is marked.

DAGCTL_ORG, or org in .dagctl.yaml, works with another one without making it the current one. Asks no network.
"""

from __future__ import annotations

from argparse import Namespace

from attrs import asdict

from dagctl.cli.app import App
from dagctl.cli.registry import no_options
from dagctl.cli.showing import GOOD, expiry, marked, moment

configure = no_options


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    accounts, now = client.accounts.list(), client.clock.now()
    record = [{**asdict(account), "expires_at": moment(account.expires_at)} for account in accounts]
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
        record, rows, "You are not signed in. Run: dagctl auth login --org ORG", marked(app.out, {r"()(\*)": GOOD})
    )
    return 0
