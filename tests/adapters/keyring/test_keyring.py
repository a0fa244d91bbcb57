"""Tokens in a keyring: a real one in a file of the test's own, one that hangs, one that fails, none."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyrings.alt.file import PlaintextKeyring

from dagctl._cures import cure
from dagctl.adapters.files import unsaved
from dagctl.adapters.keyring.store import SERVICE, KeyringTokenStore
from dagctl.domain.errors import FileCorrupt, FileUnusable
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore
from dagctl.testing import TokenStoreContract

if TYPE_CHECKING:
    from tests.conftest import Person, Run


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring's is not typed
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture(autouse=True)
def ring() -> Iterator[KeyringBackend]:
    """A keyring of the test's own."""
    before = keyring.get_keyring()
    ring = Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


class TestKeyringTokenStore(TokenStoreContract):
    def make(self) -> KeyringTokenStore:
        return KeyringTokenStore(self.folder)

    def make_impatient(self) -> KeyringTokenStore:
        return KeyringTokenStore(self.folder, patience=0.01)

    def again(self, store: TokenStore) -> KeyringTokenStore:
        return KeyringTokenStore(self.folder)


class Hanging(Ring):
    """Somebody should click something, and nobody does."""

    over = Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.over.wait(60)
        return None


class Failing(Ring):
    """Its error would tell what it was asked to keep."""

    def get_password(self, service: str, username: str) -> str | None:
        raise OSError("the secret is s3cr3t")


def test_a_keyring_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    keyring.set_keyring(Hanging())
    store = KeyringTokenStore(tmp_path, answers_in=0.05)
    for use in (store.load, store.reserved().__enter__, store.clear):
        with pytest.raises(FileUnusable, match=r"has not answered for 0\.05 seconds") as caught:
            use()
        assert "DAGCTL_TOKEN_STORE=file" in (cure(caught.value) or "")
    Hanging.over.set()


def test_a_keyring_that_fails_is_told_of_without_its_words(tmp_path: Path) -> None:
    keyring.set_keyring(Failing())
    for use in (KeyringTokenStore(tmp_path).load, KeyringTokenStore(tmp_path).clear):
        with pytest.raises(FileUnusable) as caught:
            use()
        assert "OSError" in caught.value.message
        assert "s3cr3t" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("absent", [fail.Keyring, null.Keyring])
def test_a_machine_without_a_keyring(tmp_path: Path, absent: Callable[[], KeyringBackend]) -> None:
    keyring.set_keyring(absent())
    store = KeyringTokenStore(tmp_path)
    assert store.absent()
    with pytest.raises(FileUnusable, match="no keyring"):
        store.load()


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "{}", '{"access_token": 1, "id_token": 2}', "[" * 100_000])
def test_an_entry_that_is_no_token_answer(tmp_path: Path, text: str) -> None:
    keyring.set_password(SERVICE, str(tmp_path), text)
    store = KeyringTokenStore(tmp_path)
    with pytest.raises(FileCorrupt, match="holds no tokens"):
        store.load()
    store.clear()
    assert store.load() is None


def test_each_folder_has_an_entry_of_its_own(tmp_path: Path) -> None:
    keyring.set_password(SERVICE, str(tmp_path / "a"), '{"access_token": "x", "id_token": "y"}')
    assert KeyringTokenStore(tmp_path / "b").load() is None
    assert KeyringTokenStore(tmp_path / "a").load() is not None


@pytest.fixture
def with_keyring(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A machine with a keyring that outlives a process."""
    environ["PYTHON_KEYRING_BACKEND"] = "keyrings.alt.file.PlaintextKeyring"
    environ["XDG_DATA_HOME"] = str(tmp_path / "data")
    environ["DAGCTL_TOKEN_STORE"] = "keyring"
    return environ


def test_a_session_in_the_keyring(
    run: Run, person: Person, with_keyring: dict[str, str], home: Path, tmp_path: Path
) -> None:
    signed_in = person.signs_in(run)
    assert signed_in.returncode == 0, signed_in.stderr
    assert not (home / "auth.json").exists()
    token = run("auth", "token")
    assert token.returncode == 0
    assert not any(token.stdout.strip() in path.read_text("utf-8", "replace") for path in home.rglob("*.json"))
    assert run("auth", "refresh").returncode == 0
    assert run("auth", "token").stdout != token.stdout
    assert run("auth", "status", env={"DAGCTL_TOKEN_STORE": "file"}).returncode == 4
    assert run("auth", "logout").returncode == 0
    assert run("auth", "status").returncode == 4
    assert "access" not in "".join(path.read_text() for path in (tmp_path / "data").rglob("*.cfg"))


def test_the_setting_in_config_yaml(run: Run, person: Person, with_keyring: dict[str, str], home: Path) -> None:
    del with_keyring["DAGCTL_TOKEN_STORE"]
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text("# mine\ntoken_store: keyring\n")
    assert person.signs_in(run).returncode == 0
    assert (home / "config.yaml").read_text().startswith("# mine\ntoken_store: keyring\n")
    assert not (home / "auth.json").exists()
    assert run("auth", "status").returncode == 0


def test_without_a_keyring_there_is_a_warning_and_a_file(
    run: Run, person: Person, with_keyring: dict[str, str], home: Path
) -> None:
    with_keyring["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    signed_in = person.signs_in(run)
    assert signed_in.returncode == 0
    assert "This machine has no keyring. dagctl keeps tokens in a file instead" in signed_in.stderr
    assert json.loads((home / "auth.json").read_text())["access_token"]
    assert "token_store: file" in (home / "config.yaml").read_text()
    for command in ("status", "refresh", "token", "logout"):  # decided once, and no more said about
        done = run("auth", command)
        assert (done.returncode, done.stderr) == (0, "")
    assert not (home / "auth.json").exists()


def test_a_session_in_a_keyring_that_is_out_of_sight_gets_no_second_one_in_a_file(
    run: Run, person: Person, with_keyring: dict[str, str], home: Path
) -> None:
    """Over SSH, the keyring of the desktop is not there."""
    assert person.signs_in(run).returncode == 0
    with_keyring["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    for done in (person.signs_in(run), run("auth", "status"), run("auth", "logout")):
        assert done.returncode == 1
        assert "no keyring" in done.stderr
    assert not (home / "auth.json").exists()


def test_a_plaintext_keyring_is_refused_unless_asked_for(tmp_path: Path) -> None:
    ring = PlaintextKeyring()
    ring.file_path = str(tmp_path / "ring" / "keyring.cfg")
    keyring.set_keyring(ring)
    tokens = TokenSet("a", "i", "r")
    store = KeyringTokenStore(tmp_path / "home")
    for use in (store.load, store.clear, lambda: store.save(tokens)):
        with pytest.raises(FileUnusable, match=r"keyrings\.alt\.file\.PlaintextKeyring keeps tokens in plain text"):
            use()
    willing = KeyringTokenStore(tmp_path / "home", plaintext=True)
    willing.save(tokens)
    assert willing.load() == tokens


class Slow(Ring):
    """It answers when the person has clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.clicked = Event()

    def get_password(self, service: str, username: str) -> str | None:
        assert self.clicked.wait(60)
        return super().get_password(service, username)


class Clicking(logging.Handler):
    """A person who does what they are told."""

    def __init__(self, ring: Slow) -> None:
        super().__init__()
        self.said: list[str] = []
        self._ring = ring

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
        self._ring.clicked.set()


def test_a_person_is_waited_for_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagctl.adapters.system.notices._said", set())
    ring = Slow()
    keyring.set_keyring(ring)
    ring.set_password(SERVICE, str(tmp_path), '{"access_token": "x", "id_token": "y"}')
    person = Clicking(ring)
    logging.getLogger("dagctl").addHandler(person)
    try:
        assert KeyringTokenStore(tmp_path, answers_in=0.05, person_in=60).load() is not None
    finally:
        logging.getLogger("dagctl").removeHandler(person)
    assert person.said == ["dagctl: Waiting for the keyring. It may have opened a window to ask you."]


class Small(Ring):
    """Windows' takes 1,280 characters an entry."""

    limit = 1280

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password) > self.limit:
            raise ValueError("the stub received bad data")
        super().set_password(service, username, password)


def _long(letter: str) -> TokenSet:
    return TokenSet(letter * 2000, letter * 1700, letter * 60)


def test_a_small_keyring_takes_tokens_in_parts(tmp_path: Path) -> None:
    ring = Small()
    keyring.set_keyring(ring)
    store = KeyringTokenStore(tmp_path)
    for letter in "abc":
        with store.reserved() as save:
            save(_long(letter))
        assert KeyringTokenStore(tmp_path).load() == _long(letter)
    short = TokenSet("a", "i", "r")
    store.save(short)
    assert KeyringTokenStore(tmp_path).load() == short
    assert len(ring.entries) == 1
    store.save(_long("d"))
    store.clear()
    assert ring.entries == {}


@pytest.mark.parametrize("step", range(1, 12))
def test_whoever_is_killed_while_writing_parts_leaves_whole_tokens(tmp_path: Path, step: int) -> None:
    ring = Small()
    keyring.set_keyring(ring)
    store = KeyringTokenStore(tmp_path)
    store.save(_long("a"))
    ring.set_password = _dying(ring.set_password, step)  # type: ignore[method-assign]
    ring.delete_password = _dying(ring.delete_password, step - 4)  # type: ignore[method-assign]
    with suppress(FileUnusable):
        store.save(_long("b"))
    unsaved._unsaved.clear()
    found = KeyringTokenStore(tmp_path).load()
    assert found in (_long("a"), _long("b"))


class Overtaken(Small):
    """Before it gives the first part, another process renews the session."""

    def __init__(self, renew: Callable[[], None]) -> None:
        super().__init__()
        self.renew = renew

    def get_password(self, service: str, username: str) -> str | None:
        if username.endswith("(1.0)"):
            self.renew()
        return super().get_password(service, username)


def test_a_reader_that_another_process_overtakes_gets_the_new_tokens(tmp_path: Path) -> None:
    store, renewals = KeyringTokenStore(tmp_path), iter([_long("b")])

    def renew() -> None:
        for tokens in renewals:
            KeyringTokenStore(tmp_path).save(tokens)

    ring = Overtaken(lambda: None)
    keyring.set_keyring(ring)
    store.save(_long("a"))
    ring.renew = renew
    assert store.load() == _long("b")


def _dying(real: Callable[..., Any], step: int) -> Callable[..., Any]:
    """From the so manieth call on, nothing happens any more."""
    calls = count(1)

    def call(*args: Any) -> Any:
        if next(calls) >= max(step, 1):
            raise OSError("gone")
        return real(*args)

    return call


def test_a_keyring_that_is_too_small_is_found_out_before_anybody_asks(tmp_path: Path) -> None:
    ring = Small()
    ring.limit = 40
    keyring.set_keyring(ring)
    with pytest.raises(FileUnusable, match="cannot be used"), KeyringTokenStore(tmp_path).reserved():
        raise AssertionError("there is no room")
    assert ring.entries == {}


class Forgetful(Ring):
    """It says that it has kept what it has not."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return None


def test_a_keyring_that_keeps_nothing_is_found_out(tmp_path: Path) -> None:
    keyring.set_keyring(Forgetful())
    with pytest.raises(FileUnusable, match="does not keep"), KeyringTokenStore(tmp_path).reserved():
        raise AssertionError("there is no room")


def test_a_keyring_that_is_gone_between_two_calls(tmp_path: Path, ring: Ring) -> None:
    """This process goes on with the new tokens, and whoever comes after it finds no others."""
    store = KeyringTokenStore(tmp_path)
    old, new = TokenSet("a", "i", "r"), TokenSet("b", "j", "s")
    store.save(old)
    with store.reserved() as save:
        keyring.set_keyring(Failing())
        with pytest.raises(FileUnusable):
            save(new)
    keyring.set_keyring(ring)
    ring_again = KeyringTokenStore(tmp_path)
    assert ring_again.load() in (old, new)


def test_a_locked_keyring_is_noticed_before_anybody_signs_in(
    run: Run, person: Person, with_keyring: dict[str, str], tmp_path: Path, home: Path
) -> None:
    (tmp_path / "locked.py").write_text(LOCKED)
    with_keyring.update(PYTHON_KEYRING_BACKEND="locked.Keyring", PYTHONPATH=str(tmp_path))
    signed_in = person.signs_in(run)
    assert (signed_in.returncode, signed_in.stdout) == (1, "")
    assert "The keyring cannot be used (KeyringLocked)." in signed_in.stderr
    assert "/authorize?" not in signed_in.stderr
    assert not (home / "auth.json").exists()
    for command in ("status", "logout", "token"):
        asked = run("auth", command)
        assert asked.returncode == 1
        assert "KeyringLocked" in asked.stderr
        assert "signed" not in (asked.stdout + asked.stderr).replace("sign in again", "").lower()


LOCKED = """
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

class Keyring(KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        raise KeyringLocked("locked")
    set_password = delete_password = get_password
"""


def test_a_backend_that_does_not_even_load(run: Run, with_keyring: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(LOCKED.replace("    set_password", "    # set_password"))
    done = run("auth", "status", env={"PYTHON_KEYRING_BACKEND": "odd.Keyring", "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "cannot be used (TypeError)" in done.stderr


def test_without_the_extra_the_command_that_installs_it_is_named(
    run: Run, tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "keyring.py").write_text("raise ModuleNotFoundError(name='keyring')\n")
    done = run("auth", "status", env={"DAGCTL_TOKEN_STORE": "keyring", "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "pip install 'dagctl[keyring]'" in done.stderr


def test_keyring_is_loaded_only_by_who_asked_for_it(environ: dict[str, str], run: Run, tmp_path: Path) -> None:
    code = "import sys, dagctl; dagctl.connect().session.status(); print('keyring' in sys.modules)"
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], env=environ, cwd=tmp_path, text=True, capture_output=True)
    assert done.stdout == "False\n", done.stderr
    assert "DAGCTL_TOKEN_STORE" not in os.environ
