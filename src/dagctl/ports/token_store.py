"""Where the tokens of the signed-in person are kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
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

    in_files: bool = False
    """The tokens lie in files of the dagctl home, where what is derived from them may lie too."""

    def load(self) -> TokenSet | None:
        """The tokens, or None where nobody is signed in."""

    def save(self, tokens: TokenSet) -> None:
        """Replace the tokens; on return they outlive this process."""

    def reserved(self) -> AbstractContextManager[Callable[[TokenSet], None]]:
        """Make sure that new tokens can be kept, before anybody asks for them; gives what saves them.

        Whoever asks an issuer for tokens does so within the block: their outcome cannot be had twice. Where they
        cannot be saved after all, the store puts them down wherever it can, says so to the person, and has `load` find
        them. A block that saves nothing leaves the store as it is.

        A store that has no way to make sure inherits this, which promises nothing.

        Raises:
            FileUnusable: there is no room for them. What is given raises it where only this process has them now.
        """
        return nullcontext(self.save)

    def clear(self) -> None:
        """Remove the tokens, also corrupt ones. Not an error where there are none."""

    def lock(self) -> AbstractContextManager[None]:
        """Hold everybody else who asks for this, on this machine, off until the block ends.

        Signals that would end the process wait until then too, in its main thread.

        The lock of a process that died is free. Not reentrant.

        Raises:
            FileBusy: somebody held it for too long.
        """

    def describe(self) -> str:
        """Where the tokens are, for people: a path, "the environment", "the keyring"."""
