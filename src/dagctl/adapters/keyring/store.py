"""Tokens in the operating system's keyring (`dagctl[keyring]`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import keyring
from attrs import define, field
from keyring.backends import fail, null
from keyring.errors import PasswordDeleteError

from dagctl.adapters.files.answers import members_in, members_of, tokens_in
from dagctl.adapters.files.lock import locked
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.files.unsaved import forget, recalled, remember
from dagctl.adapters.system.deadline import OutOfTime, within
from dagctl.adapters.system.notices import notice
from dagctl.domain.errors import FileCorrupt, FileProblem, FileUnusable
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore

T = TypeVar("T")

SERVICE = "dagctl"

PART = 1200
"""Characters of an entry if tokens do not fit into one.

Windows limits an entry to 2,560 bytes (CRED_MAX_CREDENTIAL_BLOB_SIZE), and keyring writes UTF-16: 1,280 characters. An
answer with an access, an ID and a refresh token has three times as many.
"""

_ROOM = 4096
"""Characters to reserve at least."""


@define(eq=False, slots=False)
class KeyringTokenStore(TokenStore):
    """The `TokenStore` in the keyring, with an entry for each folder of the dagctl home.

    Tokens too long for one entry go into several, "FOLDER (COPY.NUMBER)". The entry named after the folder then says
    how many there are, and which of two copies is current. So a reader always finds a complete copy.

    Args:
        folder: the dagctl home, or one of its accounts. Its path is the entry's name, and it holds the lock file.
        plaintext: accept a keyring that does not encrypt.
        answers_in: seconds to wait for the keyring's answer.
        person_in: seconds to wait beyond that, since the keyring may be asking a person. A notice says so.
        patience: seconds to wait for another process's lock.
    """

    writable = True

    _folder: Path
    _plaintext: bool = field(default=False, kw_only=True)
    _answers_in: float = field(default=3.0, kw_only=True)
    _person_in: float = field(default=0.0, kw_only=True)
    _patience: float = field(default=30.0, kw_only=True)

    @property
    def _entry(self) -> str:
        return str(self._folder)

    def absent(self) -> bool:
        """Whether this machine has no keyring. A locked or silent keyring is not absent.

        Raises:
            FileUnusable: dagctl cannot tell.
        """
        return self._ask(_is_absent)

    def load(self) -> TokenSet | None:
        text = self._kept()
        found = recalled(self._entry, lambda: text) or tokens_in(text.reveal() if text else None)
        if isinstance(found, str):
            raise self._corrupt()
        return found

    def save(self, tokens: TokenSet) -> None:
        forget(self._entry)
        try:
            self._ask_keyring(lambda: _write(self._entry, json.dumps(members_of(tokens))))
        except FileUnusable as error:
            remember(self._entry, self._seen(), tokens, error.message)
            raise

    @contextmanager
    def reserved(self) -> Iterator[Callable[[TokenSet], None]]:
        kept = self._kept()
        size = max(_ROOM, 2 * len(kept.reveal() if kept else ""))
        self._ask_keyring(lambda: _try_out(f"{self._entry} (room)", "-" * size))
        yield self.save

    def clear(self) -> None:
        # tokens in a file too, from before the keyring was chosen
        forget(self._entry)
        FileTokenStore(self._folder).clear()
        self._ask_keyring(lambda: _remove(self._entry))

    def lock(self) -> AbstractContextManager[None]:
        # keyrings have no locks of this kind
        return locked(self._folder / ".auth.lock", self._patience)

    def describe(self) -> str:
        return f"the keyring ({SERVICE}, {self._entry})"

    def _kept(self) -> Secret | None:
        text = self._ask_keyring(lambda: _read(self._entry))
        if text == "":
            raise self._corrupt()
        return Secret(text) if text is not None else None

    def _seen(self) -> Secret | None:
        with suppress(FileProblem):
            return self._kept()
        return None

    def _corrupt(self) -> FileCorrupt:
        return FileCorrupt(f"The entry of {self.describe()} holds no tokens.", role="keyring")

    def _ask_keyring(self, question: Callable[[], T]) -> T:
        """The answer of a keyring that exists and is fit to hold secrets."""

        def checked() -> T:  # inside the time limit: to choose a backend, keyring asks D-Bus
            if _is_absent():
                raise FileUnusable("This machine has no keyring, or hides it from this session.", role="keyring")
            ring = _chosen()
            if not self._plaintext and "plaintext" in type(ring).__name__.lower():
                name = f"{type(ring).__module__}.{type(ring).__name__}"
                raise FileUnusable(f"The keyring {name} keeps tokens in plain text.", role="keyring")
            return question()

        return self._ask(checked)

    def _ask(self, question: Callable[[], T]) -> T:
        """The keyring's answer, if it comes in time."""
        try:
            return within(self._answers_in, question, "keyring", longer=self._tell_the_person)
        except FileProblem:
            raise
        except OutOfTime:
            waited = self._answers_in + self._person_in
            raise FileUnusable(f"The keyring has not answered for {waited:g} seconds.", role="keyring") from None
        except Exception as error:  # noqa: BLE001 - each backend raises its own errors
            raise FileUnusable(f"The keyring cannot be used ({type(error).__name__}).", role="keyring") from None

    def _tell_the_person(self) -> float:
        if self._person_in:
            notice("Waiting for the keyring. It may have opened a window to ask you.")
        return self._person_in


def _chosen() -> object:
    """The backend that receives what is written."""
    ring = keyring.get_keyring()
    # `keyring.backends.chainer` reads from all of its backends, and writes to the first
    return next(iter(getattr(ring, "backends", ())), ring)


def _is_absent() -> bool:
    return isinstance(keyring.get_keyring(), (fail.Keyring, null.Keyring))


def _parts(name: str, head: str | None) -> list[str]:
    """The names of the entries that hold the parts, if `head` says that there are any."""
    members = members_in(head)
    if isinstance(members, str) or not isinstance(members.get("parts"), int):
        return []
    return [f"{name} ({members.get('copy')}.{number})" for number in range(members["parts"])]


def _read(name: str) -> str | None:
    head = keyring.get_password(SERVICE, name)
    parts = [keyring.get_password(SERVICE, part) for part in _parts(name, head)]
    if None in parts and keyring.get_password(SERVICE, name) != head:
        return _read(name)  # another process has just replaced them
    return "".join(part or "" for part in parts) if parts else head


def _write(name: str, text: str) -> None:
    """Write one entry, or several if the keyring refuses one of this length."""
    before = _parts(name, keyring.get_password(SERVICE, name))
    try:
        keyring.set_password(SERVICE, name, text)
    except Exception:  # noqa: BLE001 - each backend has its own error for this; any other problem shows up below
        # first the other copy, then the entry that names it: until then, readers find the old parts
        copy = 0 if before and before[0].endswith("(1.0)") else 1
        pieces = [text[start : start + PART] for start in range(0, len(text), PART)]
        head = json.dumps({"parts": len(pieces), "copy": copy})
        for part, piece in zip(_parts(name, head), pieces, strict=True):
            keyring.set_password(SERVICE, part, piece)
        keyring.set_password(SERVICE, name, head)
    _delete(before)


def _try_out(name: str, text: str) -> None:
    """Write, read and remove an entry."""
    try:
        _write(name, text)
        if _read(name) != text:
            raise FileUnusable("The keyring does not keep what dagctl writes to it.", role="keyring")
    finally:
        _remove(name)


def _remove(name: str) -> None:
    head = keyring.get_password(SERVICE, name)
    if head is not None:
        _delete([name, *_parts(name, head)])


def _delete(names: list[str]) -> None:
    for name in names:
        with suppress(PasswordDeleteError):  # another process was faster
            keyring.delete_password(SERVICE, name)
