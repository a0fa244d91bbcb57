"""What a command gets: streams, the SDK, and ways to show a result to a person or to a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any, TextIO

    from dagctl._sdk import Dagctl


SCHEMA = 1
"""The version of the envelope and the records. A new field leaves it; a field that changes or goes raises it."""


def _connect(**ports: Any) -> Dagctl:
    from dagctl._wiring import connect

    return connect(**ports)


class App:
    """One run of the program. It behaves the same whether or not anybody reads its output.

    Args:
        connect: returns the SDK; its keywords are those of `dagctl.connect`.
        out: the stream for data.
        err: the stream for everything else.
        stdin: the stream that answers come from.

    Attributes:
        as_json: a program reads the output. stdout is then one JSON document, and each line of stderr is one too.
        command: the command's words; None until they are known.
    """

    def __init__(
        self,
        *,
        connect: Callable[..., Dagctl] = _connect,
        out: TextIO | None = None,
        err: TextIO | None = None,
        stdin: TextIO | None = None,
    ) -> None:
        self._connect = connect
        self.out = out or sys.stdout or _nowhere("w")
        self.err = err or sys.stderr or _nowhere("w")
        self.stdin = stdin or sys.stdin or _nowhere("r")
        self.as_json = False
        self.command: str | None = None
        self._unfinished_line = False
        self._counted = 0
        self._unwritten: OSError | None = None

    def write_json(self) -> None:
        """Write for a program from now on (RFC 8259 section 8.1: in UTF-8)."""
        self.as_json = True
        for stream in (self.out, self.err):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")

    def connect(self, **ports: Any) -> Dagctl:
        """The SDK. Warns if nothing is verified, and tells a person at a terminal what takes long."""
        if ports.get("insecure"):
            from dagctl._cures import UNVERIFIED

            self.warn("unverified", f"-k {UNVERIFIED}")
        if not self.as_json and self.err.isatty():
            ports["waiting"] = self._waiting
        return self._connect(**ports)

    def _waiting(self, host: str) -> AbstractContextManager[None]:
        from dagctl.cli.waiting import told

        self._end_line()
        text = f"Waiting for {_harmless(host)} ..."[: width(self.err) - 1]
        return told(text, lambda text: self._put(self.err, text))

    def show(self, record: object, text: str, paint: Callable[[str], str] = str) -> None:
        """Put a command's result on stdout: `record` in the envelope for a program, `text` in colour for a person."""
        if self.as_json:
            text, paint = self._enveloped({"data": record}, indent=2), str
        self.put(text, paint)

    def event(self, name: str, record: Mapping[str, object]) -> None:
        """Tell a program of something that happens before the result, on stderr. A person is told in words."""
        if self.as_json:
            self._tell({"event": name, **record})

    def warn(self, code: str, message: str) -> None:
        """Warn, on stderr.

        Args:
            code: what programs know the warning by; one of `dagctl.cli.records.WARNINGS`.
        """
        if self.as_json:
            self._tell({"warning": {"code": code, "message": message}})
        else:
            self.say(f"WARNING: {message}")

    def fail(
        self,
        code: str,
        message: str,
        *,
        exit_code: int,
        hint: str | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> int:
        """Say on stderr why the run fails; returns `exit_code`.

        Args:
            code: what programs know the error by.
            hint: what to do about it.
            facts: what else programs get to know.
        """
        if self.as_json:
            known = {"code": code, "message": message, "hint": hint, "exit_code": exit_code}
            self._tell({"error": {**known, **(facts or {})}})
        else:
            self.say(f"dagctl: {message}")
            if hint:
                self.say(f"  {hint}")
        return exit_code

    def _tell(self, members: Mapping[str, object]) -> None:
        self._put(self.err, f"{self._enveloped(members)}\n")

    def _enveloped(self, members: Mapping[str, object], indent: int | None = None) -> str:
        import json

        whole = {"schema": SCHEMA, "command": self.command, **members}
        return _escaped(json.dumps(whole, indent=indent, ensure_ascii=False, allow_nan=False, default=_plain))

    def put(self, text: str, paint: Callable[[str], str] = str) -> None:
        """Put a line of data on stdout, coloured by `paint`; escape sequences in `text` are removed."""
        self._end_line()
        self._put(self.out, f"{paint(_harmless(text))}\n")

    def show_rows(
        self, record: object, rows: Sequence[Sequence[str]], absent: str, paint: Callable[[str], str] = str
    ) -> None:
        """Put a list on stdout; tell a person if it is empty."""
        if rows or self.as_json:
            self.show(record, columns(rows), paint)
        else:
            self.say(absent)

    def say(self, text: str) -> None:
        """Tell a person something, on stderr. A program does not need to know."""
        if not self.as_json:
            self._end_line()
            self._put(self.err, f"{_harmless(text)}\n")

    def _end_line(self) -> None:
        if self._unfinished_line:
            self._put(self.err, "\n")
            self._unfinished_line = False

    def ask(self, question: str) -> str:
        """Ask a person; returns the answer without its line end.

        Raises:
            NeedsTerminal: nobody answers.
        """
        if not self.as_json:
            self._put(self.err, _harmless(question))
        answer = self.stdin.readline()
        if not answer:
            from dagctl.domain.errors import NeedsTerminal

            raise NeedsTerminal("The question was not answered.")
        return answer.rstrip("\r\n")

    def prompt(self, question: str) -> None:
        """Show a person a question; the caller reads the answer."""
        if self.as_json:
            return
        self._end_line()
        self._put(self.err, _harmless(question))
        self._unfinished_line = True

    def countdown(self, left: float) -> None:
        """Show how many seconds are left, on a line that is overwritten; a dumb terminal shows it once."""
        if os.environ.get("TERM") == "dumb":
            if not self._counted:
                self.say(f"Waiting for the sign-in for up to {left:.0f} s. Press Ctrl-C to cancel.")
            self._counted = 1
            return
        count = f"{left:3.0f} s "
        lines = (f"Waiting for the sign-in: {count}left. Ctrl-C cancels. ", f"Waiting: {count}left. ", count)
        room = width(self.err) - 1
        line = next((each for each in lines if len(each) <= room), count)  # one that wraps cannot be overwritten
        self._put(self.err, f"\r{line.ljust(min(self._counted, room))}")
        self._counted = len(line)
        self._unfinished_line = True

    def finish(self, code: int) -> int:
        """Flush the output; returns the exit code of a command that ends with `code`.

        A reader that has gone away is no failure. A disk that is full is one.
        """
        self._put(self.out, "")  # flushes what argparse or a plugin wrote there
        self._put(self.err, "")
        if self._unwritten is None:
            return code
        message = f"The output cannot be written: {self._unwritten.strerror}."
        return self.fail("output_unwritable", message, exit_code=code or 1)

    def _put(self, stream: TextIO, text: str) -> None:
        if stream.closed:  # by a plugin
            return
        try:
            stream.write(text)
            stream.flush()
        except OSError as error:
            if stream is self.out and not isinstance(error, BrokenPipeError):
                self._unwritten = error
            _silence(stream)

    @property
    def interactive(self) -> bool:
        """Whether a person at a terminal can answer questions."""
        return not self.as_json and self.stdin.isatty() and self.err.isatty()


def width(stream: TextIO) -> int:
    """The columns of the terminal behind a stream, as COLUMNS has it or the terminal itself; else 80."""
    columns = 0
    with suppress(ValueError):
        columns = int(os.environ.get("COLUMNS") or 0)
    if columns <= 0:
        # without shutil, which takes long to load and looks at stdout alone
        with suppress(ValueError, OSError, AttributeError):
            columns = os.get_terminal_size(stream.fileno()).columns
    return columns if columns > 0 else 80


def _harmless(text: str) -> str:
    """As `dagctl.domain.values.text.harmless`, imported only if there is something to remove."""
    if text.replace("\n", "").isprintable():
        return text
    from dagctl.domain.values.text import harmless

    return harmless(text)


def _escaped(text: str) -> str:
    """The same JSON with escapes for every character that a terminal acts on or that an encoding may lack."""
    if text.replace("\n", "").isprintable():
        return text
    import json

    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def _plain(value: object) -> object:
    """What JSON has no type for: a time in UTC (RFC 3339), a path from the root, anything else as text."""
    from datetime import datetime, timezone
    from pathlib import PurePath

    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    return os.path.abspath(value) if isinstance(value, PurePath) else str(value)


def _silence(stream: TextIO) -> None:
    """Discard further output. Otherwise Python tries to flush it again at exit, and complains."""
    with suppress(OSError, ValueError):  # an embedder's stream may have no descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # in the stream's own place: its buffer still holds what failed
        os.close(null)


def _nowhere(mode: str) -> TextIO:
    """A replacement for a standard stream that is closed."""
    descriptor = os.open(os.devnull, os.O_RDWR)  # takes the closed number, so none of our files can get it
    return open(descriptor, mode, encoding="utf-8", closefd=False)  # type: ignore[return-value]


def table(rows: Mapping[str, object]) -> str:
    """`rows` as two aligned columns."""
    width = max(map(len, rows), default=0)
    return "\n".join(f"{key + ':':<{width + 1}}  {value}" for key, value in rows.items())


def columns(rows: Sequence[Sequence[str]]) -> str:
    """`rows` as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
