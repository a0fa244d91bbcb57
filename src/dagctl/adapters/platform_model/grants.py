"""What an issuer has granted: codes, families of refresh tokens, device codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping

from attrs import define, field, frozen

from dagctl.adapters.platform_model.observations import Observations
from dagctl.adapters.platform_model.people import Person
from dagctl.adapters.platform_model.refusals import OAuthError

CODE_LIFETIME = 60.0
DEVICE_LIFETIME = 600.0
DEVICE_LEEWAY = 0.5
"""Seconds by which a device may ask too soon: its requests do not all take the same time."""


@define(eq=False)
class Family:
    """One sign-in. Only the newest of its refresh tokens is valid. They are kept as hashes."""

    person: Person
    scope: str
    current: str = field(default="", repr=False)
    spent: set[str] = field(factory=set, repr=False)
    revoked: bool = False

    def has(self, token: str) -> bool:
        """Whether a refresh token, newest or spent, belongs to this sign-in."""
        found = hashed(token)
        return found == self.current or found in self.spent

    def renewed(self) -> str:
        """A new refresh token, which replaces the one before."""
        token = secrets.token_urlsafe(32)
        if self.current:
            self.spent.add(self.current)
        self.current = hashed(token)
        return token


@frozen
class Granted:
    """What the issuer gives for a grant; `refresh_token` is None if there is none or it stays the same."""

    family: Family
    refresh_token: str | None = field(default=None, repr=False)
    nonce: str | None = None


@define(eq=False)
class _Code:
    person: Person
    request: Mapping[str, str]
    dies: float
    family: Family | None = None


@define(eq=False)
class Device:
    """A device authorization; `person` is who agreed to it."""

    user_code: str
    scope: str
    dies: float
    interval: float
    polled: float | None = None
    person: Person | None = None
    denied: bool = False


class Grants:
    """The issuer's memory. Every refusal is an `OAuthError`. Times are seconds of one clock.

    Args:
        observed: counts what happens.
        families: the sign-ins at first.
        keep: called with all sign-ins whenever one has changed.
    """

    def __init__(
        self, observed: Observations, families: Iterable[Family], keep: Callable[[list[Family]], object]
    ) -> None:
        self.families = list(families)
        self._observed = observed
        self._keep = keep
        self._codes: dict[str, _Code] = {}
        self._devices: dict[str, Device] = {}

    def grant_code(self, person: Person, request: Mapping[str, str], now: float) -> str:
        """A code for a valid authorization request."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(person, dict(request), now + CODE_LIFETIME)
        self._observed.logins += 1
        return code

    def redeem_code(self, form: Mapping[str, str], now: float) -> Granted:
        """Begin the sign-in of a code (RFC 6749 section 4.1.3, RFC 7636 section 4.6)."""
        found = self._codes.get(form.get("code", ""))
        if found is None or found.dies <= now:
            raise OAuthError("invalid_grant", "The code is unknown or has expired.")
        if found.family is not None:  # RFC 6749 section 4.1.2
            self.end(found.family)
            raise OAuthError("invalid_grant", "The code was used before.")
        if form.get("redirect_uri") != found.request["redirect_uri"]:
            raise OAuthError("invalid_grant", "The redirect URI is not that of the request.")
        if not hmac.compare_digest(_challenge(form.get("code_verifier", "")), found.request["code_challenge"].encode()):
            raise OAuthError("invalid_grant", "The verifier does not fit the challenge.")
        granted = self._begin(found.person, found.request["scope"], found.request.get("nonce"))
        found.family = granted.family
        return granted

    def redeem_refresh(self, token: str, *, rotate: bool) -> Granted:
        """Renew the sign-in of a refresh token. A spent token ends the sign-in (RFC 9700 section 4.14.2)."""
        family = self._alive(token)
        if family is None:
            raise OAuthError("invalid_grant", "The refresh token is unknown or was revoked.")
        if hashed(token) in family.spent:
            self._observed.reuses += 1
            self.end(family)
            raise OAuthError("invalid_grant", "The refresh token was used before; its sign-in is over.")
        self._observed.refreshes += 1
        if not rotate:
            return Granted(family)
        renewed = family.renewed()
        self._keep(self.families)
        return Granted(family, renewed)

    def revoke(self, token: str) -> None:
        """End the sign-in of a refresh token; an unknown one is no error (RFC 7009 section 2.2)."""
        family = self._alive(token)
        if family is not None:
            self._observed.revocations += 1
            self.end(family)

    def begin_device(self, scope: str, interval: float, now: float) -> tuple[str, Device]:
        """A device code and its authorization (RFC 8628 section 3.2)."""
        code = secrets.token_urlsafe(24)
        # no vowels, so no words (RFC 8628 section 6.1)
        letters = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(8))
        self._devices[code] = Device(f"{letters[:4]}-{letters[4:]}", scope, now + DEVICE_LIFETIME, interval)
        return code, self._devices[code]

    def decide_device(self, user_code: str, person: Person | None, now: float) -> None:
        """Record the person who agrees, or None for a refusal. The answer is final."""
        wanted = user_code.strip().upper().replace(" ", "-")
        for device in self._devices.values():
            if device.user_code == wanted and device.dies > now and device.person is None and not device.denied:
                device.person, device.denied = person, person is None
                return
        raise OAuthError("invalid_request", "The code is unknown, or has expired.")

    def redeem_device(self, code: str, now: float) -> Granted:
        """Begin the sign-in on a device, once the person has agreed (RFC 8628 section 3.5)."""
        device = self._devices.get(code)
        if device is None:
            raise OAuthError("invalid_grant", "The device code is unknown or was used before.")
        if device.dies <= now:
            raise OAuthError("expired_token", "The device code has expired.")
        too_soon = device.polled is not None and now - device.polled < device.interval - DEVICE_LEEWAY
        device.polled = now
        if too_soon:
            device.interval += 5  # for its later requests too
            raise OAuthError("slow_down", "That was too soon.")
        if device.denied:
            raise OAuthError("access_denied", "The person refused.")
        if device.person is None:
            raise OAuthError("authorization_pending", "The person has not decided yet.")
        del self._devices[code]
        self._observed.logins += 1
        return self._begin(device.person, device.scope)

    def _begin(self, person: Person, scope: str, nonce: str | None = None) -> Granted:
        family = Family(person, scope)
        offline = "offline_access" in scope.split()  # OpenID Connect Core 1.0 section 11
        granted = Granted(family, family.renewed() if offline else None, nonce)
        self.families.append(family)
        self._observed.exchanges += 1
        self._keep(self.families)
        return granted

    def _alive(self, token: str) -> Family | None:
        return next((family for family in self.families if family.has(token) and not family.revoked), None)

    def end(self, family: Family) -> None:
        """End a sign-in: all its refresh tokens are dead."""
        family.revoked = True
        self._keep(self.families)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _challenge(verifier: str) -> bytes:
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
