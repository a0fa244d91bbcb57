"""Make another account the current one. You stay signed in with the one before.

Programs that are running keep their account. To use another account in one folder only, put org into a .dagctl.yaml
there instead.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App


class Data(TypedDict):
    """The new current account."""

    account: Annotated[records.Account, "the account"]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the account's name, or its organization's name or ID")


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    account = client.accounts.switch(args.name)
    project = f"project {account.project}" if account.project else "no project yet"
    app.show(
        Data(account=records.account(account)),
        f"The current account is now {account.name}: {account.organization}, {project}.",
    )
    wanted = client.context.overrides.organization
    if wanted is not None and not account.is_called(wanted.value):
        app.warn("overridden", f"{wanted.source} names the organization {wanted.value!r} here, and takes precedence.")
    if not account.signed_in:
        from dagctl._cures import login_command

        app.say(f"Its session has ended. Run: {login_command(account.organization, account.api_url)}")
    return 0
