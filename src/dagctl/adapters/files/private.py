"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import time_ns

from dagctl.domain.errors import FileCorrupt, FileUnusable
from dagctl.domain.values.secret import Secret, secret

_BORN = time_ns()
_serial = count(_BORN)  # a killed process that had our process ID, as in containers all have, began lower


def read_private(path: Path) -> str | None:
    """The file's text; None where there is none.

    Raises:
        FileUnusable: it cannot be read, or is a symbolic link.
        FileCorrupt: it is not UTF-8.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, encoding="utf-8") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe would have us wait for whoever writes to it
                raise unusable(path, "is not a regular file")
            return file.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise FileCorrupt(f"{path} is not a text file.", path=str(path), role="home") from None
    except OSError as error:
        if os.path.islink(path):
            raise unusable(path, "is a symbolic link, and is not followed") from None
        raise unusable(path, f"cannot be read: {error.strerror}") from None


def unusable(path: Path, why: str) -> FileUnusable:
    """The error of a file or folder in the dagctl home. `why` goes on where the sentence has named it."""
    return FileUnusable(f"{path} {why}.", path=str(path), role="home", link=os.path.islink(path))


def write_private(path: Path, text: str | Secret) -> None:
    """Replace the file, mode 0600 from its creation on; after a crash it is the old one or the new.

    Args:
        text: a `Secret` where the traceback of an error is not to show it.

    Raises:
        FileUnusable: it cannot be written, or is a symbolic link.
    """
    try:
        make_private(path.parent)
        if os.path.islink(path):
            raise unusable(path, "is a symbolic link, and is not replaced")
        replace_whole(path, secret(text).reveal())
    except OSError as error:
        raise unusable(path, f"cannot be written: {error.strerror}") from None


def remove_private(path: Path) -> None:
    """Remove the file and what a killed writer may have left of it.

    Raises:
        FileUnusable: it cannot be removed.
    """
    try:
        _sweep(path)
        path.unlink(missing_ok=True)
    except NotADirectoryError:
        return
    except OSError as error:
        raise unusable(path, f"cannot be removed: {error.strerror}") from None


def make_private(folder: Path) -> None:
    """Create the folder, and what is missing above it, mode 0700; or take other people's access away from it."""
    if not folder.is_dir():
        if not folder.parent.is_dir():
            make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        folder.chmod(0o700)


def replace_whole(path: Path, text: str) -> None:
    """Replace the file, mode 0600, by way of a temporary one; after a crash it is the old one or the new.

    Raises:
        OSError: as the operating system has it.
    """
    _sweep(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(_serial)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A rename outlives a power cut only when its folder has been written too."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove the temporary files of writers that were killed."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\d+)\.(\d+)\.tmp")
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(path.parent):
            match = pattern.fullmatch(name)
            if match and not _in_use(int(match[1]), int(match[2])):
                with suppress(FileNotFoundError):
                    (path.parent / name).unlink()


def _in_use(pid: int, serial: int) -> bool:
    """Whether the writer of a temporary file may still be at it."""
    return serial >= _BORN if pid == os.getpid() else _alive(pid)


def _alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # os.kill(pid, 0) would end the process there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
