"""The files of a SQLMesh project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Protocol


class FileSystem(Protocol):
    """Reads and writes a project's files. A relative path is relative to the working directory.

    Raises:
        FileUnusable: a file is missing, or cannot be read or written.
        FileCorrupt: a file that should be text is not UTF-8.
    """

    def exists(self, path: PurePath) -> bool:
        """Whether something exists at `path`; a broken symbolic link counts."""

    def read(self, path: PurePath) -> str:
        """The file's text (UTF-8), without a byte order mark and with every line break as `\\n`."""

    def write(self, path: PurePath, text: str, *, replace: bool = False) -> None:
        """Write the file atomically, mode 0600 from its creation on.

        Raises:
            FileExists: the file already exists, and `replace` is false.
        """

    def move(self, source: PurePath, target: PurePath) -> None:
        """Rename the file.

        Raises:
            FileExists: `target` already exists.
        """

    def copy(self, source: PurePath, target: PurePath) -> None:
        """Copy the file with its mode.

        Raises:
            FileExists: `target` already exists.
        """

    def remove(self, path: PurePath) -> None:
        """Remove the file. A missing file is no error."""

    def names(self, folder: PurePath) -> Sequence[str]:
        """The names in the folder, sorted."""
