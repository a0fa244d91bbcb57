"""Commands that other packages add, found by their entry points."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO

from dagctl.adapters.plugins.entry_points import OURS, EntryPoint, entry_points
from dagctl.cli.registry import Command, Registry

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

    from dagctl.cli.app import App
    from dagctl.cli.cures import CommandProblem
    from dagctl.cli.registry import CommandModule

GROUP = "dagctl.commands"
"""Entry points of this group name a module as `CommandModule` has it. Their own name is the command's words, joined
by a dot: `lint`, or `config.lint`."""


class PluginCommand(Command):
    """A command that an entry point names. An error in another package's code is reported as that package's.

    Attributes:
        point: the entry point.
        problem: why it cannot be registered; None if it can.
    """

    problem: CommandProblem | None = None

    def __init__(self, point: EntryPoint) -> None:
        super().__init__(tuple(point.name.split(".")), point.value, f"added by {point.distribution}")
        self.point = point
        self.owner = point.owner

    def load(self) -> CommandModule:
        """Import what the entry point names: a module, or an object in one."""
        module: CommandModule = self.point.load()
        return module

    def declare(self, parser: ArgumentParser) -> None:
        """As `Command` does.

        Raises:
            CommandProblem: the module does not load, or declares options that cannot be.
        """
        with loading(self.point):
            super().declare(parser)
            parser.format_help()  # a help text with a lone % may fail only here
            if not callable(self.load().run):
                raise TypeError("run is no function")

    def describe(self) -> None:
        """Take the summary from the module, if that loads."""
        with suppress(Exception), loading(self.point):
            self.summary = (self.load().__doc__ or self.summary).strip().splitlines()[0].partition(". ")[0].rstrip(".")

    @contextmanager
    def guarded(self) -> Iterator[None]:
        from dagctl.domain.errors import DagctlError

        try:
            yield
        except (KeyboardInterrupt, SystemExit, DagctlError):
            raise
        except BaseException as error:
            if self.point.distribution == OURS:
                raise
            from traceback import format_exception

            from dagctl.cli.cures import CommandProblem
            from dagctl.cli.endings import logged

            log = logged(_without_tokens("".join(format_exception(error))), "plugin.log")
            where = f" The log is {log}." if log else ""
            what = f"The plugin {' '.join(self.words)!r} (from {self.owner}) failed: {_reason(error)}.{where}"
            raise CommandProblem(what, distribution=self.point.distribution) from None

    def run(self, args: Namespace, app: App) -> int:
        """As `Command` does. A plugin may return, or exit with, what `sys.exit` takes.

        Raises:
            CommandProblem: it failed.
        """
        with self.guarded():
            try:
                code: object = super().run(args, app)
            except SystemExit as done:
                code = done.code
                code = code if code is None or isinstance(code, int) else str(code)
            if code is None or isinstance(code, int):
                return int(code or 0) if (code or 0) in range(256) else 1  # 256 would be 0 for a shell
            if not isinstance(code, str):
                if callable(close := getattr(code, "close", None)):
                    close()  # a coroutine that nobody awaits complains
                raise TypeError(f"run returned a {type(code).__name__}, which is no exit code")
            from dagctl.cli.cures import CommandProblem

            raise CommandProblem(code)


def add_plugins(registry: Registry) -> list[PluginCommand]:
    """Register the plugins whose words are free. If two want the same words, the first by package gets them.

    Returns:
        All of them; those that are not registered have a `problem`.
    """
    found = [PluginCommand(point) for point in entry_points(GROUP)]
    for command in found:
        try:
            registry.add(command)
        except ValueError as error:
            command.problem = problem(command.point, str(error))
    return found


def add_for(argv: Sequence[str], registry: Registry, report: Callable[[str], None]) -> None:
    """Register plugins for a command line. Reports those that cannot be, unless the line is for another command."""
    found = add_plugins(registry)
    chosen = registry.chosen(argv)
    for command in found:
        if command.problem is not None:
            if not chosen or command.words == tuple(argv[: len(command.words)]):
                report(command.problem.message)
        elif not chosen and command.words[0] in argv:  # its group's help has room for a summary
            command.describe()


@contextmanager
def loading(point: EntryPoint) -> Iterator[None]:
    """Contain what a package does while it is loaded. Drops what it prints, which would mix with the command's output.

    Raises:
        CommandProblem: it does not load.
    """
    out, err = _Muted(sys.stdout), _Muted(sys.stderr)
    pressed: type[BaseException] = KeyboardInterrupt
    try:
        with redirect_stdout(out), redirect_stderr(err), _ctrl_c() as pressed:
            yield
    except BaseException as error:
        if isinstance(error, pressed):
            raise
        raise problem(point, _reason(error)) from error
    finally:
        out.muted = err.muted = False


class _Muted(StringIO):
    """A stream while a package is loaded. The package may keep it, so afterwards it is that stream."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream
        self.muted = True

    def write(self, text: str) -> int:
        return len(text) if self.muted or self._stream is None else self._stream.write(text)

    def flush(self) -> None:
        if not self.muted and self._stream is not None:
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        return super().fileno() if self._stream is None else self._stream.fileno()

    def close(self) -> None:
        """Stay open: the stream is not the package's."""


@contextmanager
def _ctrl_c() -> Iterator[type[BaseException]]:
    """Yield what Ctrl-C raises in the block, which differs from a KeyboardInterrupt of the code in it if possible."""
    from signal import SIGINT, default_int_handler, getsignal, signal
    from threading import current_thread, main_thread

    if current_thread() is not main_thread() or getsignal(SIGINT) is not default_int_handler:
        yield KeyboardInterrupt
        return

    def press(*_: object) -> None:
        raise _Pressed

    signal(SIGINT, press)
    try:
        yield _Pressed
    finally:
        signal(SIGINT, default_int_handler)


class _Pressed(KeyboardInterrupt):
    """A person has pressed Ctrl-C."""


def problem(point: EntryPoint, why: str) -> CommandProblem:
    """What is wrong with a plugin, as one line that says what to do about it."""
    from dagctl.cli.cures import CommandProblem, uninstall

    return CommandProblem(
        f"The plugin '{point}' of {point.owner} does not work: {why}. {uninstall(point.distribution)}",
        case="not_loaded",
        distribution=point.distribution,
    )


def _reason(error: BaseException) -> str:
    """What went wrong in a plugin, on one line."""
    from dagctl.domain.values.text import printable

    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"the module {error.name!r} is missing"
    said = ""
    with suppress(BaseException):  # of a __str__ of theirs
        said = printable(_without_tokens(str(error))).rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _without_tokens(text: str) -> str:
    """The text with each JSON Web Token taken out: a plugin may have revealed one."""
    return re.sub(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*", "…", text)
