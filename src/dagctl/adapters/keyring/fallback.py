"""A file in place of a keyring that the machine does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from attrs import define, field

from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.keyring.store import KeyringTokenStore
from dagctl.adapters.system.notices import notice
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore


@define(eq=False, slots=False)
class KeyringOrFile:
    """The keyring; or a file, once a sign-in has found that the machine has no keyring.

    A keyring that is locked, silent or in another session is no reason to look for tokens elsewhere, let alone to store
    them there.
    """

    _ring: KeyringTokenStore
    _file: FileTokenStore
    _settings: FileSettingsStore
    _key: str
    _undecided: bool = field(default=False, init=False)

    @cached_property
    def _store(self) -> TokenStore:
        return self._file if self._settings.other(self._key) == "file" and self._ring.absent() else self._ring

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def reserved(self) -> Iterator[Callable[[TokenSet], None]]:
        """As in `TokenStore`. A sign-in reserves room before it loads tokens, so this method decides."""
        if self._store is not self._file and self._is_new() and self._ring.absent():
            notice("This machine has no keyring. dagctl keeps tokens in a file instead (mode 0600).")
            self._store, self._undecided = self._file, True
        with self._store.reserved() as save:

            def decided(tokens: TokenSet) -> None:
                if self._undecided:
                    self._settings.record(self._key, "file")
                save(tokens)

            yield decided

    def _is_new(self) -> bool:
        """Nobody has signed in here before, except with a file. So no hidden keyring holds a session."""
        return self._settings.load().current_org is None or self._file.load() is not None
