"""Files that somebody else wrote, such as those of a repository, which may hold anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dagctl.domain.errors import FileCorrupt, FileUnusable

LIMIT = 8 * 1024 * 1024
"""In bytes. A configuration with 10,000 gateways takes 3 million."""


def foreign_text(path: Path, *, anywhere: bool = False) -> str:
    """The text of a regular file (UTF-8).

    It reads nothing else: a pipe may block for ever, and a device may have no end. It follows a symbolic link only
    within its folder: through one that leads out, a repository could show its reader's own files.

    Args:
        anywhere: follow a link wherever it leads; for a file whose content is never shown.

    Raises:
        FileUnusable: it is not a regular file, is larger than `LIMIT`, or cannot be read.
        FileCorrupt: it is not UTF-8.
    """
    try:
        real = _followed(path, anywhere=anywhere)
        flags = (getattr(os, name, 0) for name in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY"))
        with open(os.open(real, sum(flags, os.O_RDONLY)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise unfit(path, "is not a regular file")
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise FileUnusable(f"{path} cannot be read: {error.strerror}.", path=str(path)) from None
    if len(content) > LIMIT:
        raise unfit(path, f"is larger than {LIMIT // 1024**2} MiB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise FileCorrupt(f"{path} is not UTF-8 text.", path=str(path)) from None


def _followed(path: Path, *, anywhere: bool) -> str:
    """The file's real path. Not `Path.resolve`: before Python 3.13 it raises RuntimeError for a loop of links."""
    real = os.path.realpath(path)
    if not path.is_symlink() or anywhere:
        return real
    folder = os.path.realpath(path.parent)
    if os.path.commonpath([folder, real]) != folder:
        raise unfit(path, "is a symbolic link that leads out of its folder, and dagctl does not follow it")
    return real


def unfit(path: Path, why: str) -> FileUnusable:
    """The error for a path that leads to the wrong kind of file. `why` completes a sentence about it."""
    return FileUnusable(f"{path} {why}.", link=path.is_symlink())  # no `path`: the cure would talk about permissions
