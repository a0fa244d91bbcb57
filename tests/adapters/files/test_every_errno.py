"""Every error at every system call of a renewal, a sign-in and a switch: no session is lost without a word.

The calls fail once, as on a bad day, or from then on, as on a full disk. Afterwards the next process renews the
session; or the one that lost it has said so.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.domain.conftest import World

from dagctl.adapters.files import private, unsaved
from dagctl.adapters.files import tokens as files
from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.files.shelf import FileAccountShelf
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import DagctlError, FileProblem, NotSignedIn
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the calls of POSIX")

ERRNOS = ("ENOSPC", "EIO", "EDQUOT", "EACCES", "EROFS", "EBUSY", "EMFILE", "EFBIG", "EPERM", "ENFILE")
CALLS = frozenset(
    {"open", "read", "write", "lseek", "ftruncate", "fsync", "close", "replace", "unlink", "mkdir", "chmod"}
    | {"stat", "fstat", "listdir"}
)


class Faulty:
    """`os`, of which a system call fails.

    Args:
        at: the so manieth.
        ever: all that come after it too.

    Attributes:
        calls: how many there were.
    """

    def __init__(self, at: int, code: int, *, ever: bool) -> None:
        self.calls = 0
        self._at = at
        self._code = code
        self._ever = ever

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self._at or (self._ever and self.calls > self._at):
                if name == "close":
                    real(*args)
                raise OSError(self._code, os.strerror(self._code))
            return real(*args, **options)

        return call


class Machine:
    """A home on which one process runs after another."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture) -> None:
        self.home = home
        self._patch = patch
        self._log = log
        self.world = self._process()
        self.world.login()
        self.away = self._process()

    def _process(self) -> World:
        """What a process sees that begins now: the same platform and files."""
        unsaved._unsaved.clear()
        before: World | None = vars(self).get("world")
        stores: dict[str, Any] = {
            "tokens": FileTokenStore(self.home, patience=0.1),
            "settings": FileSettingsStore(self.home),
            "credentials": FileCredentialStore(self.home),
            "shelf": FileAccountShelf(self.home, lambda folder: FileTokenStore(folder, patience=0.1)),
        }
        if before:
            stores["platform"] = before.platform
        return World(**stores)

    def suffers(self, deed: Callable[[World], object], at: int, code: int, *, ever: bool) -> tuple[bool, str]:
        """Whether the fault came before the deed was done, and all that the person was told."""
        self._log.clear()
        self._patch.setattr("dagctl.adapters.system.notices._said", set())
        faulty, world, said = Faulty(at, code, ever=ever), self._process(), ""
        with self._patch.context() as patch:
            for module in (private, files):
                patch.setattr(module, "os", faulty)
            try:
                deed(world)
            except DagctlError as error:
                said = error.message
        self.away = world
        return faulty.calls >= at, said + self._log.text

    def next_process(self) -> World:
        """One that begins when all is well again."""
        self.world = self._process()
        return self.world


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Machine]:
    """Ada of Acme has signed in. Nothing is synced: that takes its time, and a test has no power cuts."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    yield Machine(tmp_path / "home", monkeypatch, caplog)
    unsaved._unsaved.clear()


DEEDS: dict[str, Callable[[World], object]] = {
    "a renewal": lambda world: world.session.renewed(),
    "a sign-in": lambda world: world.login(),
}


@pytest.mark.parametrize("ever", [False, True], ids=["once", "ever"])
@pytest.mark.parametrize("name", ERRNOS)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_session_outlives_it(machine: Machine, deed: str, name: str, ever: bool) -> None:
    step, hit, lost = 0, True, 0
    while hit:
        step += 1
        hit, said = machine.suffers(DEEDS[deed], step, getattr(errno, name), ever=ever)
        try:
            machine.next_process().session.renewed()
        except NotSignedIn:
            lost += 1
            assert "cannot be written" in said, (step, said)
            machine.world.login()
        assert _is_private(machine.home)
    assert step > 10
    if not ever:
        assert lost == 0


def _is_private(home: Path) -> bool:
    return all(path.stat().st_mode & 0o077 == 0 for path in [home, *home.rglob("*")])


@pytest.mark.parametrize("name", ERRNOS)
def test_the_process_itself_goes_on(machine: Machine, name: str) -> None:
    """With tokens that it could keep nowhere, until somebody signs in again."""
    step, hit = 0, True
    while hit:
        step += 1
        hit, _ = machine.suffers(DEEDS["a renewal"], step, getattr(errno, name), ever=True)
        machine.away.session.renewed()
        assert machine.next_process().session.fresh() is not None


GLOBEX = Settings(current_org="org_globex", current_org_name="Globex")


@pytest.mark.parametrize("ever", [False, True], ids=["once", "ever"])
@pytest.mark.parametrize("name", ERRNOS)
def test_a_switch_loses_nobody(machine: Machine, name: str, ever: bool) -> None:
    kept = machine.world.shelf.stores("globex")
    kept.settings.save(GLOBEX)
    kept.tokens.save(TokenSet("a", "i", "globex"))
    acme = machine.world.kept().refresh_token
    step, hit, wanted = 0, True, "Globex"
    while hit:
        step += 1
        hit, said = machine.suffers(
            lambda world, wanted=wanted: world.accounts.switch(wanted),  # type: ignore[misc]
            step,
            getattr(errno, name),
            ever=ever,
        )
        here = machine.next_process()
        found = [here.tokens.load(), *(here.shelf.stores(name).tokens.load() for name in here.shelf.names())]
        tokens = {tokens.refresh_token for tokens in found if tokens}
        assert tokens == {acme, TokenSet("", "", "globex").refresh_token}, (step, said)
        for organization in ("Acme", "Globex"):
            here.accounts.switch(organization)
        wanted = "Acme"
    assert step > 10


def test_a_file_that_is_mounted_alone_is_written_in_place(machine: Machine) -> None:
    """Where another file cannot take its name."""
    inode = (machine.home / "auth.json").stat().st_ino
    with machine._patch.context() as patch:
        patch.setattr(private, "_rename", _busy)
        machine.next_process().session.renewed()
    assert (machine.home / "auth.json").stat().st_ino == inode
    machine.next_process().session.renewed()
    assert [path.name for path in machine.home.glob(".auth.json.*")] == []


def _busy(source: Path, target: Path) -> None:
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def test_what_windows_denies_for_a_moment_is_tried_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = iter(range(3))
    waited: list[float] = []
    real = os.replace

    def denied(source: Path, target: Path) -> None:
        if next(tries, None) is not None:
            error = PermissionError(errno.EACCES, "Access is denied")
            error.winerror = 5  # type: ignore[attr-defined,unused-ignore]
            raise error
        real(source, target)

    monkeypatch.setattr(private, "sleep", waited.append)
    monkeypatch.setattr(os, "replace", denied)
    machine.next_process().session.renewed()
    assert len(waited) == 3
    monkeypatch.undo()
    machine.next_process().session.renewed()


def test_a_file_that_cannot_be_removed_is_emptied(machine: Machine) -> None:
    with machine._patch.context() as patch:
        patch.setattr(private, "os", Unremovable())
        machine.next_process().accounts.sign_out()
    assert (machine.home / "auth.json").read_bytes() == b""
    assert not machine.next_process().session.status().signed_in
    with pytest.raises(NotSignedIn):
        machine.world.session.fresh()
    machine.world.login()
    machine.next_process().session.renewed()


class Unremovable:
    """`os` where nothing can be removed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def unlink(self, path: Path) -> None:
        path.lstat()
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def test_a_full_disk_is_found_out_before_the_browser_opens(machine: Machine) -> None:
    world, visited = machine.next_process(), []
    world.platform.clock.sleep(0)
    with machine._patch.context() as patch:
        patch.setattr(private, "_overwrite", _full)
        patch.setattr(type(world.platform), "endpoints", lambda *args: visited.append(args))
        with pytest.raises(FileProblem, match="No space left"):
            world.login()
    assert visited == []


def _full(descriptor: int, data: bytes) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
