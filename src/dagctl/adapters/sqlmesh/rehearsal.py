"""Whether a configuration is only being looked at: then nobody is asked, and no state is reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NOWHERE = {"type": "postgres", "host": "localhost", "port": 5432, "user": "", "password": "", "database": ""}
"""The state connection of a rehearsal."""

_rehearsing: ContextVar[bool] = ContextVar("rehearsing", default=False)


def rehearsing() -> bool:
    """Whether this is a rehearsal."""
    return _rehearsing.get()


@contextmanager
def rehearsal() -> Iterator[None]:
    """Load configurations without asking anybody, for the length of a block, in this thread."""
    token = _rehearsing.set(True)
    try:
        yield
    finally:
        _rehearsing.reset(token)
