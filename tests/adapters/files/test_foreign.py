"""What a repository may have put in the place of a file."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from dagctl.adapters.environment.overrides import overrides_from
from dagctl.adapters.files.foreign import LIMIT, foreign_text
from dagctl.adapters.files.project_files import ProjectFiles
from dagctl.domain.errors import FileUnusable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such files")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # sparse: it takes no room


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # the zeros that never end
    except OSError:
        pytest.skip("no device can be made here")


def link_out(path: Path) -> None:
    secret = path.parent.parent / "auth.json"
    secret.write_text('{"access_token": "secret"}')
    path.symlink_to(secret)


def link_around(path: Path) -> None:
    path.symlink_to(path.name)


HOSTILE = (pipe, endless, device, link_out, link_around, Path.mkdir)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["config.yaml", ".dagctl.yaml"])
def test_only_regular_files_of_a_bounded_size_are_read(name: str, hostile: object, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    assert callable(hostile)
    hostile(folder / name)
    with pytest.raises(FileUnusable, match=r"\.yaml .+\.$") as refused:
        ProjectFiles().read(folder / name)
    assert "secret" not in str(refused.value)
    if name == ".dagctl.yaml":
        with suppress(FileUnusable):
            assert overrides_from({}, folder).project is None


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("a: 1\n")
    (tmp_path / "config.yaml").symlink_to("real.yaml")
    assert ProjectFiles().read(tmp_path / "config.yaml") == "a: 1\n"


def test_as_much_as_fits_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * LIMIT)
    assert len(foreign_text(tmp_path / "a")) == LIMIT


@pytest.mark.parametrize("hostile", [each for each in HOSTILE if each is not endless])
def test_only_regular_files_are_replaced(hostile: object, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    path = folder / "config.py"
    assert callable(hostile)
    hostile(path)
    before = path.lstat()
    with pytest.raises(FileUnusable, match=r"is not a regular file, so dagctl does not replace it\."):
        ProjectFiles().write(path, "x", replace=True)
    assert path.lstat() == before
