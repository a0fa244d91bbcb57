"""Attributes that a test may set, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING


class Declared:
    """A slip in an attribute's name is an error: what is not private can only be set where a class declares it.

    A subclass that adds a public attribute declares it in its body, as `seen: list[str]` or `seen = 0`.
    """

    if not TYPE_CHECKING:  # type checkers would let anything be set

        def __setattr__(self, name: str, value: object) -> None:
            """Set what is declared.

            Raises:
                AttributeError: it is not.
            """
            kinds = type(self).__mro__
            declared = any(name in vars(kind) or name in vars(kind).get("__annotations__", {}) for kind in kinds)
            if not declared and not name.startswith("_"):
                raise AttributeError(f"{kinds[0].__name__} has no attribute {name!r} that can be set.")
            object.__setattr__(self, name, value)


class DeclaredHere(Declared):
    """The same for a class of dagctl. A subclass elsewhere may set what it wants: it is somebody's own."""

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            """As in `Declared`."""
            if type(self).__module__.startswith("dagctl."):
                super().__setattr__(name, value)
            else:
                object.__setattr__(self, name, value)
