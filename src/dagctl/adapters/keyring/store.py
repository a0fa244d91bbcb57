"""Tokens in the operating system's keyring (`dagctl[keyring]`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TypeVar

import keyring
from keyring.backends import fail, null
from keyring.errors import PasswordDeleteError

from dagctl.adapters.files.answers import members_of, tokens_in
from dagctl.adapters.files.lock import locked
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.system.deadline import OutOfTime, within
from dagctl.domain.errors import FileCorrupt, FileUnusable
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore

T = TypeVar("T")

SERVICE = "dagctl"


class KeyringTokenStore(TokenStore):
    """The `TokenStore` in the keyring; an entry for each folder of the dagctl home.

    A keyring may ask the person to unlock it, or hang; nobody waits for it longer than a few seconds.

    Args:
        folder: the dagctl home, or one of its contexts; its path is the entry's name, and the lock is there.
        answers_in: seconds that the keyring has for an answer.
        patience: seconds to wait for another process's lock.
    """

    writable = True

    def __init__(self, folder: Path, *, answers_in: float = 3.0, patience: float = 30.0) -> None:
        self._folder = folder
        self._entry = str(folder)
        self._lock_path = folder / ".auth.lock"
        self._answers_in = answers_in
        self._patience = patience

    def probe(self) -> None:
        """Return if the keyring works.

        Raises:
            FileUnusable: there is none, it is locked, or it does not answer.
        """
        if self._ask(lambda: isinstance(keyring.get_keyring(), (fail.Keyring, null.Keyring))):
            raise FileUnusable("This machine has no keyring.", role="keyring")
        self._get()

    def load(self) -> TokenSet | None:
        found = tokens_in(self._get())
        if isinstance(found, str):
            raise FileCorrupt(f"The entry of {self.describe()} holds no tokens.", role="keyring")
        return found

    def save(self, tokens: TokenSet) -> None:
        self._ask(lambda: keyring.set_password(SERVICE, self._entry, json.dumps(members_of(tokens))))

    def clear(self) -> None:

        def remove() -> None:
            # tokens in a file too: there from before the keyring, or from when it did not work
            if keyring.get_password(SERVICE, self._entry) is not None:
                with suppress(PasswordDeleteError):  # somebody else was faster
                    keyring.delete_password(SERVICE, self._entry)

        FileTokenStore(self._folder).clear()
        self._ask(remove)

    def lock(self) -> AbstractContextManager[None]:
        # keyrings have no locks of this kind
        return locked(self._lock_path, self._patience)

    def describe(self) -> str:
        return f"the keyring ({SERVICE}, {self._entry})"

    def _get(self) -> str | None:
        return self._ask(lambda: keyring.get_password(SERVICE, self._entry))

    def _ask(self, question: Callable[[], T]) -> T:
        """The keyring's answer, if it comes in time."""
        try:
            return within(self._answers_in, question, "keyring")
        except OutOfTime:
            raise FileUnusable(
                f"The keyring has not answered for {self._answers_in:g} seconds.", role="keyring"
            ) from None
        except Exception as error:  # noqa: BLE001 - backends raise whatever their system does
            raise FileUnusable(f"The keyring cannot be used ({type(error).__name__}).", role="keyring") from None
