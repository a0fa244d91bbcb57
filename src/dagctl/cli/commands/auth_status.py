"""Show whether you are signed in, to which organization, with which project, until when, and where.

Asks no network. Exits with 0 when you are signed in, with 4 when not.
"""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime
from typing import TYPE_CHECKING

from dagctl.cli.app import App, table
from dagctl.cli.endings import DONE, SIGNED_OUT
from dagctl.cli.registry import no_options
from dagctl.cli.showing import BAD, GOOD, expiry, marked, moment, sourced

if TYPE_CHECKING:
    from dagctl.domain.values.tokens import SessionStatus

configure = no_options


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    world = client.context.read()
    context, status = world.context, client.session.status_in(world.kept)
    record = {
        "signed_in": status.signed_in,
        "identity": status.identity,
        "organization": context.organization.value if context.organization else None,
        "organization_id": context.organization_id,
        "project": context.project.value if context.project else None,
        "project_source": context.project.source if context.project else None,
        "expires_at": moment(status.expires_at),
        "renewable": status.renewable,
        "api_url": context.api_url.value,
    }
    rows = {
        "Signed in": f"yes, as {status.identity}" if status.signed_in else "no",
        "Organization": sourced(context.organization),
        "Project": sourced(context.project),
        "Credentials expire": _expiry(status, client.clock.now()) if status.identity else "there are none",
        "API URL": sourced(context.api_url),
    }
    app.show(record, table(rows), marked(app.out, {"(Signed in: +)(yes)": GOOD, "(Signed in: +)(no)": BAD}))
    if not status.signed_in:
        from dagctl._cures import login_command

        organization = context.organization.value if context.organization else None
        app.say(f"Run: {login_command(organization, context.api_url.value)}")
    return DONE if status.signed_in else SIGNED_OUT


def _expiry(status: SessionStatus, now: datetime) -> str:
    text = expiry(status.expires_at, now)
    return f"{text}; they renew themselves" if status.renewable else text
