"""What a command is given: streams, the SDK, and how to show a result."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any, TextIO

    from dagctl._sdk import Dagctl


def _connect(**ports: Any) -> Dagctl:
    from dagctl._wiring import connect

    return connect(**ports)


class App:
    """One run of the program. Whether anybody reads what it writes changes nothing else about it.

    Args:
        connect: gives the SDK; its keywords are those of `dagctl.connect`.
        out: where data goes.
        err: where talk goes.
        stdin: where answers come from.
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
        self._unfinished_line = False
        self._counted = False
        self._unwritten: OSError | None = None

    def connect(self, **ports: Any) -> Dagctl:
        """The SDK; without verification only after a warning. A person at a terminal is told what it waits for."""
        if ports.get("insecure"):
            from dagctl._cures import UNVERIFIED

            self.say(f"WARNING: -k {UNVERIFIED}")
        if not self.as_json and self.err.isatty():
            ports["waiting"] = self._waiting
        return self._connect(**ports)

    def _waiting(self, host: str) -> AbstractContextManager[None]:
        from dagctl.cli.waiting import told

        self._end_line()
        return told(f"Waiting for {_harmless(host)} ...", lambda text: self._put(self.err, text))

    def show(self, record: object, text: str, paint: Callable[[str], str] = str) -> None:
        """Put a command's result on stdout: `record` under `--json`, otherwise `text`, coloured by `paint`."""
        if self.as_json:
            import json

            text, paint = _escaped(json.dumps(record, indent=2, ensure_ascii=False, default=str)), str
        self.put(text, paint)

    def put(self, text: str, paint: Callable[[str], str] = str) -> None:
        """Put a line of data on stdout, coloured by `paint`: colours in `text` would not pass."""
        self._end_line()
        self._put(self.out, f"{paint(_harmless(text))}\n")

    def show_rows(
        self, record: object, rows: Sequence[Sequence[str]], absent: str, paint: Callable[[str], str] = str
    ) -> None:
        """Put a list on stdout; where there is nothing in it, say so."""
        if rows or self.as_json:
            self.show(record, columns(rows), paint)
        else:
            self.say(absent)

    def say(self, text: str) -> None:
        """Talk to the person, on stderr."""
        self._end_line()
        self._put(self.err, f"{_harmless(text)}\n")

    def _end_line(self) -> None:
        if self._unfinished_line:
            self._put(self.err, "\n")
            self._unfinished_line = False

    def ask(self, question: str) -> str:
        """Ask the person; the answer without its line end.

        Raises:
            NeedsTerminal: there is no answer to be had.
        """
        self._put(self.err, _harmless(question))
        answer = self.stdin.readline()
        if not answer:
            from dagctl.domain.errors import NeedsTerminal

            raise NeedsTerminal("The question was not answered.")
        return answer.rstrip("\r\n")

    def prompt(self, question: str) -> None:
        """Show a question whose answer somebody else reads."""
        self._end_line()
        self._put(self.err, _harmless(question))
        self._unfinished_line = True

    def countdown(self, left: float) -> None:
        """Show how many seconds are left, on a line that is written over; once where no line can be."""
        from shutil import get_terminal_size

        if os.environ.get("TERM") == "dumb":
            if not self._counted:
                self.say(f"Waiting for the sign-in, {left:.0f} s at most. Ctrl-C ends it.")
            self._counted = True
            return
        line = f"Waiting for the sign-in: {left:3.0f} s left, Ctrl-C ends it. "
        if len(line) >= get_terminal_size().columns:  # a line that wraps is not written over
            line = f"Waiting: {left:3.0f} s left. "
        self._put(self.err, f"\r{line}")
        self._unfinished_line = True

    def finish(self, code: int) -> int:
        """The exit code of a command that ends with `code`, once all that was written has left.

        Data that nobody wanted to read is no failure; data for which there was no room is one.
        """
        self._put(self.out, "")
        self._put(self.err, "")
        if self._unwritten is None:
            return code
        self.say(f"dagctl: The output cannot be written: {self._unwritten.strerror}.")
        return code or 1

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
        """Whether there is a person at a terminal to ask."""
        return bool(self.stdin and self.stdin.isatty() and self.err.isatty())


def _harmless(text: str) -> str:
    """As `dagctl.domain.values.text.harmless`, which is loaded only where it has something to do."""
    if text.replace("\n", "").isprintable():
        return text
    from dagctl.domain.values.text import harmless

    return harmless(text)


def _escaped(text: str) -> str:
    """JSON of which a terminal acts upon nothing, and which any encoding can hold: what it means is the same."""
    if text.replace("\n", "").isprintable():
        return text
    import json

    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def _silence(stream: TextIO) -> None:
    """Have what is written from now on vanish. Python would try, and complain, once more when it ends."""
    with suppress(OSError, ValueError):  # a stream of somebody who embeds us
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _nowhere(mode: str) -> TextIO:
    """In place of a stream that whoever started us has closed."""
    descriptor = os.open(os.devnull, os.O_RDWR)  # the number that was closed, and so that of no file of ours
    return open(descriptor, mode, encoding="utf-8", closefd=False)  # type: ignore[return-value]


def table(rows: Mapping[str, object]) -> str:
    """`rows` as two aligned columns."""
    width = max(map(len, rows), default=0)
    return "\n".join(f"{key + ':':<{width + 1}}  {value}" for key, value in rows.items())


def columns(rows: Sequence[Sequence[str]]) -> str:
    """`rows` as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
