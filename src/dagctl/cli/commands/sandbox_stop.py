"""Stop the sandbox. Its accounts and its database stay for the next start."""

from __future__ import annotations

from argparse import Namespace
from typing import Annotated, TypedDict

from dagctl.cli.app import App
from dagctl.cli.registry import no_options
from dagctl.cli.sandboxes import supervisor

configure = no_options


class Data(TypedDict):
    """What stopped."""

    was_running: Annotated[bool, "whether a sandbox was running"]


def run(args: Namespace, app: App) -> int:
    was_running = supervisor().stop()
    app.show(Data(was_running=was_running), "The sandbox has stopped." if was_running else "No sandbox is running.")
    return 0
