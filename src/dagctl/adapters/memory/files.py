"""A file system in memory."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import PurePath, PurePosixPath
from posixpath import normpath

from attrs import frozen

from dagctl.adapters.platform_model.declared import DeclaredHere
from dagctl.domain.errors import FileCorrupt, FileExists, FileUnusable
from dagctl.ports.file_system import FileSystem


@frozen
class MemoryFile:
    """A file: its bytes and its mode. A broken symbolic link is one without bytes."""

    content: bytes | None
    mode: int = 0o644


class MemoryFileSystem(DeclaredHere, FileSystem):
    """The `FileSystem` of a test.

    Args:
        files: the text or the bytes of each path. Their folders are made.
        folder: the working directory.
    """

    def __init__(self, files: Mapping[str, str | bytes] | None = None, *, folder: str = "/project") -> None:
        self._folder = PurePosixPath(folder)
        self._folders = {self._folder, *self._folder.parents}
        self._files: dict[PurePosixPath, MemoryFile] = {}
        for name, content in (files or {}).items():
            self.put(PurePosixPath(name), content)

    def put(self, path: PurePath, content: str | bytes | None, *, mode: int = 0o644) -> None:
        """Put a file there, as another program would; `content` is None for a broken symbolic link."""
        at = self._at(path)
        self._folders.update(at.parents)
        self._files[at] = MemoryFile(content.encode() if isinstance(content, str) else content, mode)

    def make_folder(self, path: PurePath) -> None:
        """Make a folder, and those that lead to it."""
        self._folders.update((self._at(path), *self._at(path).parents))

    def mode(self, path: PurePath) -> int:
        """The file's permission bits."""
        return stat.S_IMODE(self._file(self._at(path)).mode)

    def exists(self, path: PurePath) -> bool:
        at = self._at(path)
        return at in self._files or at in self._folders

    def read(self, path: PurePath) -> str:
        content = self._file(self._at(path)).content or b""
        try:
            return content.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise FileCorrupt(f"{path} is not a text file in UTF-8.") from None

    def write(self, path: PurePath, text: str, *, replace: bool = False) -> None:
        at = self._at(path)
        if not replace:
            self._vacant(at)
        self._enterable(at)
        self._files[at] = MemoryFile(text.encode("utf-8"), 0o600)

    def move(self, source: PurePath, target: PurePath) -> None:
        self.copy(source, target)
        del self._files[self._at(source)]

    def copy(self, source: PurePath, target: PurePath) -> None:
        found, there = self._file(self._at(source)), self._at(target)
        self._vacant(there)
        self._enterable(there)
        self._files[there] = found

    def remove(self, path: PurePath) -> None:
        at = self._at(path)
        if at in self._folders:
            raise FileUnusable(f"{path} cannot be removed: it is a folder.")
        self._files.pop(at, None)

    def names(self, folder: PurePath) -> Sequence[str]:
        at = self._at(folder)
        if at not in self._folders:
            raise FileUnusable(f"{folder} cannot be read: there is no such folder.")
        return sorted(path.name for path in {*self._files, *self._folders} if path.parent == at and path != at)

    def _at(self, path: PurePath) -> PurePosixPath:
        return PurePosixPath(normpath(self._folder / path.as_posix()))

    def _file(self, at: PurePosixPath) -> MemoryFile:
        found = self._files.get(at)
        if found is None or found.content is None:
            raise FileUnusable(f"{at} cannot be read: there is no such file.")
        return found

    def _vacant(self, at: PurePosixPath) -> None:
        if self.exists(at):
            raise FileExists(f"{at} already exists.")

    def _enterable(self, at: PurePosixPath) -> None:
        if at.parent not in self._folders:
            raise FileUnusable(f"{at} cannot be written: there is no such folder.")
        if at in self._folders:
            raise FileUnusable(f"{at} cannot be written: it is a folder.")
