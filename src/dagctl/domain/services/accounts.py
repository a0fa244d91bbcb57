"""Several contexts: more than one organization or platform signed in at once, one of them the current one.

Tokens exist once: they are moved, never copied, because a refresh token that is used in two places ends its
session. Whoever is killed between two steps leaves every session whole in one place at least; what is left in
two places is the same session, and the one that is current counts.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

from attrs import evolve, frozen

from dagctl.domain.errors import AccountNotFound, DagctlError, FileCorrupt, FileProblem
from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.session import SessionService
from dagctl.domain.values.context import Overrides, recorded_api_url
from dagctl.domain.values.platform import HOSTED_API_URL, canonical_api_url
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.account_shelf import AccountShelf, Stores
from dagctl.ports.identity_provider import IdentityProvider


@frozen
class Account:
    """A context that can be worked in.

    Attributes:
        name: what it is called here.
        organization: its name, or its ID where no name is known.
        project: its current project; None where none is chosen.
        signed_in: its tokens live, or can be renewed.
        expires_at: aware; when its tokens expire if nobody renews them.
        current: it is the one that everybody works in who does not ask for another.
    """

    name: str
    organization: str
    organization_id: str
    api_url: str
    project: str | None
    signed_in: bool
    expires_at: datetime | None
    current: bool

    def is_called(self, wanted: str) -> bool:
        """Whether `wanted` is its name, its organization's name (in any case), or its organization's ID."""
        return wanted in (self.name, self.organization_id) or wanted.casefold() == self.organization.casefold()


@frozen
class AccountService:
    """Keeps contexts on a shelf, and changes which of them is the current one."""

    here: Stores
    shelf: AccountShelf
    identity: IdentityProvider
    clocks: ClockCheck

    def list(self) -> tuple[Account, ...]:
        """Every context; the current one first.

        Raises:
            FileProblem: one cannot be read.
        """
        current = self._known(self.here, None)
        kept = tuple(self._known(self.shelf.stores(name), name) for name in self.shelf.names())
        found = [context for context in kept if context is not None and not _same(context, current)]
        return tuple([current, *found] if current is not None else found)

    def use(self, wanted: str) -> Account:
        """Make a context the current one, and keep the one that was.

        Args:
            wanted: its name, or its organization's name or ID.

        Raises:
            AccountNotFound: there is no such context, or there are several.
            FileProblem: it cannot be read, or the change cannot be recorded.
        """
        with self.here.tokens.lock():
            found = self._find(wanted)
            if not found.current:
                self.put_aside()
                self._bring_back(found.name)
            self.sweep()
        return evolve(found, current=True)

    def delete(self, wanted: str) -> bool:
        """Sign out of a context that is not the current one, and forget it.

        Returns:
            Whether the issuer has confirmed the revocation.

        Raises:
            AccountNotFound: there is no such context, or there are several.
            DagctlError: it is the current one.
            FileUnusable: it cannot be removed.
        """
        found = self._find(wanted)
        if found.current:
            raise DagctlError(
                f"{found.name} is the current context, so it stays.",
                hint="Run: dagctl auth logout, or dagctl context use ANOTHER first.",
            )
        revoked = self._session(self.shelf.stores(found.name)).end()
        with self.here.tokens.lock():
            self.shelf.remove(found.name)
        return revoked

    def put_aside(self) -> str | None:
        """Keep the current context for later; nobody is signed in here then. The caller holds the token lock.

        Returns:
            The name under which it is kept; None where nobody was signed in.

        Raises:
            FileProblem: it cannot be kept.
        """
        settings, tokens = self.here.contexts.load(), self._tokens(self.here)
        self.here.credentials.clear()  # first: where that fails, nothing has been moved
        name = None
        if settings.current_org is not None and tokens is not None:
            name = self._free_name(settings)
            kept = self.shelf.stores(name)
            kept.contexts.save(settings)
            kept.tokens.save(tokens)
        with suppress(FileCorrupt):  # that is kept where it is, for whoever writes there next to set aside
            self.here.tokens.load()
            self.here.tokens.clear()
        return name

    def sweep(self) -> None:
        """Remove what is on the shelf for nothing: left by somebody who was killed, or signed out.

        The caller holds the token lock.
        """
        current = self._known(self.here, None)
        for name in self.shelf.names():
            stores = self.shelf.stores(name)
            with suppress(FileProblem):  # what cannot be read is somebody's to look at, and stays
                if _same(self._known(stores, name), current) or stores.tokens.load() is None:
                    self.shelf.remove(name)

    def holding(self, organization: str | None, api_url: str | None) -> Stores:
        """The stores of the context that fits: the current one if it does, or if no other does alone.

        Args:
            organization: name or ID; any where None.
            api_url: canonical; any where None.
        """

        def fits(context: Account) -> bool:
            return (organization is None or context.is_called(organization)) and api_url in (None, context.api_url)

        try:
            fitting = [context for context in self.list() if fits(context)]
        except FileProblem:
            return self.here  # whoever uses it is told
        if len(fitting) != 1 or fitting[0].current:
            return self.here
        return self.shelf.stores(fitting[0].name)

    def fitting(self, overrides: Overrides) -> Stores:
        """The stores of the context that the surroundings ask for; see `holding`."""
        organization, api_url = overrides.organization, overrides.api_url
        if not overrides.choose_context:
            return self.here
        return self.holding(
            organization.value if organization else None, canonical_api_url(api_url.value) if api_url else None
        )

    def tidy(self) -> None:
        """`sweep`, by somebody who does not hold the lock, and if nobody else does."""
        with suppress(FileProblem), self.here.tokens.lock():
            self.sweep()

    def _bring_back(self, name: str) -> None:
        kept = self.shelf.stores(name)
        with kept.tokens.lock():
            tokens = kept.tokens.load()
            self.here.contexts.save(kept.contexts.load())
            if tokens is not None:
                self.here.tokens.save(tokens)
        self.shelf.remove(name)

    def _find(self, wanted: str) -> Account:
        contexts = self.list()
        exactly = [context for context in contexts if context.name == wanted]
        found = exactly or [context for context in contexts if context.is_called(wanted)]
        if len(found) == 1:
            return found[0]
        names = ", ".join(context.name for context in found or contexts)
        if found:
            raise AccountNotFound(f"{wanted!r} is the name of several contexts.", hint=f"Use one of {names}.")
        raise AccountNotFound(
            f"There is no context {wanted!r} here.",
            hint=f"Known here: {names}." if names else "Run: dagctl auth login --org ORG",
        )

    def _known(self, stores: Stores, name: str | None) -> Account | None:
        try:
            settings = stores.contexts.load()
            status = self._session(stores).status()
        except FileProblem:
            if name is None:
                raise
            return None  # one that cannot be read is no reason not to work in another; doctor names it
        if settings.current_org is None:
            return None
        if name is None and not status.signed_in:
            return None
        return Account(
            name=name or _name(settings),
            organization=settings.current_org_name or settings.current_org,
            organization_id=settings.current_org,
            api_url=recorded_api_url(settings),
            project=settings.current_project,
            signed_in=status.signed_in,
            expires_at=status.expires_at,
            current=name is None,
        )

    def _free_name(self, settings: Settings) -> str:
        """A name for it on the shelf: the one that it has there already, or one that nobody else has."""
        wanted = _name(settings)
        names = (wanted, *(f"{wanted}-{number}" for number in range(2, 100)))
        return next((name for name in names if self._is_free(name, settings)), wanted)

    def _is_free(self, name: str, settings: Settings) -> bool:
        """Whether nothing is there but the same context; what cannot be read is somebody's to look at."""
        try:
            kept = self.shelf.stores(name)
            with suppress(FileCorrupt):  # to save sets it aside
                kept.tokens.load()
            return name not in self.shelf.names() or _place(kept.contexts.load()) == _place(settings)
        except FileProblem:
            return False

    def _session(self, stores: Stores) -> SessionService:
        return SessionService(ContextService(stores.contexts), stores.tokens, self.identity, self.clocks)

    @staticmethod
    def _tokens(stores: Stores) -> TokenSet | None:
        try:
            return stores.tokens.load()
        except FileCorrupt:
            return None


def _same(one: Account | None, other: Account | None) -> bool:
    if one is None or other is None:
        return False
    return (one.api_url, one.organization_id) == (other.api_url, other.organization_id)


def _place(settings: Settings) -> tuple[str, str | None]:
    return recorded_api_url(settings), settings.current_org


def _name(settings: Settings) -> str:
    """What people would call it: the organization, and its host where that is not the hosted platform's."""
    organization = _word(settings.current_org_name or "") or _word(settings.current_org or "") or "context"
    url = recorded_api_url(settings)
    return organization if url == HOSTED_API_URL else f"{organization}@{_word(urlsplit(url).netloc)}"


def _word(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text.casefold())[:60].strip("-.")
