"""Signals that end a process wait while something is done that must not be left half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


@contextmanager
def held() -> Iterator[None]:
    """Have signals that would end the process come after the block, as they would have come in it.

    Whoever uses this bounds the time that the block takes. In any other thread than the main one there is nothing to
    do: Python handles signals in the main thread, and lets nobody else change how.
    """
    if current_thread() is not main_thread():
        yield
        return
    came: list[int] = []
    before = {}
    try:
        for number in _ENDING:
            # one that is ignored stays so, and one that was not installed from Python cannot be put back
            if signal.getsignal(number) not in (None, signal.SIG_IGN):
                before[number] = signal.signal(number, lambda number, frame: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)
