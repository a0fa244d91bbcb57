"""Stores in memory. They end with the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock

from dagctl.adapters.memory.trouble import Trouble, meet
from dagctl.adapters.platform_model.declared import DeclaredHere
from dagctl.domain.errors import FileBusy, FileUnusable
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.state import StateCredentials
from dagctl.domain.values.tokens import TokenSet, bounded
from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.settings_store import SettingsStore
from dagctl.ports.storage import AccountShelf, Storage, Stores
from dagctl.ports.token_store import TokenStore


class MemoryTokenStore(DeclaredHere, TokenStore):
    """The `TokenStore` of one process.

    Args:
        tokens: the tokens at first.
        writable: False for tokens that come from outside and cannot be changed.
        patience: seconds to wait for another thread's lock.
        trouble: what each use meets (see `dagctl.testing`).
        save_trouble: what each `save` meets: `[None, FileUnusable("The disk is full.")]` fails the second one.
    """

    trouble: Trouble
    save_trouble: Trouble

    def __init__(
        self,
        tokens: TokenSet | None = None,
        *,
        writable: bool = True,
        patience: float = 30.0,
        trouble: Trouble = None,
        save_trouble: Trouble = None,
    ) -> None:
        self.writable = writable
        self.trouble = trouble
        self.save_trouble = save_trouble
        self._tokens = tokens
        self._patience = patience
        self._lock = Lock()

    def load(self) -> TokenSet | None:
        meet(self.trouble)
        return None if self._tokens is None else bounded(self._tokens)

    def save(self, tokens: TokenSet) -> None:
        meet(self.save_trouble)
        self._change(tokens)

    def clear(self) -> None:
        self._change(None)

    def lock(self) -> AbstractContextManager[None]:
        meet(self.trouble)
        return self._held()

    @contextmanager
    def _held(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._patience):
            raise FileBusy(f"The tokens in memory have been locked for {self._patience:g} seconds.")
        try:
            yield
        finally:
            self._lock.release()

    def describe(self) -> str:
        return "memory"

    def _change(self, tokens: TokenSet | None) -> None:
        meet(self.trouble)
        if not self.writable:
            raise FileUnusable("The tokens in memory were given, and cannot be changed.")
        self._tokens = tokens


class NullTokenStore(TokenStore):
    """A `TokenStore` that keeps nothing: nobody is ever signed in."""

    writable = True

    def load(self) -> TokenSet | None:
        return None

    def save(self, tokens: TokenSet) -> None:
        return None

    def clear(self) -> None:
        return None

    def lock(self) -> AbstractContextManager[None]:
        return nullcontext()

    def describe(self) -> str:
        return "nowhere"


class MemorySettingsStore(DeclaredHere, SettingsStore):
    """The `SettingsStore` of one process.

    Args:
        settings: the settings at first.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def load(self) -> Settings:
        return self._settings

    def save(self, settings: Settings) -> None:
        self._settings = settings

    def describe(self) -> str:
        return "memory"


class MemoryCredentialStore(DeclaredHere, CredentialStore):
    """The `CredentialStore` of one process.

    Attributes:
        kept: the credentials of each organization and project.
    """

    kept: dict[tuple[str, str], StateCredentials]

    def __init__(self) -> None:
        self.kept = {}

    def save(self, org: str, project: str, credentials: StateCredentials) -> None:
        self.kept[org, project] = credentials

    def clear(self) -> None:
        self.kept.clear()


class MemoryAccountShelf(DeclaredHere, AccountShelf):
    """The `AccountShelf` of one process."""

    def __init__(self) -> None:
        self._stores: dict[str, Stores] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, kept in self._stores.items() if kept.settings.load() != Settings()))

    def stores(self, name: str) -> Stores:
        new = Stores(MemorySettingsStore(), MemoryTokenStore(), MemoryCredentialStore())
        return self._stores.setdefault(name, new)

    def remove(self, name: str) -> None:
        self._stores.pop(name, None)


def memory_storage(
    *, settings: Settings | None = None, tokens: TokenStore | None = None, credentials: CredentialStore | None = None
) -> Storage:
    """A `Storage` in memory.

    Args:
        settings: the settings at first.
        tokens, credentials: stores that replace those in memory.
    """
    current = Stores(
        MemorySettingsStore(settings), tokens or MemoryTokenStore(), credentials or MemoryCredentialStore()
    )
    return Storage(current, MemoryAccountShelf())
