"""A lock between processes. The operating system frees it when its owner dies."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dagctl.adapters.files.private import make_private, unusable
from dagctl.adapters.system.notices import notice
from dagctl.adapters.system.signals import held
from dagctl.domain.errors import FileBusy

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock on a file. Signals that would end the process wait until it is released.

    Its holder gets tokens from the issuer and records them. A process that ends in between loses them.

    Args:
        path: the lock file; created if missing, never removed.
        patience: seconds to wait for another holder.

    Raises:
        FileBusy: another process held it for longer.
        FileUnusable: the file cannot be locked.
    """
    from filelock import Timeout

    try:
        make_private(path.parent)
        if not os.access(path.parent, os.W_OK | os.X_OK):  # renewing a token that cannot be saved ends the session
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        lock = _lock(path)
        try:
            lock.acquire(timeout=min(1.0, patience))
        except Timeout:
            if sys.stderr is not None and sys.stderr.isatty():
                notice(f"Waiting for another dagctl, which holds {path}.")
            lock.acquire(timeout=max(0.0, patience - 1.0))
    except Timeout:  # it is an OSError, too
        raise FileBusy(
            f"Another dagctl has held {path} for {patience:g} seconds.", path=str(path), role="home", waited=patience
        ) from None
    except (OSError, NotImplementedError) as error:
        why = error.strerror if isinstance(error, OSError) else "its file system knows no locks"
        raise unusable(path, f"cannot be locked: {why}") from None
    try:
        with held():
            yield
    finally:
        lock.release()  # the file stays: otherwise two processes could lock two files of this name


def _lock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    try:
        # filelock's fallback for file systems without locks would outlive its owner
        return FileLock(path, mode=0o600, fallback_to_soft=False)
    except TypeError:  # an older filelock, without the fallback
        return FileLock(path, mode=0o600)
