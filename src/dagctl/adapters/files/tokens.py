"""`auth.json`: the token answer as it was received, and when it expires."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from dagctl.adapters.files.answers import OURS, members_in, members_of, tokens_in
from dagctl.adapters.files.lock import locked
from dagctl.adapters.files.private import read_private, remove_private, unusable, write_private
from dagctl.domain.errors import FileCorrupt
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore


class FileTokenStore(TokenStore):
    """The `TokenStore` in a folder of the person's own; the published client reads and writes the same file.

    Args:
        home: the dagctl home.
        patience: seconds to wait for another process's lock.
    """

    writable = True

    def __init__(self, home: Path, *, patience: float = 30.0) -> None:
        self._path = home / "auth.json"
        self._lock_path = home / ".auth.lock"
        self._patience = patience

    def load(self) -> TokenSet | None:
        found = tokens_in(read_private(self._path))
        if isinstance(found, str):
            raise self._corrupt(found)
        return found

    def save(self, tokens: TokenSet) -> None:
        # members that we know nothing of stay, and a corrupt file is moved aside
        write_private(self._path, Secret(json.dumps({**self._foreign(), **members_of(tokens)}, indent=2) + "\n"))

    def clear(self) -> None:
        # one that was corrupt too: there may be tokens in it
        remove_private(self._path)
        remove_private(self._path.with_name("auth.json.corrupt"))

    def lock(self) -> AbstractContextManager[None]:
        return locked(self._lock_path, self._patience)

    def describe(self) -> str:
        return str(self._path)

    def _foreign(self) -> dict[str, Any]:
        try:
            members = members_in(read_private(self._path))
        except FileCorrupt:
            members = "it is not a text file"
        if isinstance(members, str):
            self._set_aside()
            return {}
        return {key: value for key, value in members.items() if key not in OURS}

    def _set_aside(self) -> None:
        target = self._path.with_name("auth.json.corrupt")
        try:
            self._path.replace(target)
            target.chmod(0o600)
        except OSError as error:
            raise unusable(self._path, f"cannot be moved aside: {error.strerror}") from None

    def _corrupt(self, why: str) -> FileCorrupt:
        return FileCorrupt(f"{self._path} cannot be used: {why}.", path=str(self._path), role="tokens")
