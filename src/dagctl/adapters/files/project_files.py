"""The files of a SQLMesh project, on disk."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path, PurePath

from dagctl.adapters.files.foreign import foreign_text, unfit
from dagctl.adapters.files.private import Room
from dagctl.domain.errors import FileExists, FileUnusable
from dagctl.domain.values.secret import Secret
from dagctl.ports.file_system import FileSystem


class ProjectFiles(FileSystem):
    """The `FileSystem` of this machine."""

    def exists(self, path: PurePath) -> bool:
        return os.path.lexists(path)

    def read(self, path: PurePath) -> str:
        text = foreign_text(Path(path))
        return text.removeprefix("\ufeff").replace("\r\n", "\n")

    def write(self, path: PurePath, text: str, *, replace: bool = False) -> None:
        if not replace and self.exists(path):
            raise _there_already(path)
        with _unusable(path, "written"):
            if self.exists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
                raise unfit(Path(path), "is not a regular file, so dagctl does not replace it")
            with closing(Room(Path(path))) as room:
                room.write(Secret(text))

    def move(self, source: PurePath, target: PurePath) -> None:
        # a hard link first: unlike a rename, it never replaces an existing file
        with _unusable(target, "written"):
            try:
                os.link(source, target, follow_symlinks=False)
                os.unlink(source)
            except FileExistsError:
                raise _there_already(target) from None
            except (NotImplementedError, OSError):  # the file system has no hard links, such as FAT
                if self.exists(target) and self.exists(source) and os.path.samefile(source, target):
                    raise
                self.copy(source, target)
                os.unlink(source)

    def copy(self, source: PurePath, target: PurePath) -> None:
        if self.exists(target):
            raise _there_already(target)
        with _unusable(target, "written"):
            shutil.copy2(source, target, follow_symlinks=False)

    def remove(self, path: PurePath) -> None:
        with _unusable(path, "removed"):
            Path(path).unlink(missing_ok=True)

    def names(self, folder: PurePath) -> Sequence[str]:
        with _unusable(folder, "read"):
            return sorted(os.listdir(folder))


@contextmanager
def _unusable(path: PurePath, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileUnusable(f"{path} cannot be {verb}: {error.strerror}.", path=str(path)) from None


def _there_already(path: PurePath) -> FileExists:
    return FileExists(f"{path} already exists.", path=str(path))
