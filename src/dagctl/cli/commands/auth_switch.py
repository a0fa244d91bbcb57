"""Make another account the current one; the one that was stays signed in.

What runs already goes on with its own. For one folder only, put org into a .dagctl.yaml there instead.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="its name, or its organization's name or ID")


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    account = client.accounts.switch(args.name)
    project = f"project {account.project}" if account.project else "no project yet"
    app.show(
        {"name": account.name, "organization": account.organization, "project": account.project},
        f"The current account is now {account.name}: {account.organization}, {project}.",
    )
    wanted = client.context.overrides.organization
    if wanted is not None and not account.is_called(wanted.value):
        app.say(f"Note: here, {wanted.source} names {wanted.value!r}, and that wins.")
    if not account.signed_in:
        from dagctl._cures import login_command

        app.say(f"Its session has ended. Run: {login_command(account.organization, account.api_url)}")
    return 0
