"""A terminal on which a person may type something while something else is awaited too."""

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
"""How often a job in the background looks whether it has come to the foreground."""


@frozen
class Terminal:
    """A terminal whose lines can be taken as they come. POSIX only: Windows cannot wait for a console and a pipe.

    Attributes:
        descriptor: of the terminal, open for reading; in the mode that hands over whole lines.
        prompt: shows a question, without a line's end.
    """

    descriptor: int
    prompt: Callable[[str], None]

    @contextmanager
    def typing(self, take: Callable[[str], None]) -> Iterator[None]:
        """Hand each line that is typed to `take`, until the block ends or the person types Ctrl-D.

        Nobody has to press a key for the block to end, and no thread is left then.

        Args:
            take: called in a thread of its own, with the line without its end.
        """
        ended, end = os.pipe()
        reader = Thread(target=self._read_until, args=(ended, take), name="dagctl terminal", daemon=True)
        try:
            reader.start()
            yield
        finally:
            os.close(end)
            with suppress(RuntimeError):  # Ctrl-C came before it was known to have started
                reader.join()

    def _read_until(self, ended: int, take: Callable[[str], None]) -> None:
        try:
            self._read(ended, take)
        finally:
            os.close(ended)

    def _read(self, ended: int, take: Callable[[str], None]) -> None:
        rest = b""
        while self._something_typed(ended):
            typed = os.read(self.descriptor, 65536)
            if not typed:
                return
            *lines, rest = (rest + typed).split(b"\n")
            for line in lines:
                take(line.decode(errors="replace"))

    def _something_typed(self, ended: int) -> bool:
        """Wait for a line; false where the end came first."""
        while True:
            ready, _, _ = select([self.descriptor, ended], [], [])
            if ended in ready:
                return False
            if _in_foreground(self.descriptor):
                return True
            select([ended], [], [], _SECONDS_IN_THE_BACKGROUND)  # the line is the shell's, and to read it stops us


@define
class Lines:
    """What is typed, a line at a time. POSIX only, as `Terminal`.

    Attributes:
        descriptor: of a terminal, a pipe or a file, open for reading.
    """

    descriptor: int
    _rest: bytes = field(default=b"", init=False)

    def next(self, seconds: float) -> str:
        """The next line without its end; what comes after it is kept for the next call.

        Raises:
            TimeoutError: there was none within `seconds`.
            EOFError: there will be none.
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
        return True  # it has no jobs that could be in the background
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # a terminal that controls nobody has no background either
