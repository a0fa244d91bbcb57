"""`auth.json`: the token answer as the issuer sent it, and when it expires."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dagctl.adapters.files.answers import OURS, members_in, members_of, tokens_in
from dagctl.adapters.files.private import (
    Room,
    idle,
    leftovers,
    read_private,
    remove_private,
    room_for,
    sweep,
    unusable,
    write_over,
)
from dagctl.adapters.files.unsaved import forget, recalled, remember
from dagctl.adapters.system.notices import notice
from dagctl.domain.errors import FileCorrupt, FileProblem, FileUnusable
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore

_ROOM = 16 * 1024
"""Bytes to reserve at least. A typical answer takes a quarter."""

_Mark = tuple[int, int, int]


class FileTokenStore(TokenStore):
    """The `TokenStore` in the dagctl home. The published client reads and writes the same file.

    Args:
        patience: seconds to wait for another process's lock.
    """

    writable = True
    in_files = True

    def __init__(self, home: Path, *, patience: float = 30.0) -> None:
        self._path = home / "auth.json"
        self._lock_path = home / ".auth.lock"
        self._patience = patience
        self._seen: tuple[_Mark | None, Mapping[str, Any]] | None = None

    def load(self) -> TokenSet | None:
        if (unsaved := recalled(self._path, self._mark)) is not None:
            return unsaved
        mark = self._mark()  # before it is read: `_foreign` must not take a newer file for this one
        # an empty file means no tokens: a mount point can be emptied, but not removed
        found = tokens_in(read_private(self._path, tighten=True) or None)
        found = self._left_by_a_writer(found) or found
        if isinstance(found, str):
            raise FileCorrupt(f"{self._path} cannot be used: {found}.", path=str(self._path), role="tokens")
        self._seen = None if found is None else (mark, found.extra)
        return found

    def save(self, tokens: TokenSet) -> None:
        with self.reserved() as save:
            save(tokens)

    @contextmanager
    def reserved(self) -> Iterator[Callable[[TokenSet], None]]:
        mark = self._mark()
        # the next answer may be longer than this one
        with room_for(self._path, max(_ROOM, 2 * mark[2] if mark else 0)) as room:
            yield lambda tokens: self._save_in(room, tokens, mark)

    def clear(self) -> None:
        # the corrupt file too: it may contain tokens
        forget(self._path)
        remove_private(self._path, *self._written())
        remove_private(self._path.with_name("auth.json.corrupt"))

    @contextmanager
    def lock(self) -> Iterator[None]:
        from dagctl.adapters.files.lock import locked

        with locked(self._lock_path, self._patience):
            self._tidy()
            yield

    def describe(self) -> str:
        return str(self._path)

    def _save_in(self, room: Room, tokens: TokenSet, mark: _Mark | None) -> None:
        # keeps members that we do not know, and moves a corrupt file aside
        text = Secret(json.dumps({**self._foreign(), **members_of(tokens)}, indent=2) + "\n")
        forget(self._path)
        failed = _write_failure(room, text)
        if failed is None or (not room.whole and self._put_down(text)):
            sweep(self._written())  # older by now: the caller holds the lock
            return
        why = f"{self._path} cannot be written: {failed}."
        if not room.whole:
            remember(self._path, self._mark() or mark, tokens, why)
            raise FileUnusable(why, path=str(self._path), role="home")
        room.stays = True
        notice(f"{why} The new tokens are in {room.temporary} instead. dagctl finds them there.")

    def _put_down(self, text: Secret) -> bool:
        """Save tokens that did not fit into the reserved room: in another file, else over the old ones."""
        with suppress(FileUnusable), room_for(self._path) as room:
            if _write_failure(room, text) is None:
                return True
        with suppress(OSError):  # a full disk still has the blocks of the old file
            write_over(self._path, text)
            return True
        return False

    def _left_by_a_writer(self, found: TokenSet | str | None) -> TokenSet | None:
        """Tokens newer than those in the file, left by a writer that could not rename its file or was killed."""
        since, newest = (self._mark() or (0, 0, 0))[1] if isinstance(found, TokenSet) else 0, None
        for path, tokens in self._written().items():
            with suppress(OSError):
                written = path.stat().st_mtime_ns
                if written >= since:
                    since, newest = written, tokens
        return newest

    def _tidy(self) -> None:
        """Remove the rooms of killed writers. One that holds newer tokens becomes the file."""
        written = self._written()
        for room in idle(self._path):
            with suppress(OSError):
                if room not in written:
                    os.unlink(room)
                elif os.stat(room).st_mtime_ns >= (self._mark() or (0, 0, 0))[1]:
                    os.replace(room, self._path)

    def _written(self) -> dict[Path, TokenSet]:
        """The temporary files that hold tokens; usually none."""
        found = {}
        for path in leftovers(self._path):
            with suppress(FileProblem):
                tokens = tokens_in(read_private(path) or None)
                if isinstance(tokens, TokenSet):
                    found[path] = tokens
        return found

    def _mark(self) -> _Mark | None:
        """What identifies the file's current content: inode, time and size."""
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _foreign(self) -> Mapping[str, Any]:
        if self._seen is not None and self._seen[0] == self._mark():
            return self._seen[1]  # unchanged since it was loaded, usually a moment ago under the lock
        try:
            members = members_in(read_private(self._path) or None)
        except FileCorrupt:
            members = "it is not a text file"
        except FileUnusable:
            return {}  # no reason to lose the new tokens
        if isinstance(members, str):
            self._set_aside()
            return {}
        return {key: value for key, value in members.items() if key not in OURS}

    def _set_aside(self) -> None:
        # a person may be able to rescue tokens from it; `clear` removes it
        target = self._path.with_name("auth.json.corrupt")
        try:
            self._path.replace(target)
            target.chmod(0o600)
        except OSError as error:
            raise unusable(self._path, f"cannot be moved aside: {error.strerror}") from None


def _write_failure(room: Room, text: Secret) -> str | None:
    """Why the text could not be written; None if it was."""
    try:
        room.write(text, in_place=True)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
