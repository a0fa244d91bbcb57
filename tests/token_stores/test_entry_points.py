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
    assert "file, keyring, absent, broken, vault" in done.stderr


@pytest.mark.parametrize(("name", "error"), [("broken", "RuntimeError"), ("absent", "ModuleNotFoundError")])
def test_a_broken_one_is_named_and_says_nothing_else(
    run: Run, installed: dict[str, str], name: str, error: str
) -> None:
    done = run("auth", "status", env={"DAGCTL_TOKEN_STORE": name})
    assert done.returncode == 1
    assert f"The token store {name!r}" in done.stderr
    assert error in done.stderr
    assert "s3cr3t" not in done.stderr
    assert "Traceback" not in done.stderr
