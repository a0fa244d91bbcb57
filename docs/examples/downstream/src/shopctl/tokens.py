"""The tokens of a service's users, in its database: a `TokenStore` of our own."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from dagctl.domain.errors import FileBusy, FileCorrupt, FileUnusable
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore

ENDINGS = {signal.SIGINT, signal.SIGTERM}


class SqliteTokenStore(TokenStore):
    """The tokens of one user.

    Args:
        path: the database.
        user: whose tokens.
        patience: seconds to wait for somebody else's lock.
    """

    writable = True

    def __init__(self, path: Path, user: str, *, patience: float = 30.0) -> None:
        self._path = path
        self._user = user
        self._patience = patience

    def load(self) -> TokenSet | None:
        found = self._run("SELECT kept FROM tokens WHERE user = ?", self._user)
        try:
            return _tokens(found[0][0]) if found else None
        except (ValueError, KeyError, TypeError):
            raise FileCorrupt(f"The tokens of {self._user} in {self._path} cannot be read.") from None

    def save(self, tokens: TokenSet) -> None:
        self._run("INSERT OR REPLACE INTO tokens VALUES (?, ?)", self._user, _text(tokens))

    def clear(self) -> None:
        self._run("DELETE FROM tokens WHERE user = ?", self._user)

    @contextmanager
    def lock(self) -> Generator[None, None, None]:
        lock = FileLock(f"{self._path}.{self._user}.lock", timeout=self._patience)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        try:
            with lock:
                yield
        except Timeout:
            raise FileBusy(f"The tokens of {self._user} have been locked for {self._patience:g} seconds.") from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def describe(self) -> str:
        return f"{self._path} ({self._user})"

    def _run(self, statement: str, *values: str) -> list[tuple[str, ...]]:
        try:
            self._path.touch(mode=0o600)
            with closing(sqlite3.connect(self._path, timeout=self._patience)) as connection, connection:
                connection.execute("CREATE TABLE IF NOT EXISTS tokens (user TEXT PRIMARY KEY, kept TEXT NOT NULL)")
                return connection.execute(statement, values).fetchall()
        except (OSError, sqlite3.Error) as error:
            raise FileUnusable(f"{self._path} cannot be used: {error}.") from None


def _text(tokens: TokenSet) -> str:
    return json.dumps(
        {
            "access_token": tokens.access_token.reveal(),
            "id_token": tokens.id_token.reveal(),
            "refresh_token": tokens.refresh_token.reveal() if tokens.refresh_token else None,
            "expires_at": tokens.expires_at.isoformat() if tokens.expires_at else None,
            "lifetime": tokens.lifetime.total_seconds() if tokens.lifetime else None,
            "extra": dict(tokens.extra),
        }
    )


def _tokens(text: str) -> TokenSet:
    kept = json.loads(text)
    return TokenSet(
        kept["access_token"],
        kept["id_token"],
        kept["refresh_token"],
        expires_at=datetime.fromisoformat(kept["expires_at"]) if kept["expires_at"] else None,
        lifetime=timedelta(seconds=kept["lifetime"]) if kept["lifetime"] is not None else None,
        extra=kept["extra"],
    )
