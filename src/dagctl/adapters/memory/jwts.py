"""JWTs that only their signer can verify (RFC 7515, HS256)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from dagctl.adapters.platform_model.issuer import Signer
from dagctl.adapters.platform_model.refusals import NotOurs


class HmacSigner(Signer):
    """A signer with its own key."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def sign(self, claims: Mapping[str, Any]) -> str:
        header = {"alg": "HS256", "typ": "JWT"}
        content = ".".join(_encode(json.dumps(part).encode()) for part in (header, dict(claims)))
        return f"{content}.{self._signature(content)}"

    def verify(self, token: str) -> Mapping[str, Any]:
        content, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            raise NotOurs
        claims = content.partition(".")[2]
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return found

    def _signature(self, content: str) -> str:
        return _encode(hmac.new(self._key, content.encode(), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
