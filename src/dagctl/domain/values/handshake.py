"""What a TLS handshake showed about the server."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen


@frozen
class Handshake:
    """A successful TLS handshake. Without verification, only `version` is known.

    Attributes:
        version: the protocol, as OpenSSL calls it: "TLSv1.3".
        trusted_by: the CA certificates that verified the server's certificate; None if nothing verified it.
        issuer: who issued the server's certificate.
        expires_at: when that certificate expires; aware.
    """

    version: str
    trusted_by: str | None = None
    issuer: str | None = None
    expires_at: datetime | None = None
