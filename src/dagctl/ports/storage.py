"""Where everything is kept that a person's accounts consist of."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.settings_store import SettingsStore
from dagctl.ports.token_store import TokenStore


@frozen
class Stores:
    """All that is kept of one account: its settings, its tokens, its state databases' credentials."""

    settings: SettingsStore
    tokens: TokenStore
    credentials: CredentialStore


class AccountShelf(Protocol):
    """Keeps the accounts that are signed in but not current, each under a name, in stores of its own.

    A name is a word of letters, digits and `._@-`. Whoever changes what is kept holds the current account's
    token lock.

    Raises:
        FileUnusable: the shelf cannot be read or written.
    """

    def names(self) -> tuple[str, ...]:
        """The names under which settings are kept, sorted."""

    def stores(self, name: str) -> Stores:
        """The stores of that name; empty ones where nothing is kept under it."""

    def remove(self, name: str) -> None:
        """Remove all that is kept under the name. Not an error where nothing is."""


@frozen
class Storage:
    """The current account's stores, and those of the others."""

    current: Stores
    others: AccountShelf
