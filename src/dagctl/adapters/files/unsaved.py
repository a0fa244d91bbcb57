"""Tokens that could be kept nowhere: the process that has them goes on with them."""

from __future__ import annotations

from collections.abc import Callable

from dagctl.adapters.system.notices import notice
from dagctl.domain.values.tokens import TokenSet

_unsaved: dict[object, tuple[object, TokenSet, str]] = {}


def remember(place: object, mark: object, tokens: TokenSet, why: str) -> None:
    """Keep tokens for this process.

    Args:
        place: where they belong.
        mark: what tells whether that place is as it was when they could not be kept there.
        why: what has kept them from being kept, as a sentence.
    """
    _unsaved[place] = mark, tokens, why


def recalled(place: object, mark: Callable[[], object]) -> TokenSet | None:
    """The tokens that belong there, unless somebody has put others there since."""
    if place not in _unsaved:
        return None
    then, tokens, why = _unsaved[place]
    if then != mark():
        return None
    notice(f"{why} This process goes on with new tokens that no other can see: sign in again after it.")
    return tokens


def forget(place: object) -> None:
    """Others are there now, or none are to be."""
    _unsaved.pop(place, None)
