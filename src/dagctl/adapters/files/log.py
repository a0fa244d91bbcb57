"""Who listens to the log where nobody sets up `logging`: a person at a terminal, and the file of `DAGCTL_LOG`."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dagctl.adapters.files.private import append_private
from dagctl.domain.errors import FileUnusable
from dagctl.domain.values.text import printable

_LOGGER = logging.getLogger("dagctl")


class _Lines(logging.Handler):
    """Puts each record on one line; times are UTC (ISO 8601)."""

    def __init__(self, put: Callable[[str], object], level: int, layout: str) -> None:
        super().__init__(level)
        formatter = logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self.put = put

    def emit(self, record: logging.LogRecord) -> None:
        self.put(printable(self.format(record), 2000))


class _File(_Lines):
    """Appends to a private file, each line at once and whole, so that many processes can share it."""

    def __init__(self, path: str, warn: Callable[[str], None]) -> None:
        super().__init__(self._append, logging.DEBUG, "%(asctime)s.%(msecs)03dZ %(process)d %(levelname)s %(message)s")
        self._path, self._warn, self._descriptor = path, warn, append_private(Path(path))

    def _append(self, line: str) -> None:
        try:
            os.write(self._descriptor, f"{line}\n".encode(errors="backslashreplace"))
        except OSError as error:
            self.put = lambda line: None  # one warning is enough
            self._warn(f"DAGCTL_LOG: {self._path} cannot be written any more: {error.strerror}.")

    def close(self) -> None:
        super().close()
        os.close(self._descriptor)


class _Onward(logging.Handler):
    """Hands the root logger what it would have without us, so that nobody else sees more or less."""

    def __init__(self, *, shown: bool) -> None:
        super().__init__()
        self._least, self._shown = _LOGGER.level, shown

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= (self._least or logging.root.level) and (logging.root.handlers or not self._shown):
            logging.root.handle(record)


@contextmanager
def listening(
    path: str | None, warn: Callable[[str], None], *, say: Callable[[str], None] = print, verbosity: int = 0
) -> Iterator[None]:
    """Have the log read until the block ends.

    Args:
        path: append to this file, from DEBUG on; None for no file. It is made with mode 0600.
        warn: is told, once, that the file cannot be written. Nothing stops for that.
        say: takes each line for a person.
        verbosity: which lines `say` gets: none (0), from INFO on (1), or from DEBUG on (2).
    """
    listeners: list[_Lines] = []
    if verbosity:
        listeners.append(_Lines(say, logging.INFO if verbosity == 1 else logging.DEBUG, "%(levelname)s %(message)s"))
    if path:
        try:
            listeners.append(_File(path, warn))
        except FileUnusable as error:
            warn(f"DAGCTL_LOG: {error.message} Set it to a file of your own, or unset it.")
    before = _LOGGER.level, _LOGGER.propagate
    others = [_Onward(shown=bool(verbosity or _LOGGER.handlers))] if listeners and _LOGGER.propagate else []
    for handler in (*listeners, *others):
        _LOGGER.addHandler(handler)
    if listeners:
        _LOGGER.setLevel(min(_LOGGER.getEffectiveLevel(), *(listener.level for listener in listeners)))
        _LOGGER.propagate = False
    try:
        yield
    finally:
        _LOGGER.setLevel(before[0])
        _LOGGER.propagate = before[1]
        for handler in (*listeners, *others):
            _LOGGER.removeHandler(handler)
            handler.close()
