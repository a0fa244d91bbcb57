"""What Python's `ssl` knows of a connection, as a `Handshake`."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone
from typing import Any

from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.text import printable


def handshake_of(connection: Any, trusted_by: str | None) -> Handshake:
    """What the handshake of `connection` showed.

    Args:
        connection: an `ssl.SSLSocket`, or what urllib3 has in its place for TLS inside of TLS.
        trusted_by: the CA certificates that were to verify the server's, for people.
    """
    version = str(connection.version() or "TLS")
    certificate = connection.getpeercert()  # empty where nothing was verified
    if not certificate:
        return Handshake(version)
    parts = certificate.get("issuer", ())
    names = {str(key): str(value) for part in parts for key, value in part}
    expiry = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return Handshake(
        version,
        trusted_by,
        printable(names.get("organizationName") or names.get("commonName") or "an issuer without a name"),
        datetime.fromtimestamp(expiry, timezone.utc),
    )
