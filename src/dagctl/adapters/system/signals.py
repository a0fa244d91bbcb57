"""Delays signals that end the process while something must not be left half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


@contextmanager
def held() -> Iterator[None]:
    """Delay signals that would end the process until after the block.

    The caller limits how long the block takes. Outside the main thread this does nothing: Python handles signals in the
    main thread, and only that thread may change the handlers.
    """
    if current_thread() is not main_thread():
        yield
        return
    came: list[int] = []
    before = {}
    try:
        for number in _ENDING:
            # an ignored signal stays ignored, and a handler that is not Python's could not be restored
            if signal.getsignal(number) not in (None, signal.SIG_IGN):
                before[number] = signal.signal(number, lambda number, frame: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)
