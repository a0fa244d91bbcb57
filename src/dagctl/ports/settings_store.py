"""Where dagctl records the current organization, project and platform."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.settings import Settings


class SettingsStore(Protocol):
    """Keeps one `Settings`.

    Writing is atomic and preserves what the caller did not change: unknown keys, comments, order.

    Raises:
        FileCorrupt: the content is not valid settings. The store leaves it as it is.
        FileUnusable: the store cannot be read or written.
    """

    def load(self) -> Settings:
        """The settings; all None if nothing is recorded yet."""

    def save(self, settings: Settings) -> None:
        """Record `settings`; remove each field that is None."""

    def describe(self) -> str:
        """Where the settings are, for people."""
