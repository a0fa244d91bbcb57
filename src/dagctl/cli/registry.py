"""The commands that exist, and where each lives. Nothing is imported until a command is chosen."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from typing import Protocol

    from dagctl.cli.app import App

    class CommandModule(Protocol):
        """What a command's module holds."""

        __doc__: str | None

        def configure(self, parser: ArgumentParser) -> None:
            """Declare the command's options."""

        def run(self, args: Namespace, app: App) -> int:
            """Do it, and return the exit code."""


def no_options(parser: ArgumentParser) -> None:
    """`configure` of a command that has none."""


class Command:
    """A command.

    Args:
        words: what calls it.
        module: the name of the module that does it.
        summary: a line for `--help`.
    """

    def __init__(self, words: tuple[str, ...], module: str, summary: str) -> None:
        self.words = words
        self.module = module
        self.summary = summary

    def load(self) -> CommandModule:
        """Import the command's module."""
        return import_module(self.module)


GROUPS = {
    "auth": "sign in and out",
    "config": "convert and inspect configuration",
    "protection": "ask about protected environments",
    "state": "look at the state database",
    "sandbox": "run the whole platform on this machine",
}

_HERE = "dagctl.cli.commands"

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
    Command(("plugins",), f"{_HERE}.plugins", "list commands that other packages add"),
    Command(("completion",), f"{_HERE}.completion", "complete words in your shell"),
    Command(("sandbox", "start"), f"{_HERE}.sandbox_start", "start it"),
    Command(("sandbox", "stop"), f"{_HERE}.sandbox_stop", "stop it"),
    Command(("sandbox", "status"), f"{_HERE}.sandbox_status", "say whether it runs, and where"),
    Command(("sandbox", "demo"), f"{_HERE}.sandbox_demo", "walk through everything on it"),
)


class Registry:
    """The commands of one program. Whoever embeds the CLI can add commands of their own.

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
            ValueError: the words are taken.
        """
        if command.words in self._commands:
            raise ValueError(f"there is a command {' '.join(command.words)!r} already")
        self._commands[command.words] = command

    def knows(self, argv: Sequence[str]) -> bool:
        """Whether a command line is for one of these commands, or for none at all."""
        words = tuple(argv[:2])
        if not words or words[0].startswith("-"):
            return True
        if words[0] == "help":
            return len(words) == 1 or self.knows(argv[1:])
        named = tuple(word for word in words if not word.startswith("-"))
        return self.has(words) or self.has(words[:1]) or self.is_group(named)

    def has(self, words: tuple[str, ...]) -> bool:
        """Whether these are a command."""
        return words in self._commands

    def named(self, argv: Sequence[str]) -> str | None:
        """The words of the command that a command line is for; None if it is for none."""
        return next((" ".join(words) for words in (tuple(argv[:2]), tuple(argv[:1])) if self.has(words)), None)

    def is_group(self, words: tuple[str, ...]) -> bool:
        """Whether these are what commands begin with, and no command."""
        return any(command[: len(words)] == words for command in self._commands) and not self.has(words)

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())
