"""A terminal on which a person may type while dagctl waits for something else as well."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from select import select
from threading import Thread
from time import monotonic

from attrs import define, field, frozen

_SECONDS_IN_THE_BACKGROUND = 1.0
"""How often a background job checks whether it is in the foreground."""


@frozen
class Terminal:
    """A terminal to read lines from as they come. POSIX only: Windows cannot wait for a console and a pipe at once.

    Attributes:
        descriptor: the terminal's file descriptor, open for reading, in canonical mode.
        prompt: shows a question, without a line break.
    """

    descriptor: int
    prompt: Callable[[str], None]

    @contextmanager
    def typing(self, take: Callable[[str], None]) -> Iterator[None]:
        """Pass each typed line to `take` until the block ends or the person types Ctrl-D.

        The block ends without a key press, and leaves no thread.

        Args:
            take: called in a thread, with the line without its line break.
        """
        ended, end = os.pipe()
        reader = Thread(target=self._read_until, args=(ended, take), name="dagctl terminal", daemon=True)
        try:
            reader.start()
            yield
        finally:
            os.close(end)  # the reader sees the end of its pipe, and returns
            with suppress(RuntimeError):  # Ctrl-C came before the thread started
                reader.join()

    def _read_until(self, ended: int, take: Callable[[str], None]) -> None:
        rest = b""
        try:
            while self._something_typed(ended):
                typed = os.read(self.descriptor, 65536)
                if not typed:
                    return
                *lines, rest = (rest + typed).split(b"\n")
                for line in lines:
                    take(line.decode(errors="replace"))
        finally:
            os.close(ended)

    def _something_typed(self, ended: int) -> bool:
        """Wait for a line; false if the block ended first."""
        while True:
            ready, _, _ = select([self.descriptor, ended], [], [])
            if ended in ready:
                return False
            if _in_foreground(self.descriptor):
                return True
            select([ended], [], [], _SECONDS_IN_THE_BACKGROUND)  # the shell owns the line; reading it would stop us


@define
class Lines:
    """Typed lines, one at a time. POSIX only, like `Terminal`.

    Attributes:
        descriptor: the file descriptor of a terminal, a pipe or a file, open for reading.
    """

    descriptor: int
    _rest: bytes = field(default=b"", init=False)

    def next(self, seconds: float) -> str:
        """The next line without its line break. The rest is kept for the next call.

        Raises:
            TimeoutError: no line came within `seconds`.
            EOFError: no more lines will come.
        """
        end = monotonic() + seconds
        while b"\n" not in self._rest:
            if not select([self.descriptor], [], [], max(end - monotonic(), 0.0))[0]:
                raise TimeoutError
            typed = os.read(self.descriptor, 65536)
            if not typed and not self._rest:
                raise EOFError
            self._rest += typed or b"\n"
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")


def _in_foreground(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True  # Windows has no background jobs
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # a terminal that controls no session has no background jobs
