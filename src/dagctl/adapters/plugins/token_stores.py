"""The token store that a setting names: a file, the keyring, or one from another package."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from attrs import define, field

from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.system.environment import is_ci
from dagctl.adapters.system.notices import notice
from dagctl.domain.errors import DagctlError, FileProblem, MissingExtra, SettingUnusable
from dagctl.domain.values.context import Origin, Sourced
from dagctl.ports.token_store import TokenStore

if TYPE_CHECKING:
    from dagctl.adapters.keyring.store import KeyringTokenStore
    from dagctl.domain.values.tokens import TokenSet

GROUP = "dagctl.token_stores"
"""An entry point of this group is a callable that takes a folder (`pathlib.Path`) and returns a `TokenStore`."""

VARIABLE, KEY = "DAGCTL_TOKEN_STORE", "token_store"

_PERSON_IN = 120.0
"""Seconds for a person to answer the keyring."""

OpenStore = Callable[[Path], TokenStore]


def token_stores(environ: Mapping[str, str], settings: FileSettingsStore) -> OpenStore:
    """A function that opens the token store of a folder.

    Args:
        settings: the settings that name a store if no variable does.

    Raises:
        SettingUnusable: the setting names an unknown store. One that fails to load says so when it is opened.
        MissingExtra: the setting names the keyring, and its package is not installed.
    """
    setting = _setting(environ, settings)
    if setting is None or setting.value == "file":
        return FileTokenStore
    return _keyring(environ, settings) if setting.value == "keyring" else _brought(setting)


def _setting(environ: Mapping[str, str], settings: FileSettingsStore) -> Sourced[str] | None:
    if environ.get(VARIABLE):
        return Sourced(environ[VARIABLE], Origin.VARIABLE, VARIABLE)
    try:
        value = settings.other(KEY)
    except FileProblem:
        return None  # the context service reports it
    return Sourced(value, Origin.RECORDED, f"{KEY} in {settings.describe()}") if value is not None else None


def _keyring(environ: Mapping[str, str], settings: FileSettingsStore) -> OpenStore:
    try:
        from dagctl.adapters.keyring.store import KeyringTokenStore
    except ModuleNotFoundError:
        raise MissingExtra("The keyring store needs its extra.", extra="keyring") from None
    # a person who names a plaintext backend wants it
    asked_for = "plaintext" in environ.get("PYTHON_KEYRING_BACKEND", "").lower()
    watched = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)) and not is_ci(environ)
    person_in = _PERSON_IN if watched else 0.0

    def open_store(folder: Path) -> TokenStore:
        ring = KeyringTokenStore(folder, plaintext=asked_for, person_in=person_in)
        return cast("TokenStore", _KeyringOrFile(ring, FileTokenStore(folder), settings))

    return open_store


@define(eq=False, slots=False)
class _KeyringOrFile:
    """The keyring; or a file, once a sign-in has found that the machine has no keyring.

    A keyring that is locked, silent or in another session is no reason to look for tokens elsewhere, let alone to store
    them there.
    """

    _ring: KeyringTokenStore
    _file: FileTokenStore
    _settings: FileSettingsStore
    _undecided: bool = field(default=False, init=False)

    @cached_property
    def _store(self) -> TokenStore:
        return self._file if self._settings.other(KEY) == "file" and self._ring.absent() else self._ring

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
                    self._settings.record(KEY, "file")
                save(tokens)

            yield decided

    def _is_new(self) -> bool:
        """Nobody has signed in here before, except with a file. So no hidden keyring holds a session."""
        return self._settings.load().current_org is None or self._file.load() is not None


def _brought(setting: Sourced[str]) -> OpenStore:
    from dagctl.adapters.plugins.brought import Brought, why
    from dagctl.adapters.plugins.entry_points import entry_points

    found = {point.name: point for point in reversed(entry_points(GROUP))}  # the first of a name counts
    if setting.value not in found:
        names = ", ".join(["file", "keyring", *sorted(found)])
        raise SettingUnusable(
            f"{setting.source} names an unknown token store: {setting.value!r}. Use {names}.",
            source=setting.source,
        )
    point = found[setting.value]
    name = f"{point.name!r} ({point.value})"

    def open_store(folder: Path) -> TokenStore:
        try:
            return cast("TokenStore", Brought(name, point.load()(folder)))
        except DagctlError:
            raise
        except (Exception, SystemExit) as error:
            raise SettingUnusable(
                f"The token store {name} does not load: {why(error)}.", source=setting.source
            ) from error

    return open_store
