"""Ask now whether environments are open to you, as get_state_connection() would. Nothing is cached.

Exits with 0 when all are open, with 3 when one is not, with 4 when you are not signed in.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from dagctl.cli.app import App, columns
from dagctl.cli.endings import DONE, PROTECTED
from dagctl.cli.showing import BAD, GOOD, marked

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("environments", nargs="+", metavar="ENV", help="an environment")
    parser.add_argument("--project", metavar="NAME", help="name or ID of the project (default: the current one)")


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    record = [_asked(client, environment, args.project) for environment in args.environments]
    rows = [
        [str(entry["environment"]), "open" if entry["allowed"] else "protected", str(entry["message"] or "")]
        for entry in record
    ]
    app.show(record, columns(rows), marked(app.out, {r"(\S+ +)(open)": GOOD, r"(\S+ +)(protected)": BAD}))
    return DONE if all(entry["allowed"] for entry in record) else PROTECTED


def _asked(client: Dagctl, environment: str, project: str | None) -> dict[str, object]:
    from dagctl.domain.errors import ProtectionUnknown
    from dagctl.domain.values.targets import sanitized
    from dagctl.domain.values.text import printable

    allowed, message = False, None
    try:
        verdict = client.protection.ask(environment, project=project)
        allowed, message = verdict.allowed, verdict.message
    except ProtectionUnknown as error:
        message = error.message
    return {
        "environment": sanitized(environment),
        "allowed": allowed,
        "message": printable(message, 400) if message else None,
    }
