"""Where contexts are kept that are signed in, but not the current one."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.settings_store import SettingsStore
from dagctl.ports.token_store import TokenStore


@frozen
class Stores:
    """All that is kept of one context: its settings, its tokens, its state databases' credentials."""

    contexts: SettingsStore
    tokens: TokenStore
    credentials: CredentialStore


class AccountShelf(Protocol):
    """Keeps each context under a name, in stores of its own.

    A name is a word of letters, digits and `._@-`. Whoever changes what is kept holds the current context's
    token lock. Raises `FileUnusable`.
    """

    def names(self) -> tuple[str, ...]:
        """The names under which settings are kept, sorted."""

    def stores(self, name: str) -> Stores:
        """The stores of that name; empty ones where nothing is kept under it."""

    def remove(self, name: str) -> None:
        """Remove all that is kept under the name. Not an error where nothing is."""
