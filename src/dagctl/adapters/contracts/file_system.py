"""What a `FileSystem` has to do."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import PurePath

import pytest

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.errors import FileCorrupt, FileExists, FileUnusable
from dagctl.ports.file_system import FileSystem

TEXT = "größe: 1\n# the end, without a line break"


class FileSystemContract(Contract):
    """The suite of a `FileSystem`. Define `make`, `put` and `mode`.

    The tests work in `self.root`, which is `self.folder` where you define no other.
    """

    @abstractmethod
    def make(self) -> FileSystem:
        """A file system in which the folder `self.root` is empty."""

    @abstractmethod
    def put(self, files: FileSystem, path: PurePath, content: bytes | None, *, mode: int) -> None:
        """Put a file there, as another program would; `content` is None for a broken symbolic link."""

    @abstractmethod
    def mode(self, files: FileSystem, path: PurePath) -> int:
        """The file's permission bits."""

    @property
    def root(self) -> PurePath:
        """The folder to work in."""
        return self.folder

    def test_what_is_written_is_read(self) -> None:
        files, path = self.make(), self.root / "config.py"
        files.write(path, TEXT)
        assert files.read(path) == TEXT
        assert files.names(self.root) == ["config.py"]

    def test_byte_order_mark_and_carriage_returns_are_no_text(self) -> None:
        files, path = self.make(), self.root / "config.yaml"
        self.put(files, path, b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", mode=0o644)
        assert files.read(path) == "a: 1\nb: 2\n"

    def test_what_is_written_is_for_its_owner(self) -> None:
        files, path = self.make(), self.root / "config.py"
        files.write(path, TEXT)
        assert self.mode(files, path) == 0o600

    def test_a_file_that_is_there_is_not_replaced_by_accident(self) -> None:
        files, path = self.make(), self.root / "config.py"
        self.put(files, path, b"theirs", mode=0o644)
        with pytest.raises(FileExists, match=r"config\.py"):
            files.write(path, TEXT)
        assert files.read(path) == "theirs"
        assert self.mode(files, path) == 0o644

    def test_a_file_is_replaced_where_that_is_meant(self) -> None:
        files, path = self.make(), self.root / "config.py"
        self.put(files, path, b"a longer text than the new one", mode=0o644)
        files.write(path, "new", replace=True)
        assert files.read(path) == "new"
        assert self.mode(files, path) == 0o600
        assert files.names(self.root) == ["config.py"]

    def test_a_broken_link_is_something(self) -> None:
        files, path = self.make(), self.root / "config.py"
        self.put(files, path, None, mode=0o777)
        assert files.exists(path)
        with pytest.raises(FileExists):
            files.write(path, TEXT)
        with pytest.raises(FileUnusable):
            files.read(path)

    def test_what_exists(self) -> None:
        files = self.make()
        self.put(files, self.root / "here", b"", mode=0o600)
        assert files.exists(self.root / "here")
        assert files.exists(self.root)
        assert not files.exists(self.root / "there")

    def test_a_file_that_is_not_there_cannot_be_read(self) -> None:
        with pytest.raises(FileUnusable, match="nowhere"):
            self.make().read(self.root / "nowhere")

    def test_a_file_that_is_no_text_is_said_to_be_none(self) -> None:
        files, path = self.make(), self.root / "config.yaml"
        self.put(files, path, b"\xff\xfe", mode=0o600)
        with pytest.raises(FileCorrupt, match=r"config\.yaml"):
            files.read(path)

    def test_a_folder_that_is_not_there_cannot_be_written_to(self) -> None:
        with pytest.raises(FileUnusable):
            self.make().write(self.root / "nowhere" / "config.py", TEXT)

    def test_a_moved_file_keeps_text_and_mode(self) -> None:
        files, source, target = self.make(), self.root / "a", self.root / "b"
        self.put(files, source, TEXT.encode(), mode=0o640)
        files.move(source, target)
        assert files.names(self.root) == ["b"]
        assert (files.read(target), self.mode(files, target)) == (TEXT, 0o640)

    def test_a_copied_file_stays_and_its_copy_has_its_mode(self) -> None:
        files, source, target = self.make(), self.root / "a", self.root / "b"
        self.put(files, source, TEXT.encode(), mode=0o640)
        files.copy(source, target)
        assert files.names(self.root) == ["a", "b"]
        assert (files.read(target), self.mode(files, target)) == (TEXT, 0o640)

    @pytest.mark.parametrize("verb", ["move", "copy"])
    def test_nothing_is_moved_or_copied_over_another_file(self, verb: str) -> None:
        files, source, target = self.make(), self.root / "a", self.root / "b"
        self.put(files, source, b"a", mode=0o600)
        self.put(files, target, b"b", mode=0o600)
        with pytest.raises(FileExists, match="b"):
            getattr(files, verb)(source, target)
        assert (files.read(source), files.read(target)) == ("a", "b")

    @pytest.mark.parametrize("verb", ["move", "copy"])
    def test_what_is_not_there_cannot_be_moved_or_copied(self, verb: str) -> None:
        files = self.make()
        with pytest.raises(FileUnusable):
            getattr(files, verb)(self.root / "a", self.root / "b")
        assert files.names(self.root) == []

    def test_a_removed_file_is_gone(self) -> None:
        files, path = self.make(), self.root / "a"
        files.write(path, TEXT)
        files.remove(path)
        files.remove(path)
        assert not files.exists(path)

    def test_names_are_sorted(self) -> None:
        files = self.make()
        for name in ("b", "a.yaml", ".hidden", "B"):
            files.write(self.root / name, "")
        assert list(files.names(self.root)) == [".hidden", "B", "a.yaml", "b"]

    def test_a_folder_that_is_not_there_has_no_names(self) -> None:
        with pytest.raises(FileUnusable, match="nowhere"):
            self.make().names(self.root / "nowhere")
