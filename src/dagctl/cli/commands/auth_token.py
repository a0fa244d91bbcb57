"""Print a fresh token, and nothing else, for scripts. Anybody who has it can act as you until it expires."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import datetime
from typing import Annotated, TypedDict

from dagctl.cli.app import App
from dagctl.cli.showing import option_insecure


class Data(TypedDict):
    """A token."""

    token: Annotated[str, "the access token; the ID token with `--id`"]
    expires_at: Annotated[datetime | None, "when it expires; null if it does not say"]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--id", action="store_true", help="the ID token (for the API) instead of the access token")
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    tokens = app.connect(insecure=args.insecure).session.fresh()
    token = (tokens.id_token if args.id else tokens.access_token).reveal()
    app.show(Data(token=token, expires_at=tokens.expires_at), token)
    return 0
