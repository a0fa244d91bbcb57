"""Ask the platform whether environments are open to you, as get_state_connection() does. Nothing is cached.

Exits with 0 if all are open, with 3 if one is not, and with 4 if you are not signed in.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Annotated, TypedDict

from dagctl.cli import records
from dagctl.cli.app import App, columns
from dagctl.cli.endings import DONE, PROTECTED
from dagctl.cli.showing import BAD, GOOD, marked

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl


class Data(TypedDict):
    """The platform's answers."""

    environments: Annotated[
        list[records.Verdict],
        "a verdict for each environment, in the order in which you named them",
    ]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("environments", nargs="+", metavar="ENV", help="an environment")
    parser.add_argument("--project", metavar="NAME", help="name or ID of the project (default: the current one)")


def run(args: Namespace, app: App) -> int:
    client = app.connect()
    verdicts = [_asked(client, environment, args.project) for environment in args.environments]
    rows = [[found["environment"], found["verdict"], found["reason"] or ""] for found in verdicts]
    paint = marked(app.out, {r"(\S+ +)(open)": GOOD, r"(\S+ +)(protected|unknown)": BAD})
    app.show(Data(environments=verdicts), columns(rows), paint)
    return DONE if all(found["verdict"] == "open" for found in verdicts) else PROTECTED


def _asked(client: Dagctl, environment: str, project: str | None) -> records.Verdict:
    from dagctl.domain.errors import ProtectionUnknown
    from dagctl.domain.values.targets import sanitized
    from dagctl.domain.values.text import printable

    name = sanitized(environment)
    try:
        found = client.protection.ask(environment, project=project)
    except ProtectionUnknown as error:
        return records.Verdict(environment=name, verdict="unknown", reason=printable(error.message, 400))
    reason = printable(found.message, 400) if found.message else None
    return records.Verdict(environment=name, verdict="open" if found.allowed else "protected", reason=reason)
