"""The program: finds the command, runs it, and turns every outcome into an exit code."""

from __future__ import annotations

import os
import sys
from argparse import Action, ArgumentError, ArgumentParser, HelpFormatter, Namespace
from collections.abc import Container, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from io import TextIOWrapper
from itertools import takewhile

from dagctl import __version__
from dagctl.cli.app import App, width
from dagctl.cli.registry import GROUPS, Command, Registry
from dagctl.cli.verbosity import leading, listened, option_verbose

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from typing import Any, NoReturn

EPILOG = """\
getting started:
  dagctl auth login --org ORG  sign in through the browser
  dagctl use-project PROJECT   choose a project
  dagctl config generate       convert config.yaml
  sqlmesh plan                 use SQLMesh with the hosted state
"""


class LazyParser(ArgumentParser):
    """A parser that imports its command only when it is the one that was chosen."""

    command: Command | None = None
    app: App | None = None
    elsewhere: Mapping[str, str] | None = None
    is_group = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As in `ArgumentParser`, after the chosen command has declared its options.

        An unknown option is an error of the command, not of the program, whose usage does not show it.
        """
        command = self.command  # `declare` forgets it
        if not completing():  # argcomplete changes each action before it parses
            self.declare()
        with command.guarded() if command else nullcontext():
            namespace, unknown = super().parse_known_args(args, namespace)
        if completing():
            return namespace, unknown
        if unknown:
            known = {name.lstrip("-"): name for name in self._option_string_actions if name.startswith("--")}
            meant = _meant(unknown[0].lstrip("-"), known)
            if not meant and command is None and "_command" in namespace:
                meant = "; options of a command follow it"
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        if self.is_group and "_command" not in namespace:
            self.error("the following arguments are required: COMMAND")
        return namespace, unknown

    def _check_value(self, action: Action, value: Any) -> None:
        if action.dest == "command" and isinstance(action.choices, dict) and value not in action.choices:
            # argparse would begin with "argument COMMAND:", and list every choice
            known = {**(self.elsewhere or {}), **{word: word for word in action.choices}}
            raise ArgumentError(None, f"there is no command {value!r}{_meant(value, known)}")
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        """As `ArgumentParser` does, without control characters that were typed; for a program, as JSON."""
        from dagctl.domain.values.text import harmless

        if self.app is not None and self.app.as_json:
            from dagctl.cli.endings import USAGE

            self.exit(self.app.fail("usage", message, exit_code=USAGE, hint=f"Run: {self.prog} --help"))
        super().error(harmless(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        with suppress(AttributeError, OSError):  # as from Python 3.11: nobody may be reading
            super()._print_message(message, file)

    def declare(self) -> None:
        """Let the command declare its options, if this is the parser of one."""
        if self.command is None:
            return
        self.command.declare(self)
        self.set_defaults(_command=self.command)
        if completing() and self.command.module.startswith("dagctl."):
            from dagctl.cli.completing import complete_values

            complete_values(self)
        self.command = None


def build_parser(
    registry: Registry,
    argv: Sequence[str] | None = None,
    *,
    whole: Container[Command | None] = (),
    app: App | None = None,
) -> LazyParser:
    """The parser of the whole program.

    Args:
        argv: the command line to parse. Groups that are not in it stay empty; None fills all of them.
        whole: the commands that declare their options now, before they are chosen. One that does not load has none.
        app: reports usage errors to programs.
    """
    parser = LazyParser(
        prog="dagctl",
        description="Connect a SQLMesh project to a hosted, managed state database.",
        epilog=EPILOG,
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"dagctl {__version__}")
    parser.app = app
    parser.elsewhere = {command.words[-1]: " ".join(command.words) for command in reversed([*registry])}
    option_verbose(parser)
    choices: dict[tuple[str, ...], Any] = {(): _choices(parser)}
    for command in registry:
        group, word = command.words[:-1], command.words[-1]
        if group not in choices:
            summary = GROUPS.get(group[0], command.summary)
            words = {"help": summary, "description": f"{summary.capitalize()}."}
            branch = choices[()].add_parser(group[0], formatter_class=_Formatter, **words)
            branch.app = app
            choices[group] = _choices(branch)
        if group and argv is not None and group[0] not in argv:
            continue  # making every command's parser takes time
        leaf = choices[group].add_parser(word, help=command.summary.replace("%", "%%"), formatter_class=_Formatter)
        leaf.command, leaf.app = command, app
        if command in whole:
            from dagctl.domain.errors import DagctlError

            with suppress(DagctlError):
                leaf.declare()
            leaf.command = None  # one that does not load is not tried again
    return parser


class _Formatter(HelpFormatter):
    """Fills paragraphs to the width of the terminal, keeps words whole, and looks the same on every Python."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=max(width(sys.stdout) - 2, 20))  # argparse would load all of shutil to find out

    def add_argument(self, action: Action) -> None:
        """Note how wide an action is: before 3.12, Python forgets that a command is indented."""
        super().add_argument(action)
        for inner in self._iter_indented_subactions(action):
            width = len(self._format_action_invocation(inner)) + self._current_indent
            self._action_max_length = max(self._action_max_length, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = []
        for part in text.split("\n\n"):
            formatted = "\n " in part or part[:1] == " "  # a table or a command: its line breaks stay
            lines = part.splitlines() if formatted else [" ".join(part.split())]
            filled.append("\n".join(line for long in lines for line in self._wrapped(long, width)))
        return "\n\n".join(filled)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return self._wrapped(" ".join(text.split()), width)

    def _wrapped(self, text: str, width: int) -> list[str]:
        from textwrap import wrap

        hang = " " * 4 if text[:1] == " " else ""
        return wrap(text, width, break_long_words=False, break_on_hyphens=False, subsequent_indent=hang)

    def _format_action_invocation(self, action: Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        return f"{', '.join(action.option_strings)} {self._format_args(action, action.dest.upper())}"


def _meant(word: str, known: Mapping[str, str]) -> str:
    """A question with what the closest of the `known` words stands for, if one is close."""
    from difflib import get_close_matches

    near = get_close_matches(word.partition("=")[0], list(known), 1)
    return f"; did you mean {known[near[0]]!r}?" if near else ""


def completing() -> bool:
    """Whether a shell asks for completions, with argcomplete's variable."""
    return "_ARGCOMPLETE" in os.environ


def _choices(parser: LazyParser) -> Any:
    parser.is_group = True
    return parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")


def main(argv: Sequence[str] | None = None, *, app: App | None = None, registry: Registry | None = None) -> int:
    """Run one command line.

    Args:
        argv: the arguments, without the program's name; None for the process's own.
        app: streams and SDK; None for the process's own.
        registry: the commands; None for the built-in ones.

    Returns:
        The exit code; see `dagctl.cli.endings`. `--help`, `--version` and usage errors raise `SystemExit`.
    """
    app = app or App()
    try:
        argv = sys.argv[1:] if argv is None else list(argv)
        if "--json" in takewhile("--".__ne__, argv):  # so that usage errors are JSON too
            app.write_json()
        args = _parsed(argv, registry or Registry(), app)
        if args.json:  # it may be abbreviated
            app.write_json()
        with listened(args, app):
            code: int = args._command.run(args, app)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one boundary, where every error becomes a sentence
        from dagctl.cli import endings

        code = endings.of(error, app)
    return app.finish(code)


def _parsed(argv: Sequence[str], registry: Registry, app: App) -> Namespace:
    """The parsed command line. Other packages' commands are loaded only if it is not for one of ours."""
    loud, argv = leading(argv)
    if completing():
        _complete(registry)
    if registry.chosen(argv) is None and argv[:1] != ["--version"]:
        from dagctl.cli.plugins import add_for

        add_for(argv, registry, partial(app.warn, "plugin_ignored"))
    chosen = registry.chosen(argv)
    app.command = " ".join(chosen.words) if chosen else None
    if chosen is None and argv[1:2] == ["help"] and registry.is_group(tuple(argv[:1])):
        argv = ["help", argv[0], *argv[2:]]
    if argv[:1] == ["help"]:
        argv = [*(word for word in argv if word != "help"), "--help"]
    elif registry.is_group(tuple(argv)):  # `dagctl` alone is one too
        argv = [*argv, "--help"]
    args = build_parser(registry, argv, app=app).parse_args(argv)
    args._verbosity = getattr(args, "_verbosity", 0) + loud
    return args


def _complete(registry: Registry) -> None:
    """Answer the shell, and end the process."""
    import argcomplete

    from dagctl.cli.plugins import add_plugins

    add_plugins(registry)
    # argcomplete splits the line as the shell does, but later; no command's word needs quotes
    words = os.environ.get("COMP_LINE", "").split()[1:]
    if words[:1] == ["help"] and (len(words) > 1 or os.environ["COMP_LINE"][-1:].isspace()):
        os.environ["_ARGCOMPLETE"] = "2"  # it takes the second word for the program
    chosen = registry.chosen(leading(words)[1])
    with chosen.guarded() if chosen else nullcontext():
        argcomplete.autocomplete(build_parser(registry, whole=[chosen]))


def entry_point() -> NoReturn:
    """The console script."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a character
    app = App()
    if sys.stderr is None:
        sys.stderr = app.err  # argparse of Python 3.10 writes there in any case
    try:
        code = main(app=app)
    except SystemExit as done:  # argparse has shown help, or an error
        code = app.finish(done.code if isinstance(done.code, int) else int(done.code is not None))
    sys.exit(code)
