"""The program: finds the command, runs it, and turns every ending into an exit code."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

from dagctl import __version__
from dagctl.cli.app import App
from dagctl.cli.registry import GROUPS, Command, Registry

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from typing import Any, NoReturn

EPILOG = """\
getting started:
  dagctl auth login --org ORG    sign in through the browser
  dagctl use-project PROJECT     choose a project
  dagctl config generate         convert config.yaml to config.py
  sqlmesh plan                   as ever, with the hosted state
"""


class LazyParser(ArgumentParser):
    """A parser that imports its command only when it is the one that was chosen."""

    command: Command | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As `ArgumentParser` does, after the chosen command has declared its options."""
        self.declare()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """As `ArgumentParser` does; it shows what was typed as it is."""
        from dagctl.domain.values.text import harmless

        super().error(harmless(message))

    def declare(self) -> None:
        """Have the command, where this parser is one's, declare its options."""
        if self.command is None:
            return
        from inspect import cleandoc

        module = self.command.load()
        module.configure(self)
        self.description = cleandoc(module.__doc__ or self.command.summary)
        self.add_argument("--json", action="store_true", help="print the result as JSON")
        self.set_defaults(run=module.run)
        self.command = None


def build_parser(registry: Registry, *, whole: bool = False) -> LazyParser:
    """The parser of the whole program.

    Args:
        whole: have every command declare its options now, not when it is chosen; one that does not load has none.
    """
    parser = LazyParser(
        prog="dagctl",
        description="Connect a SQLMesh project to a hosted, managed state database.",
        epilog=EPILOG,
        formatter_class=_formatter,
    )
    parser.add_argument("--version", action="version", version=f"dagctl {__version__}")
    choices: dict[tuple[str, ...], Any] = {(): _choices(parser)}
    for command in registry:
        group, word = command.words[:-1], command.words[-1]
        if group not in choices:
            summary = GROUPS.get(group[0], "")
            words = {"help": summary, "description": f"{summary.capitalize()}."}
            choices[group] = _choices(choices[()].add_parser(group[0], formatter_class=_formatter, **words))
        leaf = choices[group].add_parser(word, help=command.summary, formatter_class=_formatter)
        leaf.command = command
        if whole:
            from dagctl.domain.errors import DagctlError

            with suppress(DagctlError):
                leaf.declare()
    return parser


def _formatter(prog: str) -> RawDescriptionHelpFormatter:
    """As wide as argparse has it, without all that it loads to find that out."""
    try:
        columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (ValueError, OSError, AttributeError):
        columns = 80
    return RawDescriptionHelpFormatter(prog, width=(columns or 80) - 2)


def _choices(parser: ArgumentParser) -> Any:
    return parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True, parser_class=LazyParser
    )


def main(argv: Sequence[str] | None = None, *, app: App | None = None, registry: Registry | None = None) -> int:
    """Run one command line.

    Args:
        argv: the arguments, without the program's name; the process's own where None.
        app: streams and SDK; the process's own where None.
        registry: the commands; the built-in ones where None.

    Returns:
        The exit code; see `dagctl.cli.endings`. `--help`, `--version` and usage errors raise `SystemExit`.
    """
    app = app or App()
    try:
        args = _parser(sys.argv[1:] if argv is None else argv, registry or Registry(), app).parse_args(argv)
        app.as_json = args.json
        if app.as_json and isinstance(app.out, TextIOWrapper):
            app.out.reconfigure(encoding="utf-8", errors="backslashreplace")  # RFC 8259 section 8.1
        code: int = args.run(args, app)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one boundary, where all become sentences
        from dagctl.cli import endings

        code = endings.of(error, app)
    return app.finish(code)


def _parser(argv: Sequence[str], registry: Registry, app: App) -> LazyParser:
    """The parser, with other packages' commands where the command line is not for one of ours."""
    completing = "_ARGCOMPLETE" in os.environ  # argcomplete's own; a shell is asking
    if completing or not registry.knows(argv):
        from dagctl.cli.plugins import add_plugins

        add_plugins(registry, app.say)
    parser = build_parser(registry, whole=completing)
    if completing:
        import argcomplete

        argcomplete.autocomplete(parser)
    return parser


def entry_point() -> NoReturn:
    """The console script."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever the terminal cannot show is no reason to fail
    app = App()
    if sys.stderr is None:
        sys.stderr = app.err  # argparse of Python 3.10 writes there in any case
    try:
        code = main(app=app)
    except SystemExit as done:  # argparse has helped, or complained
        code = app.finish(int(done.code or 0))
    sys.exit(code)
