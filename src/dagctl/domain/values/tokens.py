"""Tokens as values: what a token answer holds, when to renew it, and who it identifies."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from attrs import evolve, field, frozen
from attrs.converters import optional

from dagctl.domain.errors import TokenOutOfTime, TokenRejected
from dagctl.domain.values.secret import Secret, secret
from dagctl.domain.values.text import printable

_SIGNED_JWT = re.compile(r"[^.]*\.[^.]*\.[^.]+")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_LIKE_A_TOKEN = re.compile(
    r"(?<![\w-])(eyJ[\w-]{8,}(\.[\w-]*)*"  # a JWT, or what is left of one
    r"|(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[\w-]{32,})",
    re.ASCII,
)

REFRESH_MARGIN = timedelta(minutes=5)
"""dagctl renews a token that has no more than this to live."""

LEEWAY = timedelta(seconds=60)
"""How far two machines' clocks may be apart (OpenID Connect Core 1.0 section 3.1.3.7, items 9 and 10)."""


@frozen
class TokenSet:
    """One token answer (RFC 6749 section 5.1, OpenID Connect Core 1.0 section 3.1.3.3).

    Attributes:
        access_token: the state database's password.
        id_token: the management API's bearer token.
        refresh_token: None if the issuer gave none.
        expires_at: aware; when the first of the two tokens expires. None if unknown, which counts as expired.
        lifetime: how long the tokens live from issue to expiry; None if unknown.
        extra: the other members of the answer, kept for other programs.
    """

    access_token: Secret = field(converter=secret)
    id_token: Secret = field(converter=secret)
    refresh_token: Secret | None = field(default=None, converter=optional(secret))
    expires_at: datetime | None = None
    lifetime: timedelta | None = None
    extra: Mapping[str, Any] = field(factory=dict, repr=False)

    def expired(self, now: datetime) -> bool:
        """Whether the tokens have expired at `now` (aware)."""
        return self.expires_at is None or self.expires_at <= now

    def due(self, now: datetime) -> bool:
        """Whether to renew the tokens: they have expired, or will within `REFRESH_MARGIN`.

        Tokens that live for less than twice the margin are due at half their life instead; otherwise they would be due
        as soon as they are issued.
        """
        margin = REFRESH_MARGIN if self.lifetime is None else min(REFRESH_MARGIN, self.lifetime / 2)
        return self.expires_at is None or self.expires_at <= now + margin

    def renewed_by(self, answer: TokenSet) -> TokenSet:
        """These tokens after a refresh: what `answer` lacks stays the same (RFC 6749 section 6)."""
        return evolve(
            answer,
            id_token=answer.id_token or self.id_token,
            refresh_token=answer.refresh_token or self.refresh_token,
            extra={**self.extra, **answer.extra},
        )


def claims_of(token: Secret) -> dict[str, Any]:
    """The claims of a JWT (RFC 7519), whose signature nobody verifies. Raises `TokenRejected` for anything else."""
    if not _SIGNED_JWT.fullmatch(token.reveal()):
        raise TokenRejected("The issuer sent a token that is not a signed JWT.")
    header, claims = _segment(token, 0), _segment(token, 1)
    if header is _UNREADABLE or claims is _UNREADABLE:
        raise TokenRejected("The issuer sent a token that is not a well-formed JWT.")
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise TokenRejected("The issuer sent a token whose claims are not a JSON object.")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm.strip().lower() in ("", "none"):  # OIDC Core section 2
        raise TokenRejected("The issuer sent an unsecured JWT (alg: none).")
    return claims


def _segment(token: Secret, index: int) -> object:
    """The JSON value in a part of a JWT. Never raises: a traceback would show variables that hold the token."""
    text = token.reveal().split(".")[index]
    try:
        if not _BASE64URL.fullmatch(text):
            return _UNREADABLE  # Python's decoder ignores characters outside base64url
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
    except (binascii.Error, ValueError, RecursionError):
        return _UNREADABLE


_UNREADABLE = object()


def instant(seconds: object) -> datetime | None:
    """A NumericDate (RFC 7519 section 2) as an aware datetime; None for anything else."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None


def bounded(tokens: TokenSet) -> TokenSet:
    """`tokens`, with an expiry no later than their ID token's."""
    dies = expiry_of(tokens.id_token)
    if dies is None or tokens.expires_at is None or tokens.expires_at <= dies:
        return tokens
    return evolve(tokens, expires_at=dies)


def _claims_if_readable(token: Secret) -> dict[str, Any]:
    """The same; empty if the token is not a JWT. An issuer may give opaque access tokens."""
    try:
        return claims_of(token)
    except TokenRejected:
        return {}


def expiry_of(token: Secret) -> datetime | None:
    """When a JWT expires; None if the token does not say, or is not a JWT."""
    return instant(_claims_if_readable(token).get("exp"))


def life_of(token: Secret) -> timedelta | None:
    """How long a JWT lives, by its issuer's own clock; None if it does not say."""
    claims = _claims_if_readable(token)
    issued, expires = instant(claims.get("iat")), instant(claims.get("exp"))
    return expires - issued if issued is not None and expires is not None else None


def same_person(one: TokenSet, other: TokenSet) -> bool:
    """Whether two answers are for one person, issuer and client."""
    return one.id_token == other.id_token or same_subject(one.id_token, other.id_token)


def same_subject(old: Secret, new: Secret) -> bool:
    """Whether two ID tokens are for one person, issuer and client (OpenID Connect Core 1.0 section 12.2)."""
    try:
        after = claims_of(new)
    except TokenRejected:
        return False
    try:
        before = claims_of(old)
    except TokenRejected:
        return True  # nothing to compare with, and the issuer has accepted the refresh token
    same = all(before.get(name) == after.get(name) for name in ("iss", "sub"))  # section 5.7: never the email
    return same and _audience(before) == _audience(after)


def issued_by(token: Secret, issuer: str) -> bool:
    """Whether the issuer may have issued this token. One that is not a readable JWT counts as a match."""
    named = _claims_if_readable(token).get("iss")
    return named is None or str(named).casefold() == issuer.casefold()  # host names have no case


def meant_for(token: Secret, audience: str) -> bool:
    """Whether a JWT is for this audience, a URL (RFC 9068 section 4). One without an audience counts as a match."""
    named = _audience(_claims_if_readable(token))
    return not named or audience.casefold() in {name.rstrip("/").casefold() for name in named}


def _audience(claims: Mapping[str, Any]) -> set[str]:
    value = claims.get("aud")
    values = value if isinstance(value, list) else [value]
    return {item for item in values if isinstance(item, str)}


@frozen
class Identity:
    """The person that an ID token identifies.

    Attributes:
        subject: the issuer's name for the person (`sub`).
        email: None if the token has none, or one that is not printable.
    """

    subject: str
    email: str | None = None

    @property
    def shown(self) -> str:
        """The person's name, for people."""
        return printable(self.email or self.subject)


def identity_of(id_token: Secret) -> Identity:
    """The person that an ID token identifies, once its other claims are checked; `TokenRejected` if nobody."""
    claims = claims_of(id_token)
    subject = _one_line(claims.get("sub"), 255)  # OpenID Connect Core 1.0 section 2
    if subject is None:
        raise TokenRejected("The issuer sent an ID token that identifies nobody (no valid sub).")
    return Identity(subject, _one_line(claims.get("email"), 254))  # RFC 5321 section 4.5.3.1.3


def _one_line(text: object, limit: int) -> str | None:
    """`text`, if it is a printable string of 1 to `limit` characters."""
    return text if isinstance(text, str) and 0 < len(text) <= limit and text.isprintable() else None


def without_tokens(text: str) -> str:
    """Other people's words, with anything that looks like a token removed."""
    return _LIKE_A_TOKEN.sub("…", text)


def checked_identity(id_token: Secret, *, issuer: str, client_id: str, nonce: str | None, now: datetime) -> Identity:
    """The person that an ID token identifies, after the checks of OpenID Connect Core 1.0 section 3.1.3.7.

    Does not check the signature: the token came straight from the token endpoint over TLS (item 6).

    Args:
        nonce: the nonce of the authorization request; None if there was none.
        now: aware.

    Raises:
        TokenRejected: a check fails; the message says which. `TokenOutOfTime` if the clock may be to blame.
    """
    claims = claims_of(id_token)
    audience = _audience(claims)
    expires, issued = instant(claims.get("exp")), instant(claims.get("iat"))
    checks = {
        f"its issuer is not {issuer}": claims.get("iss") == issuer,  # item 2: to the letter
        "it is for another client (aud)": client_id in audience,  # item 3
        # items 3 to 5: of several audiences, azp must say that this client asked for the token
        "it was issued to another client (azp)": claims.get("azp", client_id) == client_id
        and (len(audience) == 1 or "azp" in claims),
        "it has no expiry (exp)": expires is not None,  # section 2 requires it, and iat
        "it has no time of issue (iat)": issued is not None,
        "it answers another sign-in (nonce)": nonce is None or claims.get("nonce") == nonce,  # item 11
    }
    # last, items 9 and 10: a wrong clock must not hide one of the above
    times = {
        "by this machine's clock, it has expired": expires is None or expires > now - LEEWAY,
        "by this machine's clock, it is from the future": issued is None or issued <= now + LEEWAY,
    }
    for kind, complaints in ((TokenRejected, checks), (TokenOutOfTime, times)):
        for complaint, passed in complaints.items():
            if not passed:
                raise kind(f"The ID token from the issuer is refused: {complaint}.")
    return identity_of(id_token)
