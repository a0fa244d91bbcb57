"""A token store of one's own, found by its entry point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Person, Run

PACKAGE = '''
import json, pathlib
from dagctl.adapters.files.tokens import FileTokenStore


class Vault(FileTokenStore):
    """Keeps its files in another place."""


def open_vault(folder):
    return Vault(pathlib.Path(folder).parent / "vault")


def broken(folder):
    raise RuntimeError("the secret is s3cr3t")


def nothing(folder):
    return None


class Failing(Vault):
    def load(self):
        raise LookupError("the secret is s3cr3t")


class Text(Vault):
    def load(self):
        return "s3cr3t"


class Unlockable(Vault):
    def lock(self):
        class Lock:
            def __enter__(self):
                raise RuntimeError("the secret is s3cr3t")

            def __exit__(self, *_):
                raise AssertionError

        return Lock()


class Full(Vault):
    def save(self, tokens):
        raise RuntimeError("the secret is s3cr3t")

    def reserved(self):
        import contextlib
        return contextlib.nullcontext(self.save)
'''


@pytest.fixture
def installed(tmp_path: Path, environ: dict[str, str]) -> dict[str, str]:
    """A package that brings token stores; environment variables."""
    site = tmp_path / "site"
    info = site / "vault-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "vault.py").write_text(PACKAGE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[dagctl.token_stores]\nvault = vault:open_vault\nbroken = vault:broken\nabsent = nowhere:open\n"
        "nothing = vault:nothing\nfailing = vault:Failing\ntext = vault:Text\nlocked = vault:Unlockable\n"
        "full = vault:Full\n"
    )
    environ["PYTHONPATH"] = str(site)
    return environ


def test_a_session_in_a_store_of_ones_own(
    run: Run, person: Person, installed: dict[str, str], tmp_path: Path, home: Path
) -> None:
    installed["DAGCTL_TOKEN_STORE"] = "vault"
    assert person.signs_in(run).returncode == 0
    assert not (home / "auth.json").exists()
    token = json.loads((tmp_path / "vault" / "auth.json").read_text())["access_token"]
    assert run("auth", "token").stdout.strip() == token
    assert run("auth", "logout").returncode == 0
    assert not (tmp_path / "vault" / "auth.json").exists()


def test_a_name_that_nobody_has(run: Run, installed: dict[str, str]) -> None:
    done = run("auth", "status", env={"DAGCTL_TOKEN_STORE": "vlaut"})
    assert done.returncode == 1
    assert "DAGCTL_TOKEN_STORE names an unknown token store: 'vlaut'." in done.stderr
    assert "file, keyring, absent, broken, failing, full, locked, nothing, text, vault" in done.stderr


@pytest.mark.parametrize(
    ("name", "error"),
    [("broken", "RuntimeError"), ("absent", "the module 'nowhere' is missing"), ("nothing", "TypeError")],
)
def test_a_broken_one_is_named_and_says_nothing_else(
    run: Run, installed: dict[str, str], name: str, error: str
) -> None:
    done = run("auth", "status", env={"DAGCTL_TOKEN_STORE": name})
    assert done.returncode == 1
    assert f"The token store {name!r}" in done.stderr
    assert error in done.stderr
    assert "s3cr3t" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "error"), [("failing", "LookupError"), ("text", "TypeError")])
def test_what_one_raises_is_its_own_failure(
    run: Run, installed: dict[str, str], home: Path, name: str, error: str
) -> None:
    for words in (("auth", "status"), ("projects",)):
        done = run(*words, env={"DAGCTL_TOKEN_STORE": name})
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"dagctl: The token store {name!r} (vault:{name.capitalize()}) failed: {error}.\n"
            "  Tell its author, or set DAGCTL_TOKEN_STORE=file and sign in again.\n"
        )
    assert not (home / "bug.log").exists()


@pytest.mark.parametrize("name", ["locked", "full"])
def test_a_sign_in_fails_with_what_one_raises_in_a_block(
    run: Run, person: Person, installed: dict[str, str], home: Path, name: str
) -> None:
    installed["DAGCTL_TOKEN_STORE"] = name
    done = person.signs_in(run)
    assert done.returncode == 1
    assert f"The token store {name!r} (" in done.stderr
    assert "failed: RuntimeError." in done.stderr
    assert "s3cr3t" not in done.stderr
    assert not (home / "bug.log").exists()
