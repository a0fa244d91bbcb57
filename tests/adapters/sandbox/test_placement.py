"""Where PostgreSQL is put, and that nothing of somebody else's is taken for ours."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagctl.adapters.sandbox import placement
from dagctl.adapters.sandbox.placement import Placement, placement_for
from dagctl.adapters.sandbox.postgres import EmbeddedPostgres
from dagctl.domain.errors import FileUnusable


def place(folder: Path, data: Path, owner: int | None = None) -> Placement:
    return Placement(folder, data, data, data, os.geteuid() if owner is None else owner)


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


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is everybody's, as /var/tmp is, with what somebody has planted there."""
    if os.geteuid() != 0:
        pytest.skip("only root has its data in /var/tmp")
    folder = Path(tempfile.mkdtemp(prefix="dagctl-shared-", dir="/var/tmp"))
    folder.chmod(0o1777)
    monkeypatch.setattr(placement, "SHARED", folder)
    yield folder
    shutil.rmtree(folder)


def test_pipes_and_folders_of_others_in_the_shared_place_stop_nothing(shared: Path, tmp_path: Path) -> None:
    nobody = pwd.getpwnam(placement.UNPRIVILEGED).pw_uid
    victim = tmp_path / "victim"
    victim.mkdir()
    os.mkfifo(shared / "dagctl-sandbox-pipe")
    (shared / "dagctl-sandbox-link").symlink_to(victim)
    theirs = shared / "dagctl-sandbox-theirs"
    theirs.mkdir()
    os.mkfifo(theirs / placement.ORIGIN)
    os.chown(theirs, nobody, -1)
    home = tmp_path / "home"
    home.mkdir()

    placement_for(home).prepare()

    assert victim.exists()
    assert theirs.exists()


def test_what_the_servers_user_plants_among_its_data_is_not_followed(shared: Path, tmp_path: Path) -> None:
    home, victim = tmp_path / "home", tmp_path / "victim"
    home.mkdir()
    server = EmbeddedPostgres(home)
    server.start()
    server.stop()
    for name in ("origin", "server.log", "initialized"):
        (server.data / name).symlink_to(victim)
    os.mkfifo(server.data / "postmaster.pid")

    again = EmbeddedPostgres(home)
    again.start()
    again.stop()

    assert not victim.exists()
    assert (server.data / "server.log").is_symlink()
    assert server.log.parent.stat().st_uid == 0
    assert server.log.read_text()


def test_a_copy_of_the_binaries_takes_no_name_of_somebody_elses(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_runs", lambda binaries, identity: binaries.is_relative_to(shared))
    installed = placement._installed_binaries()
    first = placement._copied(installed, {"user": 1})
    copy = first.parents[2]
    shutil.rmtree(copy)
    os.mkfifo(copy)

    second = placement._copied(installed, {"user": 1})

    assert second.parents[2] == copy.with_name(f"{copy.name}-2")
    assert copy.is_fifo()


def test_from_a_private_folder_all_that_the_programs_need_is_copied(shared: Path) -> None:
    nobody = pwd.getpwnam(placement.UNPRIVILEGED).pw_uid
    copied = placement._copied(placement._installed_binaries(), {"user": nobody})
    assert copied.is_relative_to(shared)
    for program in ("postgres", "initdb", "pg_ctl"):
        subprocess.run([copied / program, "--version"], check=True, capture_output=True, cwd="/", user=nobody)
