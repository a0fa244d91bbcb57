"""Renew the tokens now, even if they have not expired: after somebody changed your access, for example."""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime
from typing import Annotated, TypedDict

from dagctl.cli.app import App
from dagctl.cli.showing import expiry, option_insecure

configure = option_insecure


class Data(TypedDict):
    """The new tokens."""

    expires_at: Annotated[datetime | None, "when they expire; null if they do not say"]


def run(args: Namespace, app: App) -> int:
    client = app.connect(insecure=args.insecure)
    expires_at = client.session.renewed().expires_at
    app.show(Data(expires_at=expires_at), f"Renewed. The tokens expire {expiry(expires_at, client.clock.now())}.")
    return 0
