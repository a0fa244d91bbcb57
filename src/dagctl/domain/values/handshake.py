"""What a TLS handshake showed of the other side."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen


@frozen
class Handshake:
    """A TLS connection that came about.

    Attributes:
        version: the protocol, as OpenSSL calls it: "TLSv1.3".
        trusted_by: which CA certificates the server's own was verified with; None where it was not verified.
        issuer: who has issued the server's certificate; None where that was not verified.
        expires_at: when the certificate does; aware. None where that was not verified.
    """

    version: str
    trusted_by: str | None = None
    issuer: str | None = None
    expires_at: datetime | None = None
