"""The commands, and the module of each. It imports a module only when its command is chosen."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

from dagctl.cli.verbosity import option_verbose

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from typing import Protocol

    from dagctl.cli.app import App

    class CommandModule(Protocol):
        """What a command's module contains."""

        __doc__: str | None

        def configure(self, parser: ArgumentParser) -> None:
            """Declare the command's options."""

        def run(self, args: Namespace, app: App) -> int:
            """Do it, and return the exit code."""


def no_options(parser: ArgumentParser) -> None:
    """`configure` of a command without options."""


class Command:
    """A command.

    Args:
        words: the words that call it.
        module: the name of the module that implements it.
        summary: a line for `--help`.

    Attributes:
        owner: the package that it comes from, and its version.
    """

    def __init__(self, words: tuple[str, ...], module: str, summary: str) -> None:
        self.words = words
        self.module = module
        self.summary = summary
        self.owner = "dagctl"

    def load(self) -> CommandModule:
        """Import the command's module."""
        return import_module(self.module)

    def declare(self, parser: ArgumentParser) -> None:
        """Declare the command's options, and those that every command has."""
        from inspect import cleandoc

        module = self.load()
        module.configure(parser)
        parser.description = cleandoc(module.__doc__ or self.summary)
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        option_verbose(parser)

    def guarded(self) -> AbstractContextManager[None]:
        """The context in which the command's own code runs, that of its options' types included."""
        return nullcontext()

    def run(self, args: Namespace, app: App) -> int:
        """Run the command, and return the exit code."""
        return self.load().run(args, app)


GROUPS = {
    "auth": "sign in and out",
    "config": "convert and inspect configuration",
    "protection": "ask about protected environments",
    "state": "look at the state database",
    "sandbox": "run the whole platform on this machine",
}

_HERE = "dagctl.cli.commands"

# the sandbox's commands are entry points, like those of other packages: see pyproject.toml
BUILT_IN = (
    Command(("auth", "login"), f"{_HERE}.auth_login", "sign in through the browser"),
    Command(("auth", "logout"), f"{_HERE}.auth_logout", "sign out and remove tokens and credentials"),
    Command(("auth", "status"), f"{_HERE}.auth_status", "show who is signed in, where, and for how long"),
    Command(("auth", "token"), f"{_HERE}.auth_token", "print a fresh token, for scripts"),
    Command(("auth", "refresh"), f"{_HERE}.auth_refresh", "renew the tokens now"),
    Command(("auth", "list"), f"{_HERE}.auth_list", "list the accounts that you are signed in with"),
    Command(("auth", "switch"), f"{_HERE}.auth_switch", "make another account the current one"),
    Command(("use-project",), f"{_HERE}.use_project", "choose the project to work on"),
    Command(("projects",), f"{_HERE}.projects", "list the organization's projects"),
    Command(("config", "generate"), f"{_HERE}.config_generate", "convert config.yaml to config.py"),
    Command(("config", "current"), f"{_HERE}.config_current", "show the current context and where it is from"),
    Command(("protection", "check"), f"{_HERE}.protection_check", "ask whether environments are open to you"),
    Command(("state", "url"), f"{_HERE}.state_url", "print the state database's address"),
    Command(("state", "psql"), f"{_HERE}.state_psql", "open psql on it"),
    Command(("doctor",), f"{_HERE}.doctor", "look at each link to the state database, and name the cure"),
    Command(("plugins",), f"{_HERE}.plugins", "list what other packages add, and what of it is broken"),
    Command(("completion",), f"{_HERE}.completion", "complete words in your shell"),
)


class Registry:
    """The commands of one program. A program that embeds the CLI can add its own.

    Args:
        commands: the commands, in the order in which `--help` lists them.
    """

    def __init__(self, commands: Iterable[Command] = BUILT_IN) -> None:
        self._commands: dict[tuple[str, ...], Command] = {}
        for command in commands:
            self.add(command)

    def add(self, command: Command) -> None:
        """Register a command.

        Raises:
            ValueError: the words are invalid, or taken.
        """
        words = command.words
        if len(words) > 2 or not all(re.fullmatch("[a-z0-9][a-z0-9_-]*", word) for word in words):
            raise ValueError("its name is not one word, or two joined by a dot, of a-z, 0-9, - and _")
        for taken in (words, words[:1]):  # nor can a command's word be a group
            if taken in self._commands:
                raise ValueError(f"{' '.join(taken)!r} is a command of {self._commands[taken].owner}")
        if words[0] == "help":
            raise ValueError("'help' is reserved by dagctl")
        if self.is_group(words):
            owner = next(other.owner for other in self if other.words[:1] == words)
            raise ValueError(f"{words[0]!r} is a group of commands of {owner}")
        self._commands[words] = command

    def chosen(self, argv: Sequence[str]) -> Command | None:
        """The command that a command line is for; None if it is not for any of these."""
        words = tuple(argv[1:3] if argv[:1] == ["help"] else argv[:2])  # `help` is no command, and `-v` is gone by now
        return self._commands.get(words) or self._commands.get(words[:1])

    def is_group(self, words: tuple[str, ...]) -> bool:
        """Whether these are what commands begin with, and no command."""
        return words not in self._commands and any(command[: len(words)] == words for command in self._commands)

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())
