"""The accounts that this machine stores, and which one a request means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from dagctl.domain.errors import FileProblem
from dagctl.domain.values.context import recorded_api_url
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.storage import Storage, Stores

if TYPE_CHECKING:
    from dagctl.domain.values.account import Account


class Kept:
    """One stored account, read once: a verb sees one state of it, however often it asks."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores

    @cached_property
    def settings(self) -> Settings:
        """The settings. Raises `FileProblem`."""
        return self.stores.settings.load()

    @cached_property
    def tokens(self) -> TokenSet | None:
        """The tokens; None if there are none. Raises `FileProblem`."""
        return self.stores.tokens.load()

    def again(self) -> Kept:
        """The same account, unread: what a verb read before it took the lock may be out of date."""
        return Kept(self.stores)


def account_of(kept: Kept, name: str | None, now: datetime) -> Account | None:
    """The account in `kept`; None if there is none. Raises `FileProblem`.

    Args:
        name: its name on the shelf; None for the current account.
    """
    from dagctl.domain.values.account import Account, account_name, status_of

    settings, status = kept.settings, status_of(kept.tokens, kept.stores.tokens.writable, now)
    if settings.current_org is None or (name is None and not status.signed_in):
        return None
    return Account(
        name=name or account_name(settings),
        organization=settings.current_org_name or settings.current_org,
        organization_id=settings.current_org,
        api_url=recorded_api_url(settings),
        project=settings.current_project,
        project_id=settings.current_project_id,
        signed_in=status.signed_in,
        expires_at=status.expires_at,
        current=name is None,
    )


def others(storage: Storage, now: datetime) -> Iterator[tuple[Account, Kept]]:
    """The accounts on the shelf. Skips an unreadable one, so the others still work; doctor names it."""
    for name in storage.others.names():
        try:
            kept = Kept(storage.others.stores(name))
            account = account_of(kept, name, now)
        except FileProblem:
            continue
        if account is not None:
            yield account, kept


def meant(storage: Storage, now: datetime, organization: str | None, api_url: str | None) -> Kept:
    """The account that matches: the current one if it does, else the only other match, else the current one.

    Args:
        organization: name or ID; None matches any.
        api_url: canonical; None matches any.
    """

    def fits(account: Account | None) -> bool:
        if account is None or api_url not in (None, account.api_url):
            return False
        return organization is None or account.is_called(organization)

    current = Kept(storage.current)
    try:
        if fits(account_of(current, None, now)):
            return current
        fitting = [kept for account, kept in others(storage, now) if fits(account)]
    except FileProblem:
        return current  # its first use raises the same error
    return fitting[0] if len(fitting) == 1 else current
