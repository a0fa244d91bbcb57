"""The issuer's half of the platform in memory."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import RLock
from typing import Any
from urllib.parse import parse_qsl, urlencode

from attrs import Factory, define, evolve, field

from dagctl.adapters.memory.clock import FixedClock
from dagctl.adapters.memory.grants import DEVICE_LIFETIME, Family, Grants, Person, refuse
from dagctl.adapters.memory.jwts import signed
from dagctl.domain.errors import NotFound, PlatformError, Refused, Unreachable
from dagctl.domain.values.platform import REDIRECT_URI, SCOPE, Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet, bounded
from dagctl.ports.clock import Clock
from dagctl.ports.identity_provider import DeviceCode, Endpoints

PEOPLE = (
    Person("ada@acme.example", "memory|ada", "org_acme"),
    Person("grace@acme.example", "memory|grace", "org_acme", excepted=True),
    Person("bob@globex.example", "memory|bob", "org_globex"),
    Person("new@acme.example", "memory|new"),
)


@define(eq=False, slots=False)
class MemoryIssuer:
    """The `IdentityProvider`, and the pages where people sign in. Its attributes but
    for the clock may be changed at any time.

    Attributes:
        place: where it is to be found, and for which client and API.
        people: who can sign in; the first one does where nobody else is named.
        redirect_uris: what is registered.
        access_lifetime, id_lifetime: seconds that new tokens live.
        rotate: refresh tokens rotate.
        id_token_again: a refresh brings an ID token too.
        device: the client may use the device grant.
        device_interval: seconds that a device is to wait between two questions.
        names_itself: it adds `iss` to its answers, and says so (RFC 9207).
        id_claims: what new ID tokens say instead of the truth; None for a claim that is missing. Such an
            issuer errs, or is somebody else's.
        issuer_trouble: what every call to it raises, while it is out of order.
        exchanges, refreshes, revocations: how many it has granted.
    """

    place: Platform = field(factory=Platform)
    clock: Clock = field(factory=FixedClock)
    people: tuple[Person, ...] = PEOPLE
    redirect_uris: tuple[str, ...] = (REDIRECT_URI,)
    access_lifetime: float = 3600.0
    id_lifetime: float = 3600.0
    rotate: bool = True
    id_token_again: bool = True
    device: bool = True
    device_interval: float = 5.0
    names_itself: bool = True
    id_claims: Mapping[str, Any] = field(factory=dict)
    issuer_trouble: PlatformError | None = None
    exchanges: int = field(default=0, init=False)
    refreshes: int = field(default=0, init=False)
    revocations: int = field(default=0, init=False)
    _grants: Grants = field(init=False, repr=False, default=Factory(lambda self: Grants(self.clock), takes_self=True))
    _key: bytes = field(init=False, repr=False, factory=lambda: secrets.token_bytes(32))
    _lock: Any = field(init=False, repr=False, factory=RLock)

    @property
    def revoked_families(self) -> tuple[Family, ...]:
        """The sign-ins whose refresh tokens are dead, by revocation or because one was used twice."""
        return tuple(family for family in self._grants.families if family.revoked)

    def authorize(self, url: str, *, email: str | None = None, deny: bool = False) -> str:
        """Open the sign-in page and decide; the address where the person is sent.

        Args:
            email: who; the first of `people` where None.

        Raises:
            Refused: the request is one that nobody is sent back with (RFC 6749 section 4.1.2.1).
        """
        address, _, query = url.partition("?")
        request = dict(parse_qsl(query))
        if address != f"{self.place.issuer}authorize":
            raise NotFound(f"{self.place.issuer_host} has no page {address}.")
        if request.get("client_id") != self.place.client_id:
            raise Refused("The client is unknown.")
        if request.get("redirect_uri") not in self.redirect_uris:
            raise Refused("The redirect URI is not registered.")
        if complaint := self._complaint(request):
            return self._back(request, **complaint)
        if deny:
            return self._back(request, error="access_denied", error_description="The person refused.")
        with self._lock:
            return self._back(request, code=self._grants.grant_code(self._person(email), request))

    def finish_device(self, user_code: str, *, email: str | None = None, deny: bool = False) -> None:
        """Type a device's code in and decide.

        Raises:
            Refused: there is no such code.
        """
        device = self._grants.device_called(user_code)
        if device is None or device.dies <= self.clock.monotonic():
            raise Refused("The code is unknown, or has expired.")
        device.person, device.denied = (None if deny else self._person(email)), deny

    def endpoints(self, platform: Platform) -> Endpoints:
        """The endpoints, as the discovery document would have them."""
        self._reach(platform)
        issuer = self.place.issuer
        return Endpoints(f"{issuer}authorize", self.names_itself, f"{issuer}oauth/device/code")

    def exchange(self, platform: Platform, code: Secret, verifier: Secret, redirect_uri: str) -> TokenSet:
        """Tokens for an authorization code."""
        with self._lock:
            self._admit(platform)
            family, nonce = self._grants.redeem_code(code.reveal(), verifier.reveal(), redirect_uri)
            self.exchanges += 1
            return self._tokens(family, nonce=nonce)

    def refresh(self, platform: Platform, refresh_token: Secret) -> TokenSet:
        """Tokens for a refresh token."""
        with self._lock:
            self._admit(platform)
            family = self._grants.redeem_refresh(refresh_token.reveal(), rotate=self.rotate)
            self.refreshes += 1
            return self._tokens(family, again=True)

    def revoke(self, platform: Platform, refresh_token: Secret) -> None:
        """Revoke a refresh token's family; an unknown token is no error (RFC 7009 section 2.2)."""
        with self._lock:
            self._admit(platform)
            family = self._grants.family_of(refresh_token.reveal())
            if family is not None:
                family.revoked = True
                self.revocations += 1

    def begin_device(self, platform: Platform) -> DeviceCode:
        """Begin a device authorization."""
        self._reach(platform)
        if not self.device or platform.client_id != self.place.client_id:
            refuse("unauthorized_client", "the client has no device grant")
        code, device = self._grants.begin_device(self.device_interval)
        page = f"{self.place.issuer}activate"
        complete = f"{page}?{urlencode({'user_code': device.user_code})}"
        return DeviceCode(code, device.user_code, page, complete, DEVICE_LIFETIME, device.interval)

    def poll_device(self, platform: Platform, device_code: Secret) -> TokenSet:
        """Ask whether the person has decided."""
        with self._lock:
            self._admit(platform)
            family = self._grants.redeem_device(device_code.reveal())
            self.exchanges += 1
            return self._tokens(family)

    def _reach(self, platform: Platform) -> None:
        if platform.issuer_host != self.place.issuer_host:
            raise Unreachable(f"There is no {platform.issuer_host}.")
        if self.issuer_trouble is not None:
            raise self.issuer_trouble

    def _admit(self, platform: Platform) -> None:
        self._reach(platform)
        if platform.client_id != self.place.client_id:
            refuse("invalid_client", "the client is unknown")

    def _person(self, email: str | None) -> Person:
        found = next((person for person in self.people if email in (None, person.email)), None)
        if found is None:
            raise Refused(f"There is no account {email}.")
        return found

    def _complaint(self, request: Mapping[str, str]) -> Mapping[str, str]:
        """The error to go back with (RFC 6749 section 4.1.2.1); empty for a request that is in order."""
        rules: Mapping[str, tuple[str, Callable[[str], bool]]] = {
            "response_type": ("unsupported_response_type", lambda value: value == "code"),
            "code_challenge_method": ("invalid_request", lambda value: value == "S256"),
            "code_challenge": ("invalid_request", lambda value: len(value) == 43),
            "audience": ("invalid_request", lambda value: value == self.place.api_url),
            "scope": ("invalid_scope", lambda value: "openid" in value.split()),
        }
        for name, (error, fits) in rules.items():
            if not fits(request.get(name, "")):
                return {"error": error, "error_description": f"Missing or wrong: {name}."}
        return {}

    def _back(self, request: Mapping[str, str], **answer: str) -> str:
        state = {"state": request["state"]} if "state" in request else {}
        issuer = {"iss": self.place.issuer} if self.names_itself else {}
        return f"{request['redirect_uri']}?{urlencode({**answer, **state, **issuer})}"

    def _tokens(self, family: Family, *, nonce: str | None = None, again: bool = False) -> TokenSet:
        now, issuer = self.clock.now(), self.place.issuer
        born = int(now.timestamp())
        common = {"iss": issuer, "sub": family.person.subject, "iat": born, "jti": secrets.token_hex(8)}
        access = {
            **common,
            "aud": [self.place.api_url, f"{issuer}userinfo"],
            "azp": self.place.client_id,
            "exp": born + int(self.access_lifetime),
            "scope": SCOPE,
        }
        identity: dict[str, Any] = {
            **common,
            "aud": self.place.client_id,
            "email": family.person.email,
            "nonce": nonce,
            "exp": born + int(self.id_lifetime),
            **self.id_claims,
        }
        said = {name: value for name, value in identity.items() if value is not None}
        answer = TokenSet(
            signed(access, self._key),
            "" if again and not self.id_token_again else signed(said, self._key),
            None if again and not self.rotate else family.current,
            expires_at=now + timedelta(seconds=self.access_lifetime),
            extra={"token_type": "Bearer", "expires_in": int(self.access_lifetime), "scope": SCOPE},
        )
        answer = bounded(answer)
        return evolve(answer, lifetime=None if answer.expires_at is None else answer.expires_at - now)
