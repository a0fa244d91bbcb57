"""Walk through everything on the sandbox: sign-in, project, conversion, a plan, and a plan for prod that is refused.

The demo shows each command and runs it, in a folder of its own. It does not touch ~/.dagctl.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path, PurePath
from typing import Annotated, TypedDict

from dagctl.cli.app import App
from dagctl.cli.sandboxes import supervisor


class Step(TypedDict):
    """A command of the demo."""

    command: Annotated[str, "the command"]
    exit_code: Annotated[int, "how it ended"]


class Data(TypedDict):
    """What the demo did."""

    folder: Annotated[PurePath, "where it happened"]
    steps: Annotated[list[Step], "the commands that it ran"]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--folder", metavar="DIR", default="dagctl-demo", help="the demo's folder (default: dagctl-demo)"
    )
    parser.add_argument(
        "--browser", action="store_true", help="sign in through your own browser (default: a scripted person signs in)"
    )


def run(args: Namespace, app: App) -> int:
    from dagctl.cli.walkthrough import Walkthrough

    supervisor()  # or why there can be none here
    folder = Path(args.folder).absolute()
    walkthrough = Walkthrough(app, folder, with_browser=args.browser)
    walkthrough.run()
    if app.as_json:
        steps = [Step(command=words, exit_code=code) for words, code in walkthrough.done]
        app.show(Data(folder=folder, steps=steps), "")
    return 0
