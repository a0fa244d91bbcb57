"""A connection to a PostgreSQL server up to the TLS handshake, with plain sockets.

libpq does not tell a certificate's issuer and expiry, starts TLS only to log in, and is not always installed.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from dagctl.adapters.system.dialling import addresses, dialled
from dagctl.adapters.system.handshake import handshake_of
from dagctl.domain.errors import CertificateRefused, Unreachable
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.platform import LOOPBACK_HOSTS
from dagctl.domain.values.state import SYSTEM, StateEndpoint

SSL_REQUEST = struct.pack("!II", 8, 80877103)
"""SSLRequest (PostgreSQL documentation, "Message Formats")."""

_OPTIONAL = ("disable", "allow", "prefer")


@contextmanager
def connected(endpoint: StateEndpoint, timeout: float) -> Iterator[socket.socket]:
    """A TCP connection to the proxy.

    Args:
        timeout: seconds for all addresses of the proxy together, then for each step.

    Raises:
        Unreachable: no connection comes about.
    """
    hostspec = endpoint.hostspec
    try:
        connection = dialled(addresses(endpoint.host, endpoint.port), timeout)
    except socket.gaierror:
        sentence = f"The host name of the state database's proxy {hostspec} does not resolve."
        raise _unreachable(endpoint, sentence) from None
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or f"no answer within {timeout:g} seconds"
        raise _unreachable(endpoint, f"The state database's proxy {hostspec} cannot be reached: {why}.") from None
    with connection:
        yield connection


def answering(endpoint: StateEndpoint, timeout: float) -> str:
    """The address of the proxy that answers first; "" if it has only one, or none.

    Raises:
        Unreachable: no address answers.
    """
    try:
        if len(addresses(endpoint.host, endpoint.port)) < 2 or endpoint.host in LOOPBACK_HOSTS:
            return ""
    except (OSError, UnicodeError):
        return ""
    with connected(endpoint, timeout) as connection:
        return str(connection.getpeername()[0])


def negotiated(endpoint: StateEndpoint, root: str | None, timeout: float) -> Handshake | None:
    """Ask for TLS and do the handshake, as libpq would.

    Args:
        root: the CA certificates to verify with; "system" for the system's own, None for no verification.
        timeout: seconds for each step.

    Returns:
        None if the server offers no TLS and `sslmode` does not require it.

    Raises:
        Unreachable: no connection, or no answer.
        CertificateRefused: TLS fails, or the certificate does not satisfy `sslmode`.
    """
    hostspec = endpoint.hostspec
    context = _context(root, names_count=endpoint.sslmode == "verify-full")
    with connected(endpoint, timeout) as connection:
        try:
            connection.sendall(SSL_REQUEST)
            answer = connection.recv(1)  # no more: what follows unencrypted may come from an attacker (CVE-2021-23222)
            if answer == b"S":
                with context.wrap_socket(connection, server_hostname=endpoint.host) as secured:
                    return handshake_of(secured, "the system's CA store" if root == SYSTEM else root)
        except ssl.SSLError as error:
            raise _refused(endpoint, error) from None
        except OSError as error:
            why = error.strerror or "it does not answer"
            raise _unreachable(endpoint, f"The state database's proxy {hostspec} broke off TLS: {why}.") from None
    if answer != b"N":
        raise _unreachable(endpoint, f"{hostspec} is not a PostgreSQL server.")
    if endpoint.sslmode not in _OPTIONAL:
        raise CertificateRefused(
            f"The state database's proxy {hostspec} offers no TLS, which sslmode {endpoint.sslmode} requires.",
            host=hostspec,
            database=endpoint.database,
            sslmode=endpoint.sslmode,
        )
    return None


def _context(root: str | None, *, names_count: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # libpq is not as strict as Python's default
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = names_count and root is not None  # first: ssl refuses CERT_NONE while it is set
    if root is None:
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        if root == SYSTEM:
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=root)
    except OSError as error:
        # an SSLError is an OSError too, with OpenSSL's code instead of a reason
        why = "it holds no CA certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise CertificateRefused(f"The CA file {root} cannot be used: {why}.", ca_file=root) from None
    return context


def _unreachable(endpoint: StateEndpoint, sentence: str) -> Unreachable:
    return Unreachable(sentence, host=endpoint.hostspec, database=endpoint.database)


def _refused(endpoint: StateEndpoint, error: ssl.SSLError) -> CertificateRefused:
    why = (getattr(error, "verify_message", "") or error.reason or "the handshake failed").rstrip(".")
    return CertificateRefused(
        f"TLS with the state database's proxy {endpoint.hostspec} failed: {why}.",
        host=endpoint.hostspec,
        database=endpoint.database,
        sslmode=endpoint.sslmode,
        why=why,
    )
