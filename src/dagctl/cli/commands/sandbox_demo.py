"""Walk through everything on the sandbox: sign-in, project, conversion, a plan, and a plan for prod that is refused.

Each step is a command that is shown and really run, in a folder of the demo's own. ~/.dagctl is not touched.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from dagctl.cli.app import App


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--folder", metavar="DIR", default="dagctl-demo", help="where it happens (default: dagctl-demo)"
    )
    parser.add_argument(
        "--browser", action="store_true", help="sign in through your browser (default: a scripted person)"
    )


def run(args: Namespace, app: App) -> int:
    from dagctl.cli.sandboxes import supervisor
    from dagctl.cli.walkthrough import Walkthrough

    supervisor()  # or why there can be none here
    walkthrough = Walkthrough(app, Path(args.folder).absolute(), with_browser=args.browser)
    return walkthrough.run()
