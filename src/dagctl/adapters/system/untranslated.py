"""The last resort at each boundary: what the operating system refuses, and nobody has put into words of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dagctl.domain.errors import DagctlError, FileUnusable
from dagctl.domain.values.text import printable


def translated(error: BaseException) -> BaseException:
    """An `OSError`, or a `RuntimeError` of Python's own, as a `DagctlError`; any other as it is.

    A subclass of `RuntimeError`, as `RecursionError` is, speaks of a bug.
    """
    if isinstance(error, OSError):
        why = printable(error.strerror or str(error) or type(error).__name__)
        if isinstance(error.filename, (str, bytes)):
            path = os.fsdecode(error.filename)
            return FileUnusable(f"{printable(path)} cannot be used: {why}.", path=path)
        return DagctlError(f"The operating system refuses what dagctl asks for: {why}.")
    if type(error) is RuntimeError:  # such as "can't start new thread"
        return DagctlError(f"Python cannot go on: {printable(str(error)).rstrip('.')}.")
    return error


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Have what `translated` knows leave as a `DagctlError`."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        ours = translated(error)
        if ours is error:
            raise
        raise ours from error
