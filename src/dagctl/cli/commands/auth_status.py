"""Show whether you are signed in, to which organization and project, until when, and where.

Exits with 0 if you are signed in, and with 4 if you are not. This command does not use the network.
"""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime
from typing import Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App, table
from dagctl.cli.endings import DONE, SIGNED_OUT
from dagctl.cli.registry import no_options
from dagctl.cli.showing import BAD, GOOD, expiry, marked, sourced

configure = no_options


class Data(TypedDict):
    """Your session."""

    signed_in: Annotated[bool, "whether the tokens are alive, or dagctl can renew them"]
    user: Annotated[records.User | None, "who you are; null if there are no tokens, or they do not say"]
    organization: Annotated[records.Organization | None, "the organization; null if none is known"]
    project: Annotated[records.Project | None, "the current project; null if you have chosen none"]
    api_url: Annotated[str, "the platform's API"]
    sources: Annotated[
        dict[str, str | None],
        "where `organization`, `project` and `api_url` come from: the name of a variable, the path of a file, or a "
        "few words. Null for what is null itself",
    ]
    expires_at: Annotated[datetime | None, "when the tokens expire unless dagctl renews them; null if they do not say"]
    renewable: Annotated[bool, "whether dagctl renews the tokens by itself"]


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    world = client.context.read()
    context, status = world.context, client.session.status_in(world.kept)
    who = status.identity
    record = Data(
        signed_in=status.signed_in,
        user=records.user(who) if who else None,
        organization=records.organization_of(context),
        project=records.project_of(context),
        api_url=context.api_url.value,
        sources=records.sources(organization=context.organization, project=context.project, api_url=context.api_url),
        expires_at=status.expires_at,
        renewable=status.renewable,
    )
    expires = expiry(status.expires_at, client.clock.now()) + ("; they renew themselves" if status.renewable else "")
    rows = {
        "Signed in": f"yes, as {who.shown if who else None}" if status.signed_in else "no",
        "Organization": sourced(context.organization),
        "Project": sourced(context.project),
        "Credentials expire": expires if who else "there are none",
        "API URL": sourced(context.api_url),
    }
    app.show(record, table(rows), marked(app.out, {"(Signed in: +)(yes)": GOOD, "(Signed in: +)(no)": BAD}))
    if not status.signed_in:
        from dagctl._cures import login_command

        organization = context.organization.value if context.organization else None
        app.say(f"Run: {login_command(organization, context.api_url.value)}")
    return DONE if status.signed_in else SIGNED_OUT
