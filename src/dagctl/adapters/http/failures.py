"""Turns failures on the way to a host into the domain's errors."""

from __future__ import annotations

import re
import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
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

FAILURES = (HTTPError, OSError, ValueError, HTTPException)
"""What an exchange raises: urllib3 does not wrap everything in its own `HTTPError`."""


def in_our_words(error: Exception, host: str, passed: float) -> PlatformError:
    """The error to raise for one of urllib3's.

    Args:
        passed: how many seconds it took, retries included.
    """
    if isinstance(error, ProxyError):
        return _proxy(error, host)
    if isinstance(error, (SSLError, ssl.SSLError)):
        return _tls(str(error), host)
    if isinstance(error, InvalidHeader) or _breaks_http(error):
        return Malformed(f"{host} answers with something that is not HTTP.", host=host)
    return Unreachable(_unreachable(error, host, f"{passed:.0f}" if passed >= 1 else f"{passed:.1f}"), host=host)


def broken_off(error: Exception) -> bool:
    """Whether the connection broke before the answer was complete."""
    if isinstance(error, SSLError):
        return "EOF" in str(error)
    return isinstance(error, ProtocolError) and not _breaks_http(error)


def _unreachable(error: Exception, host: str, passed: str) -> str:
    if isinstance(error, NameResolutionError):
        return f"The host name of {host} does not resolve."
    if isinstance(error, NewConnectionError):  # before its own base class
        return f"{host} cannot be reached: {_reason(error)}."
    if isinstance(error, ConnectTimeoutError):
        return f"{host} cannot be reached within {passed} seconds."
    if isinstance(error, TimeoutError):
        return f"{host} did not answer within {passed} seconds."
    if isinstance(error, (LocationValueError, ValueError)):
        return f"{host} is not a usable address."
    return f"{host} broke off the connection before its answer was complete."


def _breaks_http(error: Exception) -> bool:
    cause = error.args[-1] if isinstance(error, ProtocolError) and error.args else error
    return isinstance(cause, HTTPException) and not isinstance(cause, (RemoteDisconnected, IncompleteRead))


def _proxy(error: ProxyError, host: str) -> Unreachable:
    status = re.search(r"Tunnel connection failed: (\d{3})", str(error.original_error))
    why = f"it answers with HTTP status {status[1]}" if status else _reason(error.original_error)
    if status and status[1] == "407":  # RFC 9110 section 15.5.8
        why = "it wants a user name and a password (HTTP status 407)"
    return Unreachable(f"The proxy on the way to {host} cannot be used: {why}.", host=host, proxied=True)


def _tls(text: str, host: str) -> Unreachable:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = text.partition("certificate verify failed: ")[2].split(" (_ssl", 1)[0].rstrip(".)'\" ")
        why = why or "it is not trusted"
        return CertificateRefused(f"The TLS certificate of {host} is refused: {why}.", host=host, why=why)
    if any(sign in text for sign in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "record layer")):
        return Unreachable(f"{host} does not speak TLS on this port.", host=host)
    if any(sign in text for sign in ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION")):
        return Unreachable(f"{host} does not speak TLS 1.2 or later.", host=host)
    if "EOF" in text:
        return Unreachable(f"{host} broke off the connection.", host=host)
    return Unreachable(f"TLS with {host} failed.", host=host)


def _reason(error: BaseException) -> str:
    """The operating system's words, from the bottom of a chain of errors."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "no connection"
