"""What is kept of the accounts on this machine, and which of them is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit

from attrs import frozen

from dagctl.domain.errors import FileProblem
from dagctl.domain.values.context import recorded_api_url
from dagctl.domain.values.platform import HOSTED_API_URL, Organization
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet, status_of
from dagctl.ports.storage import Storage, Stores


class Kept:
    """What is kept of one account, read once: a verb sees one state of it, however often it asks.

    Args:
        stores: where it is kept.
    """

    def __init__(self, stores: Stores) -> None:
        self.stores = stores

    @cached_property
    def settings(self) -> Settings:
        """The settings. Raises `FileProblem`."""
        return self.stores.settings.load()

    @cached_property
    def tokens(self) -> TokenSet | None:
        """The tokens; None where there are none. Raises `FileProblem`."""
        return self.stores.tokens.load()

    def again(self) -> Kept:
        """The same, to be read anew: under a lock, what was seen before it counts no more."""
        return Kept(self.stores)


@frozen
class Account:
    """A session that is signed in, and what it works on.

    Attributes:
        name: what it is called here.
        organization: its name, or its ID where no name is known.
        project: its current project; None where none is chosen.
        signed_in: its tokens live, or can be renewed.
        expires_at: aware; when its tokens expire if nobody renews them.
        current: it is the one that everybody works with who does not ask for another.
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
        """Whether `wanted` is its name, or its organization's name or ID."""
        return wanted == self.name or Organization(self.organization_id, self.organization).is_called(wanted)

    def same_as(self, other: Account | None) -> bool:
        """Whether both are for one organization on one platform."""
        return other is not None and (self.api_url, self.organization_id) == (other.api_url, other.organization_id)


def account_of(kept: Kept, name: str | None, now: datetime) -> Account | None:
    """The account that is kept there; None where there is none.

    Args:
        name: what it is called on the shelf; None for the current one.
        now: aware.

    Raises:
        FileProblem: it cannot be read.
    """
    settings, status = kept.settings, status_of(kept.tokens, kept.stores.tokens.writable, now)
    if settings.current_org is None or (name is None and not status.signed_in):
        return None
    return Account(
        name=name or account_name(settings),
        organization=settings.current_org_name or settings.current_org,
        organization_id=settings.current_org,
        api_url=recorded_api_url(settings),
        project=settings.current_project,
        signed_in=status.signed_in,
        expires_at=status.expires_at,
        current=name is None,
    )


def others(storage: Storage, now: datetime) -> Iterator[tuple[Account, Kept]]:
    """The accounts on the shelf. One that cannot be read is no reason not to work with another; doctor names it."""
    for name in storage.others.names():
        try:
            kept = Kept(storage.others.stores(name))
            account = account_of(kept, name, now)
        except FileProblem:
            continue
        if account is not None:
            yield account, kept


def meant(storage: Storage, now: datetime, organization: str | None, api_url: str | None) -> Kept:
    """What is kept of the account that fits: the current one if it does, or if no other does alone.

    Args:
        organization: name or ID; any where None.
        api_url: canonical; any where None.
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
        return current  # whoever uses it is told
    return fitting[0] if len(fitting) == 1 else current


_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)\d)(\..*)?")
"""Names that Windows has no folder for, whatever follows their dot."""


def account_name(settings: Settings) -> str:
    """What people would call an account: the organization, and its host where that is not the hosted platform's."""
    organization = _word(settings.current_org_name or "") or _word(settings.current_org or "") or "account"
    url = recorded_api_url(settings)
    return organization if url == HOSTED_API_URL else f"{organization}@{_word(urlsplit(url).netloc)}"


def _word(text: str) -> str:
    word = re.sub(r"[^\w.]+", "-", text.casefold())
    word = word.encode()[:60].decode(errors="ignore").strip("-.")  # a folder is called so, and takes 255 bytes
    return f"{word}-" if _DEVICE.fullmatch(word) else word
