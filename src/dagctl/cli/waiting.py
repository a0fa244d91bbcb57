"""What a person at a terminal is told while something takes its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

PATIENCE = 1.0
"""Seconds that pass before anything is said."""


@contextmanager
def told(text: str, write: Callable[[str], None]) -> Iterator[None]:
    """Show `text` while the block takes longer than `PATIENCE`, on a line that goes away again."""
    over = Event()

    def tell() -> None:
        if not over.wait(PATIENCE):
            write(text)
            over.wait()
            write(f"\r{' ' * len(text)}\r")

    teller = Thread(target=tell, name="dagctl teller", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
