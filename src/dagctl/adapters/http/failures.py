"""What goes wrong on the way to a host, in the domain's words."""

from __future__ import annotations

import re
import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

from urllib3.exceptions import (
    ConnectTimeoutError,
    InvalidHeader,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    SSLError,
    TimeoutError,  # noqa: A004 - urllib3's own name
)

from dagctl.domain.errors import CertificateRefused, Malformed, PlatformError, Unreachable

NETWORK = "Check the network and the address, then try again."
PROXY = "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY."

FAILURES = (OSError, ValueError, HTTPException)
"""What an exchange raises beside urllib3's own `HTTPError`."""


def in_our_words(error: Exception, host: str, *, connect: float, read: float) -> PlatformError:
    """The error to raise for one of urllib3's.

    Args:
        connect, read: the time-outs that were set, in seconds.
    """
    if isinstance(error, ProxyError):
        return _proxy(error, host)
    if isinstance(error, (SSLError, ssl.SSLError)):
        return _tls(str(error), host)
    if isinstance(error, NameResolutionError):
        return Unreachable(f"The host name of {host} cannot be found.", hint=NETWORK)
    if isinstance(error, NewConnectionError):  # before its own base class
        return Unreachable(f"{host} cannot be reached: {_reason(error)}.", hint=NETWORK)
    if isinstance(error, ConnectTimeoutError):
        return Unreachable(f"{host} cannot be reached within {connect:g} seconds.", hint=NETWORK)
    if isinstance(error, TimeoutError):
        return Unreachable(f"{host} did not answer within {read:g} seconds.", hint=NETWORK)
    if isinstance(error, InvalidHeader) or _breaks_http(error):
        return Malformed(f"{host} answers with something that is not HTTP.")
    if isinstance(error, (LocationValueError, ValueError)):
        return Unreachable(f"{host} is no usable address.", hint=NETWORK)
    return Unreachable(f"{host} broke the connection off before its answer was complete.", hint=NETWORK)


def _breaks_http(error: Exception) -> bool:
    cause = error.args[-1] if isinstance(error, ProtocolError) and error.args else error
    return isinstance(cause, HTTPException) and not isinstance(cause, (RemoteDisconnected, IncompleteRead))


def _proxy(error: ProxyError, host: str) -> Unreachable:
    status = re.search(r"Tunnel connection failed: (\d{3})", str(error.original_error))
    why = f"it answers with HTTP status {status[1]}" if status else _reason(error.original_error)
    return Unreachable(f"The proxy on the way to {host} cannot be used: {why}.", hint=PROXY)


def _tls(text: str, host: str) -> Unreachable:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = text.partition("certificate verify failed: ")[2].split(" (_ssl", 1)[0].rstrip(".)'\" ")
        return CertificateRefused(
            f"The TLS certificate of {host} is refused: {why or 'it is not trusted'}.", hint=_cure(why)
        )
    if any(sign in text for sign in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "record layer")):
        return Unreachable(f"{host} does not speak TLS on this port.", hint="Check the URL and its port.")
    if any(sign in text for sign in ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION")):
        return Unreachable(f"{host} does not speak TLS 1.2 or later.")
    if "EOF" in text:
        return Unreachable(f"{host} broke the connection off.", hint=NETWORK)
    return Unreachable(f"TLS with {host} failed.", hint=NETWORK)


def _cure(why: str) -> str:
    if "expired" in why or "not yet valid" in why:
        return "Check this machine's clock. If it is right, the certificate has to be renewed on the server."
    if "mismatch" in why:
        return "Check the URL: the certificate is for another host name."
    return "If its CA is your company's own, name that CA's PEM file in SSL_CERT_FILE."


def _reason(error: BaseException) -> str:
    """The operating system's words, from the bottom of a chain of errors."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "no connection"
