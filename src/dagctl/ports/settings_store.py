"""Where the current organization, project and platform are recorded."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.settings import Settings


class SettingsStore(Protocol):
    """Keeps one `Settings`.

    Writing is atomic, and leaves alone what the caller did not change: unknown keys, comments, order.

    Raises:
        FileCorrupt: there is something, but it cannot be read as settings. It is left as it is.
        FileUnusable: the store cannot be read or written.
    """

    def load(self) -> Settings:
        """The settings; all None where nothing is recorded yet."""

    def save(self, settings: Settings) -> None:
        """Record `settings`; a field that is None is removed."""

    def describe(self) -> str:
        """Where the settings are, for people."""
