"""A text that must not be shown."""

from __future__ import annotations

from collections.abc import Callable

SHOWN = "…"
"""What a secret shows instead of its text."""


class Secret:
    """A token, a code or a password, which shows as "…" everywhere. Two with the same text are equal.

    Reveal it only where a socket, a file or a keyring takes it: then a traceback with locals, a log or a dump of the
    objects on the way has nothing to show.
    """

    __slots__ = ("_reveal",)

    def __init__(self, text: str) -> None:
        self._reveal: Callable[[], str] = lambda: text  # in a closure: a dump of the attributes shows a function

    def reveal(self) -> str:
        """The text. Keep it out of variables: pass it straight to whatever takes it."""
        return self._reveal()

    def __bool__(self) -> bool:
        return bool(self._reveal())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # it loads all of OpenSSL's digests

        return hmac.compare_digest(self._reveal().encode(), other.reveal().encode())  # refuses text beyond ASCII

    def __hash__(self) -> int:
        return hash(self._reveal())

    def __repr__(self) -> str:
        return SHOWN

    def __format__(self, spec: str) -> str:
        return SHOWN

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self._reveal(),)


def secret(text: str | Secret) -> Secret:
    """`text` as a secret, if it is not one already."""
    return text if isinstance(text, Secret) else Secret(text)
