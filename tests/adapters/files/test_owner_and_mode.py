"""Owner and mode decide, as in ssh; and disks, limits and mounts that are real."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dagctl._cures import cure
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import FileUnusable
from dagctl.domain.values.tokens import TokenSet

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes of POSIX")

Mount = Callable[..., None]

OLD, NEW = TokenSet("a", "i", "r"), TokenSet("b", "j", "s")
SOMEBODY = 54321

as_root = pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def store(tmp_path: Path) -> FileTokenStore:
    """One with tokens."""
    store = FileTokenStore(tmp_path / "home")
    store.save(OLD)
    return store


@as_root
@pytest.mark.parametrize("name", ["home", "home/auth.json"])
def test_what_belongs_to_another_user_is_refused(store: FileTokenStore, tmp_path: Path, name: str) -> None:
    os.chown(tmp_path / name, SOMEBODY, -1)
    with pytest.raises(FileUnusable, match="belongs to another user") as caught, store.reserved():
        store.load()
    assert caught.value.foreign
    assert cure(caught.value) == "Set DAGCTL_HOME to a folder of your own."


def test_a_loose_mode_is_tightened_and_said_once(
    store: FileTokenStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "home" / "auth.json"
    path.chmod(0o644)
    for _ in range(2):
        assert store.load() == OLD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"dagctl: {path} was open to other users (mode 644). dagctl made it private."
    ]


LIMITED = """
import resource, sys
from pathlib import Path
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import FileUnusable

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with FileTokenStore(Path(sys.argv[1])).reserved():
        print("asked")
except FileUnusable as error:
    print(error.message)
"""


def test_a_limit_on_files_is_found_out_before_anybody_asks(store: FileTokenStore, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "home")], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{tmp_path / 'home' / 'auth.json'} cannot be written: File too large.\n"
    assert store.load() == OLD


def _mount(*args: str) -> None:
    done = subprocess.run(["mount", *args], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mount]:
    """Mounts, which are gone after the test."""
    places: list[Path] = []

    def mount(place: Path, *args: str) -> None:
        _mount(*args, str(place))
        places.append(place)

    yield mount
    for place in reversed(places):
        subprocess.run(["umount", str(place)], check=True)


@as_root
def test_a_token_file_that_is_mounted_alone(store: FileTokenStore, tmp_path: Path, mounted: Mount) -> None:
    kept = tmp_path / "kept.json"
    kept.touch(0o600)
    mounted(tmp_path / "home" / "auth.json", "--bind", str(kept))
    assert store.load() is None  # an empty one stands for none
    for tokens in (OLD, NEW):
        with store.reserved() as save:
            save(tokens)
        assert store.load() == tokens
    assert '"s"' in kept.read_text()
    store.clear()
    assert (store.load(), kept.read_text()) == (None, "")


@as_root
def test_a_disk_that_is_full(store: FileTokenStore, tmp_path: Path, mounted: Mount) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted(small, "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs")
    store = FileTokenStore(small)
    with store.reserved() as save:
        save(OLD)
    with store.reserved() as save:  # there is room already, whatever happens now
        _fill(small / "theirs")
        save(NEW)
    assert store.load() == NEW
    _fill(small / "more of theirs")
    with pytest.raises(FileUnusable, match="No space left on device"), store.reserved():
        raise AssertionError("there is no room")
    assert store.load() == NEW


def _fill(path: Path) -> None:
    with open(path, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
