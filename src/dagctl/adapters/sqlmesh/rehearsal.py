"""Rehearsals: loading a configuration just to look at it, without a request and without its state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NOWHERE = {"type": "postgres", "host": "localhost", "port": 5432, "user": "", "password": "", "database": ""}
"""The state connection of a rehearsal."""

_rehearsing: ContextVar[bool] = ContextVar("rehearsing", default=False)


def rehearsing() -> bool:
    return _rehearsing.get()


@contextmanager
def rehearsal() -> Iterator[None]:
    """Within the block, and in this thread, load configurations without any request."""
    token = _rehearsing.set(True)
    try:
        yield
    finally:
        _rehearsing.reset(token)
