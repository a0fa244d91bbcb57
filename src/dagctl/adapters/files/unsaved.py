"""Tokens that could not be saved. The process that got them keeps using them."""

from __future__ import annotations

from collections.abc import Callable

from dagctl.adapters.system.notices import notice
from dagctl.domain.values.tokens import TokenSet

_unsaved: dict[object, tuple[object, TokenSet, str]] = {}


def remember(key: object, mark: object, tokens: TokenSet, why: str) -> None:
    """Keep tokens for this process.

    Args:
        key: where they belong: a file's path, or a keyring's entry.
        mark: identifies what it held when they could not be saved.
        why: why they could not be saved, as a sentence.
    """
    _unsaved[key] = mark, tokens, why


def recalled(key: object, mark: Callable[[], object]) -> TokenSet | None:
    """The tokens that belong in `key`, unless it holds others by now."""
    if key not in _unsaved:
        return None
    then, tokens, why = _unsaved[key]
    if then != mark():
        return None
    notice(f"{why} This process uses new tokens that no other process can see. Sign in again when it ends.")
    return tokens


def forget(key: object) -> None:
    """Forget the tokens of `key`: it holds others now, or is to hold none."""
    _unsaved.pop(key, None)
