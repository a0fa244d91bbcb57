"""A `Handshake` from what Python's `ssl` knows of a connection."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone
from typing import Any

from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.text import printable


def handshake_of(connection: Any, trusted_by: str | None) -> Handshake:
    """The handshake of `connection`.

    Args:
        connection: an `ssl.SSLSocket`, or urllib3's substitute for TLS within TLS.
        trusted_by: the CA certificates to verify with, for people.
    """
    version = str(connection.version() or "TLS")
    certificate = connection.getpeercert()  # empty if it was not verified
    if not certificate:
        return Handshake(version)
    names = {str(key): str(value) for part in certificate.get("issuer", ()) for key, value in part}
    expiry = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return Handshake(
        version,
        trusted_by,
        printable(names.get("organizationName") or names.get("commonName") or "an issuer without a name"),
        datetime.fromtimestamp(expiry, timezone.utc),
    )
