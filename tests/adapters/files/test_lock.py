"""File systems that know no locks."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import filelock
import pytest

from dagctl.adapters.files.lock import locked
from dagctl.domain.errors import FileBusy, FileUnusable

fcntl = pytest.importorskip("fcntl", reason="flock is POSIX's")


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EIO, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FileUnusable, match=r"\.lock cannot be locked: ") as caught, locked(tmp_path / ".lock", 1):
            pass
    assert (caught.value.path, caught.value.role) == (str(tmp_path / ".lock"), "home")


def test_a_filelock_of_2023_says_so_in_another_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(filelock.UnixFileLock):
        def _acquire(self) -> None:
            raise NotImplementedError("FileSystem does not appear to support flock; use SoftFileLock instead")

    def old(path: Path, mode: int, **more: Any) -> Old:
        if more:
            raise TypeError("unexpected keyword argument")
        return Old(path, mode=mode)

    monkeypatch.setattr(filelock, "FileLock", old)
    with pytest.raises(FileUnusable, match="knows no locks"), locked(tmp_path / ".lock", 1):
        pass


def test_a_person_at_a_terminal_sees_that_another_process_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wait_in_vain(*, terminal: bool) -> str:
        caplog.clear()
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
        path = tmp_path / str(terminal)
        with locked(path, 1.0), pytest.raises(FileBusy), locked(path, 0.1):
            pass
        return caplog.text

    assert "Waiting for another dagctl" in wait_in_vain(terminal=True)
    assert wait_in_vain(terminal=False) == ""
