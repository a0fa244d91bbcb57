"""List the organizations and platforms that you are signed in to; the current one is marked.

DAGCTL_ORG, or org in .dagctl.yaml, works in another one without making it the current one. Asks no network.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from dagctl.cli.app import App
from dagctl.cli.showing import expiry, moment


def configure(parser: ArgumentParser) -> None:
    """There are no options."""


def run(args: Namespace, app: App) -> int:
    """List the contexts."""
    client = app.connect()
    contexts, now = client.contexts.list(), client.clock.now()
    record = [
        {
            "name": context.name,
            "organization": context.organization,
            "organization_id": context.organization_id,
            "api_url": context.api_url,
            "project": context.project,
            "signed_in": context.signed_in,
            "expires_at": moment(context.expires_at),
            "current": context.current,
        }
        for context in contexts
    ]
    rows = [
        (
            "*" if context.current else " ",
            context.name,
            context.organization,
            context.project or "no project",
            context.api_url,
            "" if context.signed_in else expiry(context.expires_at, now),
        )
        for context in contexts
    ]
    app.show_rows(record, rows, "You are signed in nowhere. Run: dagctl auth login --org ORG")
    return 0
