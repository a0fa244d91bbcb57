"""A token store of another package: what it raises is reported as its failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from dagctl.domain.errors import DagctlError, FileUnusable
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.token_store import TokenStore

_MEMBERS = {*TokenStore.__annotations__, *(name for name in vars(TokenStore) if not name.startswith("_"))}


def why(error: BaseException) -> str:
    """What went wrong, without the message, which may contain a secret."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"the module {error.name!r} is missing"
    return type(error).__name__


class Brought:
    """Wraps a token store. In everything else it behaves like that store.

    Args:
        name: what the store is called, for people.
        store: the store.

    Raises:
        TypeError: it is no `TokenStore`.
    """

    def __init__(self, name: str, store: Any) -> None:
        if not all(hasattr(store, member) for member in _MEMBERS):
            raise TypeError(f"{store!r} is no TokenStore")
        self._name = name
        self._store = store

    def __getattr__(self, name: str) -> Any:
        with self._guarded():
            found = getattr(self._store, name)
        return self._calling(found) if callable(found) else found

    def load(self) -> TokenSet | None:
        """As in `TokenStore`."""
        with self._guarded():
            found = self._store.load()
            if found is not None and not isinstance(found, TokenSet):
                raise TypeError("load returned no TokenSet")
            return found

    def _calling(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def calling(*args: Any, **options: Any) -> Any:
            with self._guarded():
                result = call(*args, **options)
            return self._block(result) if isinstance(result, AbstractContextManager) else result

        return calling

    @contextmanager
    def _block(self, block: AbstractContextManager[Any]) -> Iterator[Any]:
        ours: BaseException | None = None
        try:
            with block as value:
                try:
                    yield self._calling(value) if callable(value) else value
                except BaseException as error:
                    ours = error
                    raise
        except Exception as error:
            if error is ours:
                raise
            with self._guarded():
                raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except DagctlError:
            raise
        except (Exception, SystemExit) as error:
            raise FileUnusable(f"The token store {self._name} failed: {why(error)}.", role="token_store") from error
