"""Writes the log when no program has set up `logging`: to a person at a terminal, and to the file in `DAGCTL_LOG`."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dagctl.adapters.files.private import append_private
from dagctl.domain.errors import FileUnusable
from dagctl.domain.values.text import printable

_LOGGER = logging.getLogger("dagctl")


class _Lines(logging.Handler):
    """Puts each record on one line; times are UTC (ISO 8601)."""

    def __init__(self, put: Callable[[str], None], level: int, layout: str) -> None:
        super().__init__(level)
        formatter = logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self._put = put

    def emit(self, record: logging.LogRecord) -> None:
        self._put(printable(self.format(record), 2000))


class _Onward(logging.Handler):
    """Passes to the root logger what it would get without dagctl's handlers, so that other logs do not change."""

    def __init__(self, *, shown: bool) -> None:
        super().__init__()
        self._least, self._shown = _LOGGER.level, shown

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= (self._least or logging.root.level) and (logging.root.handlers or not self._shown):
            logging.root.handle(record)


@contextmanager
def listening(
    path: str | None,
    warn: Callable[[str], None],
    *,
    say: Callable[[str], None] = print,
    verbosity: int = 0,
    notify: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Write the log until the block ends.

    Args:
        path: append DEBUG and above to this file, created with mode 0600; None for no file.
        warn: called once if the file cannot be written, which stops nothing else.
        say: shows a line to a person.
        verbosity: the lines that `say` gets: none (0), INFO and above (1), or DEBUG and above (2).
        notify: gets WARNING and above, which nobody is shown in another way; None if a person is to see them.
    """
    with ExitStack() as stack:
        listeners: list[logging.Handler] = []
        if verbosity:
            level = logging.INFO if verbosity == 1 else logging.DEBUG
            listeners.append(_Lines(say, level, "%(levelname)s %(message)s"))
        if notify is not None:
            listeners.append(_Lines(notify, logging.WARNING, "%(message)s"))
        try:
            if path:
                descriptor = append_private(Path(path))
                stack.callback(os.close, descriptor)
                layout = "%(asctime)s.%(msecs)03dZ %(process)d %(levelname)s %(message)s"
                listeners.append(_Lines(_appending(descriptor, path, warn), logging.DEBUG, layout))
        except FileUnusable as error:
            warn(f"DAGCTL_LOG: {error.message} Set it to a file of your own, or unset it.")
        level = min(_LOGGER.getEffectiveLevel(), *(listener.level for listener in listeners), logging.CRITICAL)
        if listeners and _LOGGER.propagate:
            listeners.append(_Onward(shown=bool(verbosity or notify or _LOGGER.handlers)))
        for listener in listeners:
            _LOGGER.addHandler(listener)
            stack.callback(_LOGGER.removeHandler, listener)
        stack.callback(_LOGGER.setLevel, _LOGGER.level)
        stack.callback(setattr, _LOGGER, "propagate", _LOGGER.propagate)
        if listeners:
            _LOGGER.setLevel(level)
            _LOGGER.propagate = False  # otherwise other handlers would get every DEBUG line; see `_Onward`
        yield


def _appending(descriptor: int, path: str, warn: Callable[[str], None]) -> Callable[[str], None]:
    """Appends each line in one write, so that processes can share the file. Warns once if that fails."""
    failed = False

    def append(line: str) -> None:
        nonlocal failed
        try:
            os.write(descriptor, f"{line}\n".encode(errors="backslashreplace"))
        except OSError as error:
            if not failed:
                failed = True
                warn(f"DAGCTL_LOG: {path} can no longer be written: {error.strerror}.")

    return append
