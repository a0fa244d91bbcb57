"""Tokens in a file from before there was a keyring: signing out removes them too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

keyring = pytest.importorskip("keyring", reason="the keyring extra is not installed")


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[None]:
    """A keyring of the test's own."""
    from keyrings.alt.file import PlaintextKeyring

    before, ring = keyring.get_keyring(), PlaintextKeyring()
    ring.file_path = str(tmp_path / "ring" / "keyring.cfg")
    keyring.set_keyring(ring)
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("ring")
def test_clear_removes_the_file_of_the_same_folder_and_no_other(tmp_path: Path) -> None:
    from dagctl.adapters.files.tokens import FileTokenStore
    from dagctl.adapters.keyring.store import KeyringTokenStore
    from dagctl.domain.values.tokens import TokenSet

    home, other = tmp_path / "home", tmp_path / "home" / "accounts" / "acme"
    for folder in (home, other):
        FileTokenStore(folder).save(TokenSet("a", "i", "r"))
        KeyringTokenStore(folder, plaintext=True).save(TokenSet("a", "i", "r"))
    (home / "auth.json.corrupt").write_text("{")
    KeyringTokenStore(home, plaintext=True).clear()
    assert KeyringTokenStore(home, plaintext=True).load() is None
    assert [path.name for path in home.iterdir()] == ["accounts"]
    assert FileTokenStore(other).load() == KeyringTokenStore(other, plaintext=True).load() == TokenSet("a", "i", "r")
