"""Where the tokens of the signed-in person are kept."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from dagctl.domain.values.tokens import TokenSet


class TokenStore(Protocol):
    """Keeps at most one `TokenSet`.

    Writing is atomic: a reader sees the old tokens or the new ones, whole, also when the writer is killed.

    Raises:
        FileCorrupt: there is something, but it is no token answer. It is left as it is.
        FileUnusable: the store cannot be read or written.
    """

    writable: bool
    """False where tokens are given from outside and can be neither renewed nor removed."""

    def load(self) -> TokenSet | None:
        """The tokens, or None where nobody is signed in."""

    def save(self, tokens: TokenSet) -> None:
        """Replace the tokens; on return they outlive this process."""

    def clear(self) -> None:
        """Remove the tokens, also corrupt ones. Not an error where there are none."""

    def lock(self) -> AbstractContextManager[None]:
        """Hold everybody else who asks for this, on this machine, off until the block ends.

        The lock of a process that died is free. Not reentrant.

        Raises:
            FileBusy: somebody held it for too long.
        """

    def describe(self) -> str:
        """Where the tokens are, for people: a path, "the environment", "the keyring"."""
