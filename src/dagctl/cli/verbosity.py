"""`-v`, and who reads the log of one run."""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import nullcontext

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dagctl.cli.app import App

FLAGS = ("-v", "--verbose")


def option_verbose(parser: ArgumentParser) -> None:
    """Give a parser `-v`, where its command has no such option of its own."""
    free = [flag for flag in FLAGS if flag not in parser._option_string_actions]
    if free:
        what = "say on stderr what dagctl asks of whom; -vv says more"
        parser.add_argument(*free, dest="verbosity", action="count", default=SUPPRESS, help=what)


def leading(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The options of this kind before a command's words, and the rest of the command line."""
    end = next((at for at, word in enumerate(argv) if word not in FLAGS and word.rstrip("v") != "-"), len(argv))
    return argv[:end], argv[end:]


def listened(args: Namespace, app: App) -> AbstractContextManager[None]:
    """Have the log read as `-v` and `DAGCTL_LOG` ask for; nothing is loaded where neither does."""
    path, verbosity = os.environ.get("DAGCTL_LOG"), getattr(args, "verbosity", 0)
    if not path and not verbosity:
        return nullcontext()
    from dagctl.adapters.files.log import listening

    return listening(path, lambda text: app.say(f"dagctl: WARNING: {text}"), say=app.say, verbosity=verbosity)
