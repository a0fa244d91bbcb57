"""Accounts as values: who is signed in, to which organization, and until when."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

from attrs import frozen

from dagctl.domain.errors import TokenRejected
from dagctl.domain.values.context import recorded_api_url
from dagctl.domain.values.platform import HOSTED_API_URL, Organization
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.text import no_device
from dagctl.domain.values.tokens import Identity, TokenSet, identity_of


@frozen
class SessionStatus:
    """Who is signed in, according to the stored tokens alone.

    Attributes:
        signed_in: there are tokens that are still valid, or that dagctl can renew.
        identity: the person the ID token names; None if there is no token, or it names nobody.
        expires_at: aware; None if the tokens do not say.
        renewable: dagctl can renew the tokens.
    """

    signed_in: bool
    identity: Identity | None = None
    expires_at: datetime | None = None
    renewable: bool = False


def status_of(tokens: TokenSet | None, writable: bool, now: datetime) -> SessionStatus:
    """The status that follows from `tokens`; `writable` if dagctl could store new ones."""
    if tokens is None:
        return SessionStatus(signed_in=False)
    renewable = writable and tokens.refresh_token is not None
    try:
        who = identity_of(tokens.id_token)
    except TokenRejected:
        who = None
    return SessionStatus(renewable or not tokens.expired(now), who, tokens.expires_at, renewable)


@frozen
class Account:
    """An organization on a platform that somebody is signed in to.

    Attributes:
        name: the account's name on this machine.
        organization: its organization's name, or ID if the name is unknown.
        project: its current project; None if none is chosen.
        project_id: that project's ID; None if only its name is recorded.
        signed_in: its tokens are still valid, or dagctl can renew them.
        expires_at: aware; when its tokens expire unless renewed.
        current: it is the account to use when nothing selects another one.
    """

    name: str
    organization: str
    organization_id: str
    api_url: str
    project: str | None
    project_id: str | None
    signed_in: bool
    expires_at: datetime | None
    current: bool

    def is_called(self, wanted: str) -> bool:
        """Whether `wanted` is its name, or its organization's name or ID."""
        return wanted == self.name or Organization(self.organization_id, self.organization).is_called(wanted)

    def same_as(self, other: Account | None) -> bool:
        """Whether both are for one organization on one platform."""
        return other is not None and (self.api_url, self.organization_id) == (other.api_url, other.organization_id)


def account_name(settings: Settings) -> str:
    """A readable name for an account: the organization, and the API's host unless that is the hosted platform."""
    organization = _word(settings.current_org_name or "") or _word(settings.current_org or "") or "account"
    url = recorded_api_url(settings)
    return organization if url == HOSTED_API_URL else f"{organization}@{_word(urlsplit(url).netloc)}"


def _word(text: str) -> str:
    word = re.sub(r"[^\w.]+", "-", text.casefold())
    word = word.encode()[:60].decode(errors="ignore").strip("-.")  # it names a folder, which allows 255 bytes
    return no_device(word)
