"""Where PostgreSQL is put, and that nothing of somebody else's is taken for ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dagctl.adapters.sandbox import placement
from dagctl.adapters.sandbox.placement import Placement, placement_for
from dagctl.domain.errors import FileUnusable


def place(folder: Path, data: Path, owner: int | None = None) -> Placement:
    return Placement(folder, data, data, os.geteuid() if owner is None else owner)


def test_folders_are_for_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)

    place(tmp_path, tmp_path / "data").prepare()

    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_folder_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable, match="belongs to somebody else"):
        place(tmp_path, tmp_path / "data", owner=os.geteuid() + 1).prepare()


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "real")

    with pytest.raises(FileUnusable, match="belongs to somebody else"):
        place(tmp_path, tmp_path / "data").prepare()


def test_each_home_has_its_own_place(tmp_path: Path) -> None:
    one, again, two = (placement_for(tmp_path / name / "sandbox") for name in ("one", "one", "two"))

    assert one == again
    assert one.data != two.data
    assert len(str(one.sockets / ".s.PGSQL.5432.lock")) < 107


def test_data_go_when_the_sandbox_they_belong_to_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "SHARED", tmp_path)
    for name, origin in (("kept", tmp_path), ("gone", tmp_path / "none")):
        data = tmp_path / f"dagctl-sandbox-{name}"
        data.mkdir()
        place(origin, data).note_origin()
    (tmp_path / "dagctl-sandbox-unknown").mkdir()
    (tmp_path / "something-else").mkdir()

    placement._sweep()

    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["dagctl-sandbox-kept", "dagctl-sandbox-unknown", "something-else"]
