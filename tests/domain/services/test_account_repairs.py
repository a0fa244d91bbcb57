"""Broken things in the home: what cannot be read stops nobody who does not need it, and is never removed for it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.domain.conftest import World

from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.files.shelf import FileAccountShelf
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import FileUnusable
from dagctl.testing import connected

posix = pytest.mark.skipif(os.name != "posix", reason="links, modes and users of POSIX")
BROKEN = ["config.yaml", "auth.json"]
HOUR, NOBODY = 3600, 65534


def machine(make_world: type[World], home: Path) -> World:
    """A machine whose home is a folder."""
    return make_world(
        tokens=FileTokenStore(home),
        settings=FileSettingsStore(home),
        credentials=FileCredentialStore(home),
        shelf=FileAccountShelf(home, FileTokenStore),
    )


@pytest.fixture
def both(make_world: type[World], home: Path) -> World:
    """Acme on the shelf and Globex the current account, in files."""
    world = machine(make_world, home)
    world.login()
    to_globex(world)
    return world


def to_globex(world: World) -> None:
    world.login("Globex", email="bob@globex.example")


def listed(world: World) -> list[str]:
    return [account.name for account in world.accounts.list()]


def corrupt(path: Path) -> None:
    path.write_text("{")


def linked(path: Path) -> None:
    target = path.rename(path.parent.parent.parent.parent / f"their-{path.name}")
    path.symlink_to(target)


@posix
@pytest.mark.parametrize("spoil", [corrupt, linked])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_account_stops_nobody_and_stays(
    both: World, home: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    broken = home / "accounts" / "acme" / name
    spoil(broken)
    text, link = broken.read_text(), broken.is_symlink()
    assert listed(both) == ["globex"]
    to_globex(both)
    both.accounts.sweep()
    client = connected(both.platform, signed_in=False, storage=home)
    assert client.logout() is True
    assert client.session.status().signed_in is False
    assert (broken.read_text(), broken.is_symlink()) == (text, link)


@posix
@pytest.mark.parametrize("spoil", [corrupt, linked])
@pytest.mark.parametrize("name", BROKEN)
def test_the_place_of_a_broken_account_is_not_needed_for_another_of_its_name(
    both: World, home: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    broken = home / "accounts" / "acme" / name
    spoil(broken)
    text = broken.read_text()
    both.login()
    to_globex(both)
    assert "globex" in listed(both)
    assert len(listed(both)) == 2
    kept = [path for path in (home / "accounts").glob(f"*/{name}*") if path.read_text() == text]
    assert kept, "what was broken is gone"


@posix
def test_a_folder_of_an_account_that_is_a_link_is_not_followed(both: World, home: Path, tmp_path: Path) -> None:
    folder, target = home / "accounts" / "acme", tmp_path / "theirs"
    folder.rename(target)
    target.chmod(0o755)
    folder.symlink_to(target, target_is_directory=True)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    assert listed(both) == ["globex"]
    both.login()
    assert listed(both) == ["acme", "globex"]
    to_globex(both)
    both.accounts.sweep()
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert folder.is_symlink()


@posix
def test_linked_credentials_leave_the_session_before_a_sign_in(both: World, home: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "package.json").write_text("{}")
    (home / "credentials").symlink_to(tmp_path / "theirs", target_is_directory=True)
    before = both.kept()
    for change in (both.login, lambda: both.accounts.switch("acme")):
        with pytest.raises(FileUnusable, match="credentials is a symbolic link"):
            change()
        assert (listed(both), both.kept()) == (["globex", "acme"], before)
    assert (tmp_path / "theirs" / "package.json").read_text() == "{}"


@posix
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_corrupt_tokens_are_kept_by_a_sign_in_to_another_organization(both: World, home: Path, mode: int) -> None:
    path, aside = home / "auth.json", home / "auth.json.corrupt"
    path.write_text("{ my tokens")
    path.chmod(mode)
    both.login()
    assert aside.read_text() == "{ my tokens"
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert both.session.end() is True
    assert not aside.exists()
    assert not path.exists()


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A home of somebody who is not root and may not write there, who the test is run as."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "home"
        folder.mkdir(mode=0o700)
        yield folder
        if os.geteuid() == 0 or os.getresuid()[2] == 0:
            os.setresuid(0, 0, 0)
        folder.chmod(0o700)


def taken_away(folder: Path) -> None:
    """Take the right to write in `folder` away from this process, and root's rights with it."""
    if os.geteuid() != 0:
        folder.chmod(0o500)
        return
    if not hasattr(os, "setresuid"):
        pytest.skip("root cannot be made somebody else for a while here")
    for path in (folder.parent, folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    folder.chmod(0o500)
    try:
        os.setresuid(NOBODY, NOBODY, 0)
    except OSError:
        pytest.skip("root may not become nobody here")
    if not os.access(folder, os.R_OK | os.X_OK):
        pytest.skip("nobody does not get to the folder for temporary files")


@posix
def test_tokens_that_could_not_be_kept_are_not_renewed(make_world: type[World], as_nobody: Path) -> None:
    world = machine(make_world, as_nobody)
    world.login()
    before, asked = world.kept(), world.platform.exchanges
    world.clock.advance(HOUR - 60)
    taken_away(as_nobody)
    assert world.session.fresh() == before
    with pytest.raises(FileUnusable, match=r"\.auth\.lock cannot be locked: Permission denied"):
        world.session.renewed()
    world.clock.advance(60)
    with pytest.raises(FileUnusable):
        world.session.fresh()
    assert world.platform.refreshes == 0
    assert world.kept() == before
    with pytest.raises(FileUnusable):
        world.login()
    assert world.platform.exchanges == asked
