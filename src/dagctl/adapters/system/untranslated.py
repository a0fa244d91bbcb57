"""The last resort at each boundary: errors of the operating system that nothing else has translated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dagctl.domain.errors import DagctlError, FileUnusable
from dagctl.domain.values.text import printable


def translated(error: BaseException) -> BaseException:
    """An `OSError`, or a plain `RuntimeError`, as a `DagctlError`; any other error unchanged.

    A subclass of `RuntimeError`, such as `RecursionError`, is a sign of a bug.
    """
    if isinstance(error, OSError):
        why = printable(error.strerror or str(error) or type(error).__name__)
        if isinstance(error.filename, (str, bytes)):
            path = os.fsdecode(error.filename)
            return FileUnusable(f"{printable(path)} cannot be used: {why}.", path=path)
        return DagctlError(f"The operating system refused a request of dagctl: {why}.")
    if type(error) is RuntimeError:  # such as "can't start new thread"
        return DagctlError(f"Python cannot continue: {printable(str(error)).rstrip('.')}.")
    return error


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Raise what `translated` knows as a `DagctlError`."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        ours = translated(error)
        if ours is error:
            raise
        raise ours from error
