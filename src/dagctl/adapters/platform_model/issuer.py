"""The platform's issuer: an Auth0-shaped OpenID Connect provider."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, Protocol
from urllib.parse import urlencode

from attrs import Factory, define, field

from dagctl.adapters.platform_model.grants import DEVICE_LIFETIME, Family, Granted, Grants
from dagctl.adapters.platform_model.observations import Observations
from dagctl.adapters.platform_model.people import Person
from dagctl.adapters.platform_model.refusals import OAuthError
from dagctl.domain.values.platform import REDIRECT_URI, SCOPE, Platform
from dagctl.ports.clock import Clock

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SESSION_LIFETIME = 3 * 86_400.0


class Signer(Protocol):
    """Signs tokens, and knows its own."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """`claims` as a JWT (RFC 7519)."""

    def verify(self, token: str) -> Mapping[str, Any]:
        """The claims of a JWT that it signed, whatever they say.

        Raises:
            NotOurs: another signer signed it.
        """


@define(eq=False, slots=False, kw_only=True)
class Issuer(Observations):
    """An issuer. A test may set its attributes at any time.

    The endpoints take the parameters of a query or a form, and return the members of the JSON answer. Every refusal is
    an `OAuthError`.

    Attributes:
        place: its address, its client and its API.
        people: who can sign in; the first does where a test names nobody.
        redirect_uris: the registered redirect URIs.
        access_lifetime, id_lifetime: the lifetimes of new tokens, in seconds.
        rotate: refresh tokens rotate.
        id_token_again: a refresh returns an ID token too.
        device: the client may use the device grant.
        device_interval: the seconds between two requests of a device.
        names_itself: it adds `iss` to its answers, and announces that (RFC 9207).
        id_claims: false claims for new ID tokens; None omits a claim. Such an issuer errs, or is an attacker's.
        families: the sign-ins of an earlier run.
        keep: called with all sign-ins whenever one has changed.
    """

    place: Platform = field(factory=Platform, kw_only=False)
    clock: Clock
    signer: Signer = field(repr=False)
    people: tuple[Person, ...]
    redirect_uris: tuple[str, ...] = (REDIRECT_URI,)
    access_lifetime: float = 3600.0
    id_lifetime: float = 3600.0
    rotate: bool = True
    id_token_again: bool = True
    device: bool = True
    device_interval: float = 5.0
    names_itself: bool = True
    id_claims: Mapping[str, Any] = field(factory=dict)
    families: tuple[Family, ...] = field(default=(), repr=False)
    keep: Callable[[list[Family]], object] = field(default=lambda families: None, repr=False)
    _grants: Grants = field(
        init=False,
        repr=False,
        default=Factory(lambda self: Grants(self, self.families, self.keep), takes_self=True),
    )
    _sessions: dict[str, tuple[Person, float]] = field(init=False, repr=False, factory=dict)
    _lock: Any = field(init=False, repr=False, factory=RLock)

    @property
    def revoked_families(self) -> tuple[Family, ...]:
        """The sign-ins that have ended, by revocation or because a refresh token was used twice."""
        return tuple(family for family in self._grants.families if family.revoked)

    def person_called(self, email: str | None) -> Person | None:
        """The person with that email address, or None; without an address, the first of the people."""
        return next((person for person in self.people if email in (None, person.email)), None)

    def known_person(self, email: str | None) -> Person:
        """The person with that email address; without one, the first of the people.

        Raises:
            ValueError: there is no such person.
        """
        found = self.person_called(email)
        if found is None:
            there = ", ".join(person.email for person in self.people)
            raise ValueError(f"There is no person {email!r}; there are {there}." if there else "There are no people.")
        return found

    def end_sessions(self) -> None:
        """End every sign-in: its refresh tokens stop working. Access and ID tokens stay valid until they expire."""
        with self._lock:
            for family in self._grants.families:
                self._grants.end(family)

    def suggested(self, request: Mapping[str, str]) -> Person | None:
        """The person that the sign-in page suggests: the one of `login_hint`, else the first."""
        return self.person_called(request.get("login_hint")) or self.person_called(None)

    def begin_session(self, person: Person) -> str:
        """Begin a session of a person's browser; the value of its cookie."""
        session = secrets.token_urlsafe(24)
        self._sessions[session] = (person, self.clock.monotonic() + SESSION_LIFETIME)
        return session

    def authorization_endpoint(self, request: Mapping[str, str], session: str | None) -> str | None:
        """The address for a person who need not be asked; None if the page has to ask (OIDC Core 3.1.2.3).

        Args:
            session: the value of the browser's cookie.

        Raises:
            OAuthError: nobody is sent back with such a request (RFC 6749 section 4.1.2.1).
        """
        if wrong := self._sent_back(request):
            return wrong
        prompt = request.get("prompt", "").split()  # other values, such as `login`, call for the page
        person = self._person_of(session) if prompt in ([], ["none"]) else None
        if person is None and prompt != ["none"]:
            return None
        return self._answer(request, person, otherwise=("login_required", "Nobody is signed in."))

    def decide(self, request: Mapping[str, str], person: Person | None) -> str:
        """The address for a person who has agreed on the sign-in page, or declined (None); raises as that does."""
        return self._sent_back(request) or self._answer(
            request, person, otherwise=("access_denied", "The person refused.")
        )

    def token_endpoint(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Redeem a grant for tokens (RFC 6749 section 5.1)."""
        self._check_client(form)
        with self._lock:
            kind, now = form.get("grant_type"), self.clock.monotonic()
            if kind == "authorization_code":
                return self._tokens(self._grants.redeem_code(form, now))
            if kind == DEVICE_GRANT:
                self._check_device_grant()
                return self._tokens(self._grants.redeem_device(form.get("device_code", ""), now))
            if kind == "refresh_token":
                granted = self._grants.redeem_refresh(form.get("refresh_token", ""), rotate=self.rotate)
                return self._tokens(granted, again=True)
        raise OAuthError("unsupported_grant_type", "There is no such grant here.")

    def revocation_endpoint(self, form: Mapping[str, str]) -> None:
        """End a sign-in (RFC 7009)."""
        self._check_client(form)
        with self._lock:
            self._grants.revoke(form.get("token", ""))

    def device_endpoint(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Begin a sign-in on a device (RFC 8628 section 3.2)."""
        self._check_client(form)
        self._check_device_grant()
        self._check_target(form)
        code, device = self._grants.begin_device(form["scope"], self.device_interval, self.clock.monotonic())
        page = f"{self.place.issuer}activate"
        return {
            "device_code": code,
            "user_code": device.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?{urlencode({'user_code': device.user_code})}",
            "expires_in": int(DEVICE_LIFETIME),
            "interval": int(device.interval),
        }

    def decide_device(self, user_code: str, person: Person | None) -> None:
        """Record who agrees to a device's sign-in; None for a refusal.

        Raises:
            OAuthError: the code is unknown, or somebody has answered already.
        """
        self._grants.decide_device(user_code, person, self.clock.monotonic())

    def _person_of(self, session: str | None) -> Person | None:
        person, dies = self._sessions.get(session or "", (None, 0.0))
        return person if person in self.people and dies > self.clock.monotonic() else None

    def _sent_back(self, request: Mapping[str, str]) -> str | None:
        """The address for an invalid request; None if it is valid."""
        self._check_client(request)
        if request.get("redirect_uri") not in self.redirect_uris:
            raise OAuthError("invalid_request", "The redirect URI is not registered.")
        try:
            self._check_request(request)
        except OAuthError as error:
            return self._back(request, error=error.code, error_description=str(error))
        return None

    def _check_request(self, request: Mapping[str, str]) -> None:
        if request.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "The response type is not code.")
        # the hash of SHA-256 in base64url has 43 characters
        if request.get("code_challenge_method") != "S256" or len(request.get("code_challenge", "")) != 43:
            raise OAuthError("invalid_request", "The code challenge is not one of S256 (RFC 7636).")
        self._check_target(request)

    def _check_target(self, request: Mapping[str, str]) -> None:
        if request.get("audience") != self.place.api_url:
            raise OAuthError("invalid_request", "The audience is unknown.")
        if "openid" not in request.get("scope", "").split():
            raise OAuthError("invalid_scope", "The scope lacks openid.")

    def _check_client(self, form: Mapping[str, str]) -> None:
        if form.get("client_id") != self.place.client_id:
            raise OAuthError("invalid_client", "The client is unknown.")

    def _check_device_grant(self) -> None:
        if not self.device:
            raise OAuthError("unauthorized_client", "The client has no device grant.")

    def _answer(self, request: Mapping[str, str], person: Person | None, *, otherwise: tuple[str, str]) -> str:
        if person is None:
            return self._back(request, error=otherwise[0], error_description=otherwise[1])
        return self._back(request, code=self._grants.grant_code(person, request, self.clock.monotonic()))

    def _back(self, request: Mapping[str, str], **answer: str) -> str:
        state = {"state": request["state"]} if "state" in request else {}
        issuer = {"iss": self.place.issuer} if self.names_itself else {}
        return f"{request['redirect_uri']}?{urlencode({**answer, **state, **issuer})}"

    def _tokens(self, granted: Granted, *, again: bool = False) -> dict[str, Any]:
        person, issuer, born = granted.family.person, self.place.issuer, int(self.clock.now().timestamp())
        scope = " ".join(name for name in granted.family.scope.split() if name in SCOPE.split())
        common = {"iss": issuer, "sub": person.subject, "iat": born, "jti": secrets.token_hex(8)}
        access = {
            **common,
            "aud": [self.place.api_url, f"{issuer}userinfo"],  # as Auth0 does where the scope has `openid`
            "azp": self.place.client_id,
            "exp": born + int(self.access_lifetime),
            "scope": scope,
        }
        identity = {
            **common,
            "aud": self.place.client_id,
            "email": person.email if "email" in scope.split() else None,
            "nonce": granted.nonce,
            "exp": born + int(self.id_lifetime),
            **self.id_claims,
        }
        said = {name: value for name, value in identity.items() if value is not None}
        answer = {
            "access_token": self.signer.sign(access),
            "id_token": self.signer.sign(said) if self.id_token_again or not again else None,
            "refresh_token": granted.refresh_token,
            "token_type": "Bearer",
            "expires_in": int(self.access_lifetime),
            "scope": scope,
        }
        return {name: value for name, value in answer.items() if value is not None}
