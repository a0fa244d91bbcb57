"""What the issuer has granted: codes, refresh tokens in families, device codes. No HTTP here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, define, field

from dagctl.adapters.files.private import write_private
from dagctl.adapters.sandbox.keys import Keys
from dagctl.adapters.sandbox.observations import Observations
from dagctl.adapters.sandbox.options import CLIENT_ID, SandboxOptions, User

CODE_LIFETIME = 60.0
DEVICE_LIFETIME = 600.0
DEVICE_INTERVAL = 5


class OAuthError(Exception):
    """An OAuth 2.0 error answer (RFC 6749 section 5.2)."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@define
class Code:
    """An authorization code, and what it was asked for with."""

    subject: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    expires: float
    family: str | None = None


@define
class Family:
    """A sign-in's refresh tokens: only the newest is good."""

    subject: str
    current: str
    spent: list[str] = field(factory=list)


@define
class Device:
    """A device authorization."""

    user_code: str
    expires: float
    interval: float = DEVICE_INTERVAL
    polled: float = 0.0
    subject: str | None = None
    denied: bool = False

    @property
    def decided(self) -> bool:
        """Whether the person has answered."""
        return self.denied or self.subject is not None


class Grants:
    """The issuer's memory; refresh tokens outlive a restart, as hashes.

    Args:
        store: the file for them.
        issuer, api_url: who grants, and for what.
    """

    def __init__(
        self, options: SandboxOptions, keys: Keys, observed: Observations, store: Path, *, issuer: str, api_url: str
    ) -> None:
        self.options = options
        self.observed = observed
        self.issuer = issuer
        self.api_url = api_url
        self._keys = keys
        self._store = store
        self._codes: dict[str, Code] = {}
        self._devices: dict[str, Device] = {}
        self._families = self._load()

    def grant_code(self, user: User, *, redirect_uri: str, challenge: str, nonce: str | None) -> str:
        """A new authorization code."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = Code(user.subject, redirect_uri, challenge, nonce, time.time() + CODE_LIFETIME)
        self.observed.logins += 1
        return code

    def exchange_code(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Tokens for an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.6)."""
        code = self._codes.get(form.get("code", ""))
        if code is None or code.expires <= time.time():
            raise OAuthError("invalid_grant", "The authorization code is unknown or has expired.")
        if code.family is not None:
            self._families.pop(code.family, None)  # RFC 6749 section 4.1.2: used twice
            self._save()
            raise OAuthError("invalid_grant", "The authorization code was used before.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_grant", "The redirect URI is another than in the request.")
        digest = hashlib.sha256(form.get("code_verifier", "").encode("ascii", "replace")).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        if not hmac.compare_digest(challenge.encode(), code.challenge.encode()):
            raise OAuthError("invalid_grant", "The code verifier does not fit the code challenge.")
        self.observed.exchanges += 1
        code.family, answer = self._begin(code.subject, code.nonce)
        return answer

    def refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Tokens for a refresh token; a spent one revokes its family (RFC 9700 section 4.14.2)."""
        presented = _hash(form.get("refresh_token", ""))
        for name, family in self._families.items():
            if presented in family.spent:
                del self._families[name]
                self.observed.reuses += 1
                self._save()
                raise OAuthError("invalid_grant", "The refresh token was used before; its session is revoked.")
            if presented == family.current:
                self.observed.refreshes += 1
                return self._renew(family)
        raise OAuthError("invalid_grant", "The refresh token is unknown or was revoked.")

    def revoke(self, token: str) -> None:
        """Forget a refresh token's family (RFC 7009); an unknown one is no error."""
        presented = _hash(token)
        for name, family in list(self._families.items()):
            if presented == family.current or presented in family.spent:
                del self._families[name]
                self.observed.revocations += 1
        self._save()

    def begin_device(self) -> tuple[str, Device]:
        """A new device code and what belongs to it (RFC 8628 section 3.2)."""
        code = secrets.token_urlsafe(24)
        letters = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(8))
        self._devices[code] = Device(f"{letters[:4]}-{letters[4:]}", time.time() + DEVICE_LIFETIME)
        return code, self._devices[code]

    def finish_device(self, user_code: str, user: User | None) -> bool:
        """Record what the person has decided; false where there is no such code."""
        wanted = user_code.strip().upper().replace(" ", "-")
        for device in self._devices.values():
            if device.user_code == wanted and device.expires > time.time() and not device.decided:
                device.subject, device.denied = (user.subject if user else None), user is None
                return True
        return False

    def poll_device(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Tokens for a device code, once the person has agreed (RFC 8628 section 3.5)."""
        code = form.get("device_code", "")
        device, now = self._devices.get(code), time.time()
        if device is None:
            raise OAuthError("invalid_grant", "The device code is unknown or was used before.")
        if device.expires <= now:
            raise OAuthError("expired_token", "The device code has expired.")
        too_soon, device.polled = now - device.polled < device.interval - 0.5, now
        if too_soon:
            device.interval += 5
            raise OAuthError("slow_down", "That was too soon.")
        if device.denied:
            raise OAuthError("access_denied", "The person refused.")
        if device.subject is None:
            raise OAuthError("authorization_pending", "The person has not decided yet.")
        del self._devices[code]
        self.observed.logins += 1
        return self._begin(device.subject, None)[1]

    def _begin(self, subject: str, nonce: str | None) -> tuple[str, dict[str, Any]]:
        name, token = secrets.token_hex(8), secrets.token_urlsafe(32)
        self._families[name] = Family(subject, _hash(token))
        self._save()
        return name, self._answer(subject, token, nonce)

    def _renew(self, family: Family) -> dict[str, Any]:
        if not self.options.rotate:
            return self._answer(family.subject, None, None)
        token = secrets.token_urlsafe(32)
        family.spent.append(family.current)
        family.current = _hash(token)
        self._save()
        return self._answer(family.subject, token, None)

    def _answer(self, subject: str, refresh_token: str | None, nonce: str | None) -> dict[str, Any]:
        now = time.time()
        user = self.options.user_by_subject(subject)
        common = {"iss": self.issuer, "sub": subject, "iat": int(now), "jti": secrets.token_hex(8)}
        identity = {
            **common,
            "aud": CLIENT_ID,
            "email": user.email if user else None,
            "exp": int(now + self.options.id_lifetime),
            **({"nonce": nonce} if nonce else {}),
        }
        access = {
            **common,
            "aud": [self.api_url, f"{self.issuer}userinfo"],
            "azp": CLIENT_ID,
            "exp": int(now + self.options.access_lifetime),
            "scope": "openid profile email offline_access",
        }
        return {
            "access_token": self._keys.sign(access),
            "id_token": self._keys.sign(identity),
            **({"refresh_token": refresh_token} if refresh_token else {}),
            "token_type": "Bearer",
            "expires_in": int(self.options.access_lifetime),
            "scope": "openid profile email offline_access",
        }

    def _load(self) -> dict[str, Family]:
        try:
            kept = json.loads(self._store.read_text("utf-8"))
            return {name: Family(**members) for name, members in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _save(self) -> None:
        kept = {name: asdict(family) for name, family in self._families.items()}
        write_private(self._store, json.dumps(kept))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
