"""Renew the tokens now, although they may have time left: after your access was changed, say."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App
from dagctl.cli.showing import expiry, moment, option_insecure


def configure(parser: ArgumentParser) -> None:
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    client = app.connect(insecure=args.insecure)
    tokens = client.session.renewed()
    app.show(
        {"expires_at": moment(tokens.expires_at)},
        f"Renewed; the tokens expire {expiry(tokens.expires_at, client.clock.now())}.",
    )
    return 0
