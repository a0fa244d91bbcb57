"""Files that somebody else has written: of a repository, which may hold anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dagctl.domain.errors import FileCorrupt, FileUnusable

LIMIT = 8 * 1024 * 1024
"""Bytes. A configuration of 10,000 gateways has 3 million."""


def foreign_text(path: Path, *, anywhere: bool = False) -> str:
    """The text of a regular file (UTF-8).

    Nothing else is read: a pipe would have us wait for whoever writes to it, and a device may have no end. A symbolic
    link is followed within its folder; one that leads out of it would have a repository show its reader's own files.

    Args:
        anywhere: follow a link wherever it leads; for a file of which nothing is shown.

    Raises:
        FileUnusable: it is no such file, is larger than `LIMIT`, or cannot be read.
        FileCorrupt: it is not UTF-8.
    """
    try:
        place = _followed(path, anywhere=anywhere)
        flags = (getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY"))
        with open(os.open(place, sum(flags, os.O_RDONLY)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unusable(path, "is not a regular file")
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise FileUnusable(f"{path} cannot be read: {error.strerror}.", path=str(path)) from None
    if len(content) > LIMIT:
        raise _unusable(path, f"is larger than {LIMIT // 1024**2} MiB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise FileCorrupt(f"{path} is not UTF-8 text.", path=str(path)) from None


def _followed(path: Path, *, anywhere: bool) -> str:
    """Where the file is; Python before 3.13 makes a RuntimeError of links that go round in `Path.resolve`."""
    place = os.path.realpath(path)
    if not path.is_symlink() or anywhere:
        return place
    folder = os.path.realpath(path.parent)
    if os.path.commonpath([folder, place]) != folder:
        raise _unusable(path, "is a symbolic link that leads out of its folder, and is not followed")
    return place


def require_regular(path: Path) -> None:
    """Return if what is at `path` may be replaced.

    Raises:
        FileUnusable: it is a device, a pipe, a link or a folder.
        OSError: as the operating system has it.
    """
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise _unusable(path, "is not a regular file, and is not replaced")


def _unusable(path: Path, why: str) -> FileUnusable:
    return FileUnusable(f"{path} {why}.", link=path.is_symlink())  # no path: permissions are not what is wrong
