"""Tokens in a keyring: a real one in a file of the test's own, one that hangs, one that fails, none."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyrings.alt.file import PlaintextKeyring

from dagctl._cures import cure
from dagctl.adapters.keyring.store import SERVICE, KeyringTokenStore
from dagctl.domain.errors import FileCorrupt, FileUnusable
from dagctl.ports.token_store import TokenStore
from dagctl.testing import TokenStoreContract

if TYPE_CHECKING:
    from tests.conftest import Person, Run


@pytest.fixture(autouse=True)
def ring(tmp_path: Path) -> Iterator[KeyringBackend]:
    """A keyring of the test's own."""
    before = keyring.get_keyring()
    ring = PlaintextKeyring()
    ring.file_path = str(tmp_path / "ring" / "keyring.cfg")
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


class Hanging(PlaintextKeyring):  # type: ignore[misc]  # keyrings.alt is not typed
    """Somebody should click something, and nobody does."""

    over = Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.over.wait(60)
        return None


class Failing(PlaintextKeyring):  # type: ignore[misc]  # keyrings.alt is not typed
    """Its error would tell what it was asked to keep."""

    def get_password(self, service: str, username: str) -> str | None:
        raise OSError("the secret is s3cr3t")


def test_a_keyring_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    keyring.set_keyring(Hanging())
    store = KeyringTokenStore(tmp_path, answers_in=0.05)
    for use in (store.load, store.probe, store.clear):
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
    with pytest.raises(FileUnusable, match="no keyring"):
        KeyringTokenStore(tmp_path).probe()


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
    assert "This machine has no keyring. Tokens are kept in a file instead" in signed_in.stderr
    assert json.loads((home / "auth.json").read_text())["access_token"]


def test_a_keyring_that_fails_is_noticed_before_anybody_signs_in(
    run: Run, person: Person, with_keyring: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "locked.py").write_text(LOCKED)
    with_keyring.update(PYTHON_KEYRING_BACKEND="locked.Keyring", PYTHONPATH=str(tmp_path))
    signed_in = person.signs_in(run)
    lines = signed_in.stderr.splitlines()
    assert signed_in.returncode == 0
    warned = next(number for number, line in enumerate(lines) if "KeyringLocked" in line)
    assert warned < next(number for number, line in enumerate(lines) if "/authorize?" in line)


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
    assert done.returncode == 4
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
