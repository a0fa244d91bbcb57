"""`config.yaml` of the dagctl home."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, fields

from dagctl.adapters.files.private import read_private, write_private
from dagctl.adapters.yaml.plain import YamlProblem, read_settings
from dagctl.domain.errors import FileCorrupt
from dagctl.domain.values.settings import Settings
from dagctl.ports.settings_store import SettingsStore

_KEYS = tuple(attribute.name for attribute in fields(Settings))


class FileSettingsStore(SettingsStore):
    """The `SettingsStore` in the dagctl home; the published client reads and writes the same file."""

    def __init__(self, home: Path) -> None:
        self._path = home / "config.yaml"
        self._values: Mapping[str, Any] | None = None

    def load(self) -> Settings:
        return self._settings(read_private(self._path))

    def save(self, settings: Settings) -> None:
        before = read_private(self._path)
        new, old = asdict(settings), asdict(self._settings(before))
        changes = {key: new[key] for key in _KEYS if new[key] != old[key]}
        if changes:
            self._edit(before, changes)

    def describe(self) -> str:
        return str(self._path)

    def other(self, key: str) -> str | None:
        """A setting that is not part of `Settings`, from the last time the file was read."""
        if self._values is None:
            self.load()
        value = (self._values or {}).get(key)
        return None if value is None else str(value)

    def record(self, key: str, value: str) -> None:
        """Record a setting that is not part of `Settings`.

        Raises:
            FileProblem: it cannot be recorded.
        """
        self._edit(read_private(self._path), {key: value})

    def _edit(self, before: str | None, changes: Mapping[str, object]) -> None:
        from dagctl.adapters.yaml.settings import edit_mapping

        try:
            text = edit_mapping(before or "", changes)
        except YamlProblem as error:
            raise self._corrupt(str(error)) from None
        write_private(self._path, text)

    def _settings(self, text: str | None) -> Settings:
        try:
            values = self._values = read_settings(text) if text is not None else {}
        except YamlProblem as error:
            raise self._corrupt(str(error)) from None
        return Settings(**{key: self._checked(key, values.get(key)) for key in _KEYS})

    def _checked(self, key: str, value: Any) -> Any:
        if value is None or value == "":
            return None
        if key != "pg_proxy_port":
            if isinstance(value, (dict, list)):
                raise self._corrupt(f"{key} is not a string")
            return str(value)
        try:
            port = int(value)
        except (TypeError, ValueError):
            port = 0
        if not 0 < port < 65536:
            raise self._corrupt(f"{key} is not a TCP port")
        return port

    def _corrupt(self, why: str) -> FileCorrupt:
        return FileCorrupt(f"{self._path} cannot be used: {why}.", path=str(self._path), role="home")
