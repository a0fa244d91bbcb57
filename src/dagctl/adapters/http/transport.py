"""One bounded exchange over HTTPS, and what can go wrong with it in the domain's words."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from threading import Lock, Thread
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import urllib3
from attrs import field, frozen
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    SSLError,
    TimeoutError,  # noqa: A004 - urllib3's own name
)

from dagctl import __version__
from dagctl.adapters.http.trust import Trust, unverified
from dagctl.domain.errors import CertificateRefused, DagctlError, Malformed, Refused, Unreachable
from dagctl.domain.platform import LOOPBACK_HOSTS

T = TypeVar("T")


@frozen
class Limits:
    """Bounds of one exchange: seconds, and bytes of the answer's body."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0
    size: int = 1 << 20


@frozen
class Answer:
    """An HTTP answer.

    Attributes:
        where: host and path, for people.
        date: aware; the server's clock, where it told.
    """

    status: int
    where: str
    body: bytes = field(repr=False)
    date: datetime | None = None


class Transport:
    """Exchanges requests for answers: bounded in time and size, no redirect followed, at most one retry.

    Args:
        trust: which CAs.
        proxy: says which proxy to take for a URL.
        limits: the bounds.
    """

    def __init__(
        self,
        trust: Trust | None = None,
        *,
        proxy: Callable[[str], str | None] = lambda url: None,
        limits: Limits | None = None,
    ) -> None:
        self._trust = trust or Trust()
        self._proxy = proxy
        self._limits = limits or Limits()
        self._pools: dict[tuple[str, bool], urllib3.PoolManager] = {}
        self._lock = Lock()

    def get(self, url: str, headers: Mapping[str, str] | None = None, *, insecure: bool = False) -> Answer:
        """GET `url`.

        Raises:
            Unreachable: no connection, no answer in time; `CertificateRefused` where TLS is not verified.
            Malformed: an answer that breaks HTTP, or is too large.
            Refused: a redirect; it is not followed.
        """
        return self._exchange("GET", url, dict(headers or {}), None, insecure)

    def post(self, url: str, form: Mapping[str, str], *, insecure: bool = False) -> Answer:
        """POST `form`, URL-encoded, to `url`; raises as `get` does."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._exchange("POST", url, headers, urlencode(form).encode("ascii"), insecure)

    def _exchange(self, method: str, url: str, headers: dict[str, str], body: bytes | None, insecure: bool) -> Answer:
        parts = urlsplit(url)
        host, where = parts.netloc, f"{parts.netloc}{parts.path}"
        if parts.scheme != "https" and parts.hostname not in LOOPBACK_HOSTS:
            raise DagctlError(f"{host} would be talked to in the clear.", hint="Use an https URL.")
        pool = self._pool(url, insecure)
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"dagctl/{__version__}",
            **headers,
        }

        def once() -> Answer:
            return self._once(pool, method, url, headers, body, where)

        def twice() -> Answer:
            try:
                return once()
            except (NewConnectionError, ConnectTimeoutError):
                return once()  # nothing was sent yet

        try:
            answer = _within(self._limits.total, twice, host)
        except (HTTPError, ssl.SSLError, OSError, ValueError) as error:
            raise _in_our_words(error, host, self._limits) from None
        if 300 <= answer.status < 400:
            raise Refused(f"{where} answers with a redirect, which is not followed.", status=answer.status)
        return answer

    def _once(
        self,
        pool: urllib3.PoolManager,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        where: str,
    ) -> Answer:
        limits = self._limits
        response = pool.request(
            method,
            url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(connect=limits.connect, read=limits.read),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise Malformed(f"{where} answers in an encoding that was not asked for.")
            content = response.read(limits.size + 1)
            if len(content) > limits.size:
                raise Malformed(f"{where} answers with more than {limits.size >> 10} KiB.")
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return Answer(response.status, where, content, _date(response.headers.get("Date")))

    def _pool(self, url: str, insecure: bool) -> urllib3.PoolManager:
        parts = urlsplit(url)
        key = (f"{parts.scheme}://{parts.netloc}", insecure)
        with self._lock:
            if key not in self._pools:
                context = unverified() if insecure else self._trust.context(parts.hostname or "")
                proxy = self._proxy(url)
                self._pools[key] = (
                    urllib3.ProxyManager(proxy, ssl_context=context)
                    if proxy
                    else urllib3.PoolManager(ssl_context=context)
                )
            return self._pools[key]


def _within(seconds: float, do: Callable[[], T], host: str) -> T:
    """What `do` returns or raises, but no later than in `seconds`.

    A socket's time-outs begin anew with every byte, and none covers the look-up of a name. So the exchange
    has a thread of its own, which is left behind when its time is up.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(do())
        except BaseException as error:  # noqa: BLE001 - handed over to the caller's thread
            errors.append(error)

    worker = Thread(target=work, name=f"dagctl to {host}", daemon=True)
    worker.start()
    worker.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise Unreachable(f"{host} did not finish its answer within {seconds:g} seconds.", hint=_NETWORK)
    return results[0]


def _in_our_words(error: Exception, host: str, limits: Limits) -> DagctlError:
    if isinstance(error, ProxyError):
        return Unreachable(f"The proxy on the way to {host} cannot be used.", hint="Check HTTPS_PROXY and NO_PROXY.")
    if isinstance(error, (SSLError, ssl.SSLError)):
        return _tls(error, host)
    if isinstance(error, NameResolutionError):
        return Unreachable(f"The host name of {host} cannot be found.", hint=_NETWORK)
    if isinstance(error, ConnectTimeoutError):
        return Unreachable(f"{host} cannot be reached within {limits.connect:g} seconds.", hint=_NETWORK)
    if isinstance(error, NewConnectionError):
        return Unreachable(f"{host} cannot be reached: {_os_reason(error)}.", hint=_NETWORK)
    if isinstance(error, TimeoutError):
        return Unreachable(f"{host} did not answer within {limits.read:g} seconds.", hint=_NETWORK)
    if isinstance(error, (LocationParseError, ValueError)) and not isinstance(error, HTTPError):
        return DagctlError(f"{host} is no usable address.")
    return Unreachable(f"{host} broke the connection off before its answer was complete.", hint=_NETWORK)


def _tls(error: Exception, host: str) -> CertificateRefused:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        _, _, why = text.partition("certificate verify failed: ")
        why = why.split(" (_ssl", 1)[0].rstrip(")'\" ") or "it is not trusted"
        hint = "If its CA is your company's own, name that CA's PEM file in SSL_CERT_FILE."
        return CertificateRefused(f"The TLS certificate of {host} is refused: {why}.", hint=hint)
    if "WRONG_VERSION_NUMBER" in text or "UNKNOWN_PROTOCOL" in text or "record layer" in text:
        return CertificateRefused(f"{host} does not speak TLS on this port.", hint="Check the URL and its port.")
    return CertificateRefused(f"TLS with {host} failed.", hint=_NETWORK)


def _os_reason(error: NewConnectionError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "no connection"


def _date(text: str | None) -> datetime | None:
    try:
        value = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)


_NETWORK = "Check the network and the address, then try again."
