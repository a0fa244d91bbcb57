"""`-v` and `DAGCTL_LOG`: where the log of one run goes."""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import takewhile

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dagctl.cli.app import App

FLAGS = ("-v", "--verbose")


def option_verbose(parser: ArgumentParser) -> None:
    """Add `-v` to a parser, unless its command has such an option already."""
    free = [flag for flag in FLAGS if flag not in parser._option_string_actions]
    if free:
        what = "log on stderr what dagctl does; -vv logs more"
        parser.add_argument(*free, dest="_verbosity", action="count", default=SUPPRESS, help=what)


def leading(argv: Sequence[str]) -> tuple[int, Sequence[str]]:
    """How many `-v` stand before the command's words, and the rest of a command line.

    argparse would forget them: a command's own count replaces the program's.
    """
    words = [*takewhile(lambda word: word in FLAGS or (word[1:] and word.rstrip("v") == "-"), argv)]
    return sum(1 if word in FLAGS else len(word) - 1 for word in words), argv[len(words) :]


def listened(args: Namespace, app: App) -> AbstractContextManager[None]:
    """Write the log as `-v` and `DAGCTL_LOG` ask, and tell a program of notices. Otherwise this imports nothing."""
    path, verbosity = os.environ.get("DAGCTL_LOG"), getattr(args, "_verbosity", 0)
    if not path and not verbosity and not app.as_json:
        return nullcontext()
    from dagctl.adapters.files.log import listening

    def notify(line: str) -> None:
        app.warn("notice", line.removeprefix("dagctl: "))

    return listening(
        path,
        lambda text: app.warn("no_log", text),
        say=app.say,
        verbosity=0 if app.as_json else verbosity,
        notify=notify if app.as_json else None,
    )
