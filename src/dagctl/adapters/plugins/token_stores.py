"""The token store that a setting names: a file, the keyring, or one that another package brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.domain.errors import DagctlError, FileProblem, FileUnusable, MissingExtra, SettingUnusable
from dagctl.domain.values.context import Origin, Sourced
from dagctl.ports.token_store import TokenStore

GROUP = "dagctl.token_stores"
"""Entry points of this group are called with a folder (`pathlib.Path`) and return a `TokenStore`."""

VARIABLE, KEY = "DAGCTL_TOKEN_STORE", "token_store"

OpenStore = Callable[[Path], TokenStore]


def token_stores(environ: Mapping[str, str], settings: FileSettingsStore) -> OpenStore:
    """How the token store of a folder is opened here.

    Args:
        settings: where a store may be named that no variable names.

    Raises:
        SettingUnusable: the setting names a store that is not there. One that does not load says so when it is opened.
        MissingExtra: it names the keyring, whose package is not installed.
    """
    setting = _setting(environ, settings)
    if setting is None or setting.value == "file":
        return FileTokenStore
    return _keyring() if setting.value == "keyring" else _brought(setting)


def _setting(environ: Mapping[str, str], settings: FileSettingsStore) -> Sourced[str] | None:
    if environ.get(VARIABLE):
        return Sourced(environ[VARIABLE], Origin.VARIABLE, VARIABLE)
    try:
        value = settings.other(KEY)
    except FileProblem:
        return None  # whoever reads the settings says so
    return Sourced(value, Origin.RECORDED, f"{KEY} in {settings.describe()}") if value is not None else None


def _keyring() -> OpenStore:
    """The keyring where it works, otherwise files: nobody is locked out by a machine without one."""
    try:
        from dagctl.adapters.keyring.store import KeyringTokenStore
    except ModuleNotFoundError:
        raise MissingExtra("The keyring store needs its extra.", extra="keyring") from None
    try:
        KeyringTokenStore(Path("probe")).probe()
    except FileUnusable as error:
        import logging

        logging.getLogger("dagctl").warning("dagctl: %s Tokens are kept in a file instead (mode 0600).", error.message)
        return FileTokenStore
    return KeyringTokenStore


def _brought(setting: Sourced[str]) -> OpenStore:
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=GROUP)}
    if setting.value not in found:
        names = ", ".join(["file", "keyring", *sorted(found)])
        raise SettingUnusable(
            f"{setting.source} names no token store: {setting.value!r}. There are {names}.", source=setting.source
        )
    point = found[setting.value]

    def open_store(folder: Path) -> TokenStore:
        try:
            return cast("TokenStore", point.load()(folder))
        except DagctlError:
            raise
        except Exception as error:
            raise SettingUnusable(
                f"The token store {point.name!r} ({point.value}) does not load: {type(error).__name__}.",
                source=setting.source,
            ) from error

    return open_store
