"""The OpenID Connect issuer of PROTOCOL.md."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime, timedelta

from attrs import field, frozen

from dagctl.adapters.http.answers import document, https_host, malformed, refusal, sealed
from dagctl.adapters.http.transport import UNDONE, Answer, Transport, split
from dagctl.adapters.http.wire import DeviceWire, ProviderMetadataWire, TokenWire, structure
from dagctl.domain.values.platform import SCOPE, Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet, expiry_of
from dagctl.ports.clock import Clock
from dagctl.ports.identity_provider import DeviceCode, Endpoints, IdentityProvider

_DAY = 86_400
_OURS = frozenset({"access_token", "id_token", "refresh_token", "expires_at"})


@frozen(eq=False)
class HttpIdentityProvider(IdentityProvider):
    """The `IdentityProvider` over HTTPS.

    Args:
        insecure: do not verify the issuer's certificate if the issuer is on the API's own host.
    """

    _transport: Transport
    _clock: Clock
    _insecure: bool = field(default=False, kw_only=True)

    def endpoints(self, platform: Platform) -> Endpoints:
        # OpenID Connect Discovery 1.0 section 4
        url = f"{platform.issuer}.well-known/openid-configuration"
        answer = self._transport.get(url, insecure=self._skips_verification(platform))
        if answer.status == 404:
            return Endpoints(f"{platform.issuer}authorize")
        if answer.status != 200:
            raise refusal(answer)
        found = structure(document(answer), ProviderMetadataWire, answer)
        if found.issuer != platform.issuer:
            raise malformed(answer, f"speaks for another issuer than {platform.issuer}")
        for endpoint in (found.authorization_endpoint, found.device_authorization_endpoint):
            if endpoint is not None and "#" in endpoint:  # RFC 6749 section 3.1
                raise malformed(answer, "names an endpoint with a fragment")
            if endpoint is not None and https_host(endpoint) != platform.issuer_host.lower():
                raise malformed(answer, f"names an endpoint that is not on {platform.issuer_host}")
        return Endpoints(found.authorization_endpoint, found.authorization_response_iss_parameter_supported)

    def exchange(self, platform: Platform, code: Secret, verifier: Secret, redirect_uri: str) -> TokenSet:
        answer = self._post(
            platform,
            "oauth/token",
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
        )
        return self._tokens(answer, first=True)

    def refresh(self, platform: Platform, refresh_token: Secret) -> TokenSet:
        answer = self._post(platform, "oauth/token", grant_type="refresh_token", refresh_token=refresh_token)
        return self._tokens(answer, first=False)

    def revoke(self, platform: Platform, refresh_token: Secret) -> None:
        self._post(platform, "oauth/revoke", token=refresh_token, token_type_hint="refresh_token")  # noqa: S106

    @sealed
    def begin_device(self, platform: Platform) -> DeviceCode:
        answer = self._post(platform, "oauth/device/code", scope=SCOPE, audience=platform.api_url)
        found = structure(document(answer), DeviceWire, answer)
        for page in (found.verification_uri, found.verification_uri_complete):
            if page is not None and https_host(page) is None:
                raise malformed(answer, "names a page that is not an https URL")
        return DeviceCode(
            found.device_code,
            found.user_code,
            found.verification_uri,
            found.verification_uri_complete,
            expires_in=min(found.expires_in, _DAY),
            interval=min(max(found.interval, 1), _DAY),
        )

    def poll_device(self, platform: Platform, device_code: Secret) -> TokenSet:
        answer = self._post(
            platform,
            "oauth/token",
            again=(),  # the caller polls, and keeps to the interval (RFC 8628 section 3.5)
            grant_type="urn:ietf:params:oauth:grant-type:device_code",
            device_code=device_code,
        )
        return self._tokens(answer, first=True)

    def _post(self, platform: Platform, path: str, *, again: Collection[int] = UNDONE, **form: str | Secret) -> Answer:
        answer = self._transport.post(
            f"{platform.issuer}{path}",
            {"client_id": platform.client_id, **form},
            insecure=self._skips_verification(platform),
            again=again,
        )
        if answer.status != 200:
            raise refusal(answer)
        return answer

    @sealed
    def _tokens(self, answer: Answer, *, first: bool) -> TokenSet:
        members = document(answer)
        found = structure(_said(members), TokenWire, answer)
        if first and not found.id_token:
            raise malformed(answer, "answers without an ID token")
        if found.token_type.lower() != "bearer":
            raise malformed(answer, "answers with a token that is not a bearer token")
        now = self._clock.now()
        expires_at = _expiry(found, now)
        return TokenSet(
            found.access_token,
            found.id_token or "",
            found.refresh_token,
            expires_at=expires_at,
            lifetime=expires_at - now if expires_at is not None else None,
            extra={name: value for name, value in members.items() if name not in _OURS},
        )

    def _skips_verification(self, platform: Platform) -> bool:
        same = split(platform.issuer).hostname == split(platform.api_url).hostname
        return self._insecure and same


def _said(members: object) -> object:
    """An answer's members without the empty ones, which mean the same as absent ones."""
    if not isinstance(members, dict):
        return members
    return {name: value for name, value in members.items() if value not in (None, "")}


def _expiry(found: TokenWire, now: datetime) -> datetime | None:
    """When the first of the tokens expires, from the answer or else from the tokens themselves."""
    access = _after(now, found.expires_in) or expiry_of(found.access_token)
    identity = expiry_of(found.id_token) if found.id_token else None
    return min((death for death in (access, identity) if death is not None), default=None)


def _after(now: datetime, seconds: object) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        return None
    return now + timedelta(seconds=min(seconds, 1000 * _DAY))
