"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dagctl.adapters.files.private import read_private, remove_private, write_private
from dagctl.domain.errors import FileCorrupt, FileUnusable


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "home" / "auth.json"
    write_private(path, "größer")
    assert read_private(path) == "größer"


def test_modes_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "home" / "auth.json"
    os.umask(os.umask(0))
    write_private(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_open_folder_is_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    write_private(home / "auth.json", "x")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_killed_writers_rest_is_swept_and_a_living_ones_is_not(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    litter = tmp_path / f".auth.json.{dead.pid}.0.tmp"
    living = tmp_path / f".auth.json.{os.getppid()}.0.tmp"
    foreign = tmp_path / ".auth.json.swp"
    for path in (litter, living, foreign):
        path.write_text("x")
    write_private(tmp_path / "auth.json", "y")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["auth.json", living.name, foreign.name])


def test_a_symbolic_link_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("theirs")
    link = tmp_path / "auth.json"
    link.symlink_to(target)
    with pytest.raises(FileUnusable, match="symbolic link"):
        read_private(link)
    with pytest.raises(FileUnusable, match="symbolic link") as caught:
        write_private(link, "ours")
    assert (caught.value.path, caught.value.link) == (str(link), True)
    assert target.read_text() == "theirs"
    assert link.is_symlink()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "auth.json"
    write_private(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileUnusable, match=r"auth\.json cannot be written: No space left on device"):
        write_private(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["auth.json"]


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(FileUnusable, match=r"home/auth\.json cannot be written"):
        write_private(tmp_path / "home" / "auth.json", "x")
    remove_private(tmp_path / "home" / "auth.json")


def test_binary_is_named(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileCorrupt, match=r"auth\.json is not a text file"):
        read_private(path)


def test_nothing_there(tmp_path: Path) -> None:
    assert read_private(tmp_path / "auth.json") is None
    remove_private(tmp_path / "auth.json")
