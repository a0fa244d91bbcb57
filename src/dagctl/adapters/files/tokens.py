"""`auth.json`: the token answer as it was received, and when it expires."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from dagctl.adapters.files.private import make_private, read_private, remove_private, write_private
from dagctl.domain.errors import FileBusy, FileCorrupt, FileUnusable
from dagctl.domain.tokens import TokenSet, bounded

_OURS = frozenset({"access_token", "id_token", "refresh_token", "expires_at"})


class FileTokenStore:
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
        """The tokens; None where there is no file."""
        members = self._read()
        if members is None:
            return None
        access, identity = members.get("access_token"), members.get("id_token")
        if not isinstance(access, str) or not isinstance(identity, str):
            raise self._corrupt("it holds no access_token and id_token")
        refresh = members.get("refresh_token")
        return bounded(
            TokenSet(
                access,
                identity,
                refresh if isinstance(refresh, str) else None,
                expires_at=_instant(members.get("expires_at")),
                lifetime=_lifetime(members.get("expires_in")),
                extra={key: value for key, value in members.items() if key not in _OURS},
            )
        )

    def save(self, tokens: TokenSet) -> None:
        """Replace the tokens; members that we know nothing of stay, and a corrupt file is moved aside."""
        members = {**self._foreign(), **tokens.extra}
        members["access_token"] = tokens.access_token
        members["id_token"] = tokens.id_token
        if tokens.refresh_token is not None:
            members["refresh_token"] = tokens.refresh_token
        if tokens.expires_at is not None:
            members["expires_at"] = tokens.expires_at.astimezone(timezone.utc).isoformat()
        write_private(self._path, json.dumps(members, indent=2) + "\n")

    def clear(self) -> None:
        """Remove the file."""
        remove_private(self._path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold `.auth.lock`; the operating system frees it when its owner dies."""
        from filelock import FileLock, Timeout

        try:
            make_private(self._lock_path.parent)
            lock = FileLock(self._lock_path, timeout=self._patience, mode=0o600)
            lock.acquire()
        except Timeout:
            raise FileBusy(
                f"Another dagctl has held {self._lock_path} for {self._patience:g} seconds.",
                hint="Look for a dagctl or sqlmesh that hangs, and end it.",
            ) from None
        except OSError as error:
            raise FileUnusable(
                f"{self._lock_path} cannot be locked: {error.strerror}.",
                hint="Set DAGCTL_HOME to a folder that can be written.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def describe(self) -> str:
        """The file's path."""
        return str(self._path)

    def _read(self) -> dict[str, Any] | None:
        text = read_private(self._path)
        if text is None:
            return None
        try:
            members = json.loads(text)
        except (ValueError, RecursionError):
            raise self._corrupt("it is not JSON") from None
        if not isinstance(members, dict):
            raise self._corrupt("it is not a JSON object")
        return members

    def _foreign(self) -> dict[str, Any]:
        try:
            members = self._read() or {}
        except FileCorrupt:
            self._set_aside()
            return {}
        return {key: value for key, value in members.items() if key not in _OURS}

    def _set_aside(self) -> None:
        target = self._path.with_name("auth.json.corrupt")
        try:
            self._path.replace(target)
        except OSError as error:
            raise FileUnusable(f"{self._path} cannot be moved aside: {error.strerror}.") from None

    def _corrupt(self, why: str) -> FileCorrupt:
        return FileCorrupt(
            f"{self._path} cannot be used: {why}.",
            hint="Run: dagctl auth login --org ORG (keeps it as auth.json.corrupt), or: dagctl auth logout",
        )


def _instant(text: object) -> datetime | None:
    """An ISO 8601 time; one without an offset is UTC's, one that cannot be read is unknown."""
    if not isinstance(text, str):
        return None
    try:
        value = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _lifetime(seconds: object) -> timedelta | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < 1e9:
        return None
    return timedelta(seconds=seconds)
