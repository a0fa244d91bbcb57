"""Several accounts: a person signed in to several organizations or platforms at once, with one account current.

Tokens exist once: dagctl moves them and never copies them, because a refresh token used in two places ends its
session. If a process dies between two steps, every session is still whole in at least one place. If it is in two
places, it is the same session, and the current account's copy counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from attrs import evolve, frozen

from dagctl.domain.errors import AccountNotFound, FileCorrupt, FileProblem
from dagctl.domain.services.kept import Kept, account_of, others
from dagctl.domain.services.session import SessionService
from dagctl.domain.values.account import Account, account_name
from dagctl.domain.values.context import recorded_api_url
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.storage import Storage


@frozen(eq=False, repr=False)
class AccountService:
    """Lists the accounts that are signed in, and changes which one is current."""

    storage: Storage
    sessions: SessionService

    def list(self) -> tuple[Account, ...]:
        """Every account; the current one first.

        Raises:
            FileProblem: one cannot be read.
        """
        current = account_of(Kept(self.storage.current), None, self.sessions.clocks.now())
        found = [account for account, _ in others(self.storage, self.sessions.clocks.now())]
        here = () if current is None else (current,)
        return (*here, *(account for account in found if not account.same_as(current)))  # the current copy counts

    def switch(self, wanted: str) -> Account:
        """Make an account the current one, and keep the previous one.

        Args:
            wanted: its name, or its organization's name or ID.

        Raises:
            AccountNotFound: there is no such account, or there are several.
            FileProblem: the account cannot be read, or the change cannot be recorded.
        """
        here = self.storage.current.tokens
        with here.lock():
            found = self._find(wanted)
            if not found.current:
                with here.reserved() as save, self.put_aside():  # room for the tokens first, then move
                    self._bring_back(found.name, save)
            self.sweep()
        return evolve(found, current=True)

    def sign_out(self, wanted: str | None = None) -> bool:
        """Sign out of an account: remove its tokens and credentials.

        Args:
            wanted: its name, or its organization's name or ID; None for the account that commands use here.

        Returns:
            Whether the issuer confirmed the revocation.

        Raises:
            AccountNotFound: there is no such account, or there are several.
            FileUnusable: it cannot be removed.
        """
        account = self._find(wanted) if wanted is not None else None
        kept = self.sessions.contexts.meant() if wanted is None else Kept(self.storage.current)
        self._tidy()  # a copy on the shelf, left by a process that died, would outlive the session
        if account is not None and not account.current:
            return self._forget(account.name)
        revoked = self.sessions.end(kept)
        kept.stores.credentials.clear()
        self._tidy()
        return revoked

    def sign_out_everywhere(self) -> bool:
        """Sign out of every account; returns whether the issuers confirmed every revocation.

        Raises:
            FileUnusable: one cannot be removed.
        """
        shelved = [self._forget(name) for name in self.storage.others.names()]
        revoked = self.sessions.end(Kept(self.storage.current))
        self.storage.current.credentials.clear()
        return revoked and all(shelved)

    @contextmanager
    def put_aside(self) -> Iterator[None]:
        """Move the current account to the shelf, so that the block can replace it; if that fails, move it back.

        The caller holds the token lock.

        Raises:
            FileProblem: the account cannot be stored there.
        """
        here, name, corrupt = Kept(self.storage.current), None, False
        settings = here.settings
        try:
            tokens = here.tokens
        except FileCorrupt:  # it stays; the next write there sets it aside
            tokens, corrupt = None, True
        here.stores.credentials.clear()  # first: if that fails, nothing has moved yet
        if settings.current_org is not None and tokens is not None:
            name = self._free_name(settings)
            kept = self.storage.others.stores(name)
            kept.settings.save(settings)  # before the tokens: the shelf lists only what has settings
            kept.tokens.save(tokens)
        try:
            if not corrupt:
                here.stores.tokens.clear()  # only now that the shelf has them
            yield
        except FileProblem:
            if name is not None:
                with suppress(FileProblem):
                    self._bring_back(name, here.stores.tokens.save)
            raise

    def sweep(self) -> None:
        """Remove stale accounts from the shelf: signed out, or left by a process that died.

        The caller holds the token lock.
        """
        with suppress(FileProblem):  # an unreadable account stays, for a person to look at
            here = Kept(self.storage.current)
            current = account_of(here, None, self.sessions.clocks.now()) if here.tokens is not None else None
            for name in self.storage.others.names():
                with suppress(FileProblem):
                    kept = Kept(self.storage.others.stores(name))
                    account = account_of(kept, name, self.sessions.clocks.now())
                    if kept.tokens is None or (account is not None and account.same_as(current)):
                        self.storage.others.remove(name)

    def _forget(self, name: str) -> bool:
        revoked = self.sessions.end(Kept(self.storage.others.stores(name)))
        with self.storage.current.tokens.lock():
            self.storage.others.remove(name)
        return revoked

    def _tidy(self) -> None:
        """`sweep` under the lock, unless another process holds it for too long."""
        with suppress(FileProblem), self.storage.current.tokens.lock():
            self.sweep()

    def _bring_back(self, name: str, save: Callable[[TokenSet], None]) -> None:
        here, kept = self.storage.current, Kept(self.storage.others.stores(name))
        with kept.stores.tokens.lock():
            tokens = kept.tokens
            here.settings.save(kept.settings)  # before the tokens, which must never stand under another's name
            if tokens is not None:
                save(tokens)
        with suppress(FileProblem):  # the account is here now; `sweep` removes the rest from the shelf
            self.storage.others.remove(name)

    def _find(self, wanted: str) -> Account:
        accounts = self.list()
        exactly = [account for account in accounts if account.name == wanted]
        found = exactly or [account for account in accounts if account.is_called(wanted)]
        if len(found) == 1:
            return found[0]
        known = tuple(account.name for account in found or accounts)
        if found:
            raise AccountNotFound(f"{wanted!r} is the name of several accounts.", account=wanted, known=known)
        raise AccountNotFound(f"There is no account {wanted!r} here.", account=wanted, known=known)

    def _free_name(self, settings: Settings) -> str:
        """A name on the shelf: the account's own if it is there already, else an unused one."""
        wanted = account_name(settings)
        names = (wanted, *(f"{wanted}-{number}" for number in range(2, 100)))
        return next((name for name in names if self._is_free(name, settings)), wanted)

    def _is_free(self, name: str, settings: Settings) -> bool:
        """Whether the name is unused, or the same account has it. Never overwrites an unreadable account."""
        try:
            kept = Kept(self.storage.others.stores(name))
            with suppress(FileCorrupt):  # saving sets corrupt tokens aside
                _ = kept.tokens
            return name not in self.storage.others.names() or _key(kept.settings) == _key(settings)
        except FileProblem:
            return False


def _key(settings: Settings) -> tuple[str, str | None]:
    return recorded_api_url(settings), settings.current_org
