"""What an issuer has granted: codes, refresh tokens in families, device codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import NoReturn

from attrs import define, field, frozen

from dagctl.domain.errors import Refused
from dagctl.ports.clock import Clock

CODE_LIFETIME = 60.0
DEVICE_LIFETIME = 600.0


@frozen
class Person:
    """Somebody who can sign in.

    Attributes:
        subject: the issuer's name for the person (`sub`).
        organization_id: None for a person who has not been onboarded.
        excepted: protected environments are open to the person.
    """

    email: str
    subject: str
    organization_id: str | None = None
    excepted: bool = False


@define(eq=False)
class Family:
    """One sign-in: of its refresh tokens only the newest is good."""

    person: Person
    current: str = field(factory=lambda: secrets.token_urlsafe(32), repr=False)
    spent: set[str] = field(factory=set, repr=False)
    revoked: bool = False


@define
class _Code:
    person: Person
    request: Mapping[str, str]
    dies: float
    family: Family | None = None


@define
class Device:
    """A device authorization; `person` is who has agreed to it."""

    user_code: str
    dies: float
    interval: float
    polled: float | None = None
    person: Person | None = None
    denied: bool = False


class Grants:
    """The issuer's memory. Everything that it refuses it refuses as an OAuth 2.0 error.

    Attributes:
        families: every sign-in there has been.
    """

    def __init__(self, clock: Clock) -> None:
        self.families: list[Family] = []
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._devices: dict[str, Device] = {}

    def grant_code(self, person: Person, request: Mapping[str, str]) -> str:
        """A code for an authorization request."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(person, request, self._clock.monotonic() + CODE_LIFETIME)
        return code

    def redeem_code(self, code: str, verifier: str, redirect_uri: str) -> tuple[Family, str | None]:
        """The sign-in that a code begins, and the nonce to answer with (RFC 6749 section 4.1.3)."""
        found = self._codes.get(code)
        if found is None or found.dies <= self._clock.monotonic():
            refuse("invalid_grant", "the code is unknown or has expired")
        if found.family is not None:
            found.family.revoked = True  # RFC 6749 section 4.1.2
            refuse("invalid_grant", "the code was used before")
        if redirect_uri != found.request["redirect_uri"]:
            refuse("invalid_grant", "the redirect URI is not that of the request")
        if not hmac.compare_digest(_challenge(verifier), found.request["code_challenge"].encode()):
            refuse("invalid_grant", "the verifier does not fit the challenge")
        found.family = self._begin(found.person)
        return found.family, found.request.get("nonce")

    def redeem_refresh(self, token: str, *, rotate: bool) -> Family:
        """The sign-in that a refresh token belongs to; a spent one revokes it (RFC 9700 section 4.14.2)."""
        family = self.family_of(token)
        if family is None or family.revoked:
            refuse("invalid_grant", "the refresh token is unknown or was revoked")
        if token in family.spent:
            family.revoked = True
            refuse("invalid_grant", "the refresh token was used before")
        if rotate:
            family.spent.add(token)
            family.current = secrets.token_urlsafe(32)
        return family

    def family_of(self, token: str) -> Family | None:
        """The sign-in that a refresh token, newest or spent, belongs to."""
        return next((family for family in self.families if token == family.current or token in family.spent), None)

    def begin_device(self, interval: float) -> tuple[str, Device]:
        """A device code, and what belongs to it (RFC 8628 section 3.2)."""
        code, letters = secrets.token_urlsafe(24), "BCDFGHJKLMNPQRSTVWXZ"
        user_code = "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(2))
        self._devices[code] = Device(user_code, self._clock.monotonic() + DEVICE_LIFETIME, interval)
        return code, self._devices[code]

    def device_called(self, user_code: str) -> Device | None:
        """The device whose code a person types in."""
        return next((device for device in self._devices.values() if device.user_code == user_code.upper()), None)

    def redeem_device(self, code: str) -> Family:
        """The sign-in on a device, once the person has agreed (RFC 8628 section 3.5)."""
        device, now = self._devices.get(code), self._clock.monotonic()
        if device is None or device.dies <= now:
            refuse("expired_token", "the device code is unknown or has expired")
        too_soon = device.polled is not None and now - device.polled < device.interval
        device.polled = now
        if too_soon:
            device.interval += 5
            refuse("slow_down", "that was too soon")
        if device.denied:
            refuse("access_denied", "the person refused")
        if device.person is None:
            refuse("authorization_pending", "the person has not decided yet")
        del self._devices[code]
        return self._begin(device.person)

    def _begin(self, person: Person) -> Family:
        self.families.append(Family(person))
        return self.families[-1]


def refuse(code: str, why: str) -> NoReturn:
    """Answer with an OAuth 2.0 error (RFC 6749 section 5.2)."""
    raise Refused(f"The issuer refused: {why} ({code}).", code=code)


def _challenge(verifier: str) -> bytes:
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
