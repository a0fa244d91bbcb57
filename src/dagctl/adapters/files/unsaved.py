"""Tokens that could not be saved. The process that got them keeps using them."""

from __future__ import annotations

from collections.abc import Callable

from dagctl.adapters.system.notices import notice
from dagctl.domain.values.tokens import TokenSet

_unsaved: dict[object, tuple[object, TokenSet, str]] = {}


def remember(place: object, mark: object, tokens: TokenSet, why: str) -> None:
    """Keep tokens for this process.

    Args:
        place: where they belong.
        mark: identifies what that place held when they could not be saved.
        why: why they could not be saved, as a sentence.
    """
    _unsaved[place] = mark, tokens, why


def recalled(place: object, mark: Callable[[], object]) -> TokenSet | None:
    """The tokens that belong in `place`, unless it holds others by now."""
    if place not in _unsaved:
        return None
    then, tokens, why = _unsaved[place]
    if then != mark():
        return None
    notice(f"{why} This process uses new tokens that no other process can see. Sign in again when it ends.")
    return tokens


def forget(place: object) -> None:
    """Forget the tokens of `place`: it holds others now, or is to hold none."""
    _unsaved.pop(place, None)
