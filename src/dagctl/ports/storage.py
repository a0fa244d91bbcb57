"""Where dagctl keeps everything that makes up a person's accounts."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.settings_store import SettingsStore
from dagctl.ports.token_store import TokenStore


@frozen(repr=False)
class Stores:
    """The stores of one account: its settings, its tokens, its state databases' credentials."""

    settings: SettingsStore
    tokens: TokenStore
    credentials: CredentialStore


class AccountShelf(Protocol):
    """Keeps the accounts that are signed in but not current, each under a name, in stores of its own.

    A name is a word of letters, digits and `._@-`. The caller holds the current account's token lock for any change.

    Raises:
        FileUnusable: the shelf cannot be read or written.
    """

    def names(self) -> tuple[str, ...]:
        """The names that have settings, sorted."""

    def stores(self, name: str) -> Stores:
        """The stores under that name; empty ones if the name is new."""

    def remove(self, name: str) -> None:
        """Remove everything under that name. An unknown name is no error."""


@frozen(eq=False, repr=False)
class Storage:
    """The current account's stores, and those of the others."""

    current: Stores
    others: AccountShelf
