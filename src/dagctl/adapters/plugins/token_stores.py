"""The token store that a setting names: a file, the keyring, or one from another package."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import DagctlError, FileProblem, MissingExtra, SettingUnusable
from dagctl.domain.values.context import Origin, Sourced
from dagctl.ports.token_store import TokenStore

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
        from dagctl.adapters.keyring.fallback import KeyringOrFile
        from dagctl.adapters.keyring.store import KeyringTokenStore
    except ModuleNotFoundError:
        raise MissingExtra("The keyring store needs its extra.", extra="keyring") from None
    from dagctl.adapters.system.environment import is_ci

    # a person who names a plaintext backend wants it
    asked_for = "plaintext" in environ.get("PYTHON_KEYRING_BACKEND", "").lower()
    watched = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)) and not is_ci(environ)
    person_in = _PERSON_IN if watched else 0.0

    def open_store(folder: Path) -> TokenStore:
        ring = KeyringTokenStore(folder, plaintext=asked_for, person_in=person_in)
        return cast("TokenStore", KeyringOrFile(ring, FileTokenStore(folder), settings, KEY))

    return open_store


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
