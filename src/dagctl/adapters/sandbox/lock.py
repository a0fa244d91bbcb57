"""One sandbox for each folder. The process that runs it holds a lock, which the system frees when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dagctl.adapters.files.private import make_private
from dagctl.domain.errors import FileUnusable, SandboxProblem

PATIENCE = 1.0
"""Seconds to try for the lock: a process that only looks whether it is held takes it for a moment."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of the sandbox in `folder`, and make the folder where it is missing.

    Raises:
        SandboxProblem: one runs already.
        FileUnusable: the folder cannot be used.
    """
    try:
        make_private(folder)
        lock = _lock(folder)
        lock.acquire(timeout=PATIENCE, poll_interval=0.02)
    except Timeout:
        raise SandboxProblem(f"A sandbox is already running in {folder}.", runs=True) from None
    except OSError as error:
        reason = f"{folder} cannot be used: {error.strerror}."
        raise FileUnusable(reason, path=str(folder), role="home") from None
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a sandbox runs in `folder`."""
    if not folder.is_dir():
        return False
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _lock(folder: Path) -> FileLock:
    # held by the process: a context manager's block may end in another thread than it began in
    return FileLock(folder / ".running.lock", mode=0o600, thread_local=False)
