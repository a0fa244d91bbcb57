"""Our token store keeps the promises of its port, and the SDK works over it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from shopctl.tokens import SqliteTokenStore

from dagctl.domain.errors import FileCorrupt, FileUnusable
from dagctl.ports.token_store import TokenStore
from dagctl.testing import MemoryPlatform, TokenStoreContract, connected, memory_storage


class TestSqliteTokenStore(TokenStoreContract):
    def make(self) -> TokenStore:
        return SqliteTokenStore(self.folder / "tokens.db", "ada")

    def make_impatient(self) -> TokenStore:
        return SqliteTokenStore(self.folder / "tokens.db", "ada", patience=0.01)

    def again(self, store: TokenStore) -> TokenStore:
        return self.make()


def test_each_user_has_tokens_of_their_own(dagctl_memory: MemoryPlatform, tmp_path: Path) -> None:
    for email, project in (("ada@acme.example", "shop"), ("bob@globex.example", "ledger")):
        store = SqliteTokenStore(tmp_path / "tokens.db", email)
        client = connected(dagctl_memory, email=email, storage=memory_storage(tokens=store))
        dagctl_memory.clock.advance(3600)
        client.session.fresh()
        assert project in [found.name for found in client.projects.list()]
        assert store.load() == client.session.open().tokens
    assert dagctl_memory.refreshes == 2


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "tokens.db").write_text("this is no database, and never was one")
    with pytest.raises(FileUnusable, match=r"tokens\.db"):
        SqliteTokenStore(tmp_path / "tokens.db", "ada").load()


def test_tokens_that_are_none(tmp_path: Path) -> None:
    store = SqliteTokenStore(tmp_path / "tokens.db", "ada")
    assert store.load() is None
    with closing(sqlite3.connect(tmp_path / "tokens.db")) as connection, connection:
        connection.execute("INSERT INTO tokens VALUES ('ada', '{}')")
    with pytest.raises(FileCorrupt, match="ada"):
        store.load()
