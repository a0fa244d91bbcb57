"""Tell a person at a terminal what takes so long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

PATIENCE = 1.0
"""How long to stay silent, in seconds."""


@contextmanager
def told(text: str, write: Callable[[str], None]) -> Iterator[None]:
    """Show `text` if the block takes longer than `PATIENCE`, and remove it when the block ends."""
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
