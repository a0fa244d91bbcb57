"""JWTs with a signature that only their maker can check (RFC 7515, HS256)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


class NotOurs(Exception):
    """A token that was not signed with this key."""


def signed(claims: Mapping[str, Any], key: bytes) -> str:
    """`claims` as a JWT in compact serialisation."""
    header = {"alg": "HS256", "typ": "JWT"}
    content = ".".join(_encode(json.dumps(part).encode()) for part in (header, dict(claims)))
    return f"{content}.{_signature(content, key)}"


def verified(token: str, key: bytes) -> dict[str, Any]:
    """The claims of a token that was signed with `key`.

    Raises:
        NotOurs: it was not.
    """
    content, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(content, key).encode()):
        raise NotOurs
    claims = content.partition(".")[2]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return found


def _signature(content: str, key: bytes) -> str:
    return _encode(hmac.new(key, content.encode(), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
