"""A token answer as stored: what the issuer sent, plus `expires_at` (ISO 8601 with UTC offset)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from dagctl.domain.values.tokens import TokenSet, bounded

OURS = frozenset({"access_token", "id_token", "refresh_token", "expires_at"})
"""The members that are fields of a `TokenSet`."""


def members_in(text: str | None) -> dict[str, Any] | str:
    """The members of a stored answer, or what is wrong with it. It never raises: its local variables hold tokens."""
    if text is None:
        return {}
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        return "it is not JSON"
    return members if isinstance(members, dict) else "it is not a JSON object"


def tokens_in(text: str | None) -> TokenSet | str | None:
    """The tokens in a stored answer, which expire with their ID token at the latest; or what is wrong; or None."""
    if text is None:
        return None
    members = members_in(text)
    if isinstance(members, str):
        return members
    return _tokens_of(members) or "it holds no access_token and id_token"


def _tokens_of(members: Mapping[str, Any]) -> TokenSet | None:
    access, identity, refresh = (members.get(name) for name in ("access_token", "id_token", "refresh_token"))
    if not isinstance(access, str) or not isinstance(identity, str):
        return None
    return bounded(
        TokenSet(
            access,
            identity,
            refresh if isinstance(refresh, str) else None,
            expires_at=_instant(members.get("expires_at")),
            lifetime=_lifetime(members.get("expires_in")),
            extra={key: value for key, value in members.items() if key not in OURS},
        )
    )


def members_of(tokens: TokenSet) -> dict[str, Any]:
    """The members to store for `tokens`."""
    expires = tokens.expires_at
    members = {
        "access_token": tokens.access_token.reveal(),
        "id_token": tokens.id_token.reveal(),
        "refresh_token": tokens.refresh_token.reveal() if tokens.refresh_token is not None else None,
        "expires_at": expires.astimezone(timezone.utc).isoformat() if expires is not None else None,
    }
    return {**tokens.extra, **{name: value for name, value in members.items() if value is not None}}


def _instant(text: object) -> datetime | None:
    """An ISO 8601 time, in UTC if it has no offset; None if it cannot be read."""
    if not isinstance(text, str):
        return None
    try:
        value = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _lifetime(seconds: object) -> timedelta | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < 1e9:
        return None
    return timedelta(seconds=seconds)
