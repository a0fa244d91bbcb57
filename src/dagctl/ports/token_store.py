"""Where dagctl keeps the tokens of the person who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from dagctl.domain.values.tokens import TokenSet


class TokenStore(Protocol):
    """Keeps at most one `TokenSet`.

    Writing is atomic: a reader sees either the old tokens or the new ones, whole, even if the writer is killed.

    Raises:
        FileCorrupt: the content is not a token answer. The store leaves it as it is.
        FileUnusable: the store cannot be read or written.
    """

    writable: bool
    """False if the tokens come from outside, so that dagctl can neither renew nor remove them."""

    in_files: bool = False
    """The tokens are in files of the dagctl home, so credentials derived from them may be in files too."""

    def load(self) -> TokenSet | None:
        """The tokens, or None if nobody is signed in."""

    def save(self, tokens: TokenSet) -> None:
        """Replace the tokens; on return they outlive this process."""

    def reserved(self) -> AbstractContextManager[Callable[[TokenSet], None]]:
        """Make sure that new tokens can be saved, before the caller requests them; yields the function that saves them.

        The caller requests tokens from an issuer inside the block, because it cannot request the same ones twice. If
        saving fails even so, the store puts them wherever it can, tells the person, and lets `load` find them. A block
        that saves nothing leaves the store unchanged.

        A store that cannot reserve inherits this method, which promises nothing.

        Raises:
            FileUnusable: there is no room for them. The yielded function raises it if only this process has them now.
        """
        return nullcontext(self.save)

    def clear(self) -> None:
        """Remove the tokens, even corrupt ones. If there are none, that is no error."""

    def lock(self) -> AbstractContextManager[None]:
        """Keep every other thread and process on this machine waiting for this lock until the block ends.

        In the main thread, signals that would end the process wait until then too.

        The lock of a dead process is free. Not reentrant.

        Raises:
            FileBusy: somebody else held it for too long.
        """

    def describe(self) -> str:
        """Where the tokens are, for people: a path, "the environment", "the keyring"."""
