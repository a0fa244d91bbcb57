"""A lock between processes; the operating system frees it when its owner dies."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagctl.adapters.files.private import ELSEWHERE, make_private
from dagctl.domain.errors import FileBusy, FileUnusable


@contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock of a file.

    Args:
        path: the file; made where there is none, and never removed.
        patience: seconds to wait for whoever holds it.

    Raises:
        FileBusy: somebody held it for longer.
        FileUnusable: it cannot be locked.
    """
    from filelock import FileLock, Timeout

    try:
        make_private(path.parent)
        if not os.access(path.parent, os.W_OK | os.X_OK):  # a token that is renewed and cannot be kept ends its session
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        lock = FileLock(path, timeout=patience, mode=0o600)
        lock.acquire()
    except Timeout:
        raise FileBusy(
            f"Another dagctl has held {path} for {patience:g} seconds.",
            hint="Look for a dagctl or sqlmesh that hangs, and end it.",
        ) from None
    except OSError as error:
        raise FileUnusable(f"{path} cannot be locked: {error.strerror}.", hint=ELSEWHERE) from None
    try:
        yield
    finally:
        lock.release()
