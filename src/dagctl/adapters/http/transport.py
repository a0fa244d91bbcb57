"""One exchange over HTTPS: bounded, and retried where a retry may help and is safe."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlencode, urlsplit

import urllib3
from attrs import frozen
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from dagctl import __version__
from dagctl.adapters.http.connections import Exchange, Pools
from dagctl.adapters.http.failures import FAILURES, broken_off, in_our_words
from dagctl.adapters.http.proxies import Way
from dagctl.adapters.http.trust import Trust
from dagctl.adapters.system.clock import SystemClock
from dagctl.adapters.system.deadline import OutOfTime
from dagctl.adapters.system.log import DEBUG, HERE, teller
from dagctl.domain.errors import Malformed, Refused, TokenNotAccepted, Unreachable
from dagctl.domain.values.platform import LOOPBACK_HOSTS
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.text import printable
from dagctl.ports.clock import Clock

if TYPE_CHECKING:
    from dagctl.domain.values.handshake import Handshake

UNDONE = frozenset({429, 503})
"""With these statuses the server has done nothing (RFC 6585 section 4, RFC 9110 section 15.6.4)."""

_PASSING = UNDONE | {502, 504}
"""Only a GET is repeated after these: a proxy that answers so may have passed the request on."""

_PAUSES = (0.5, 1.0, 2.0)
"""Seconds before each retry, unless the answer asks for more."""


@frozen(eq=False, repr=False)
class Limits:
    """Bounds of one call, retries included: in seconds, and `size` in bytes of the answer's body."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0
    size: int = 1 << 20


@frozen(eq=False, repr=False)
class Answer:
    """An HTTP answer.

    Attributes:
        where: host and path, for people.
        date: the server's clock, timezone-aware; None if the answer has no usable Date.
        retry_after: seconds until the next request is welcome (RFC 9110 section 10.2.3); None if it does not say.
        secrets: what was sent and must not be shown if the server echoes it.
        request_id: the platform's name for the request in its own logs; "" if it does not say.
        handshake: the TLS handshake, if it was asked for and took place.
    """

    status: int
    where: str
    body: bytes
    date: datetime | None = None
    retry_after: float | None = None
    secrets: tuple[Secret, ...] = ()
    request_id: str = ""
    handshake: Handshake | None = None

    @property
    def host(self) -> str:
        """The host that answered, with any port."""
        return self.where.partition("/")[0]


@frozen(eq=False, repr=False)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str | Secret]
    again: Collection[int]
    insecure: bool
    secrets: tuple[Secret, ...] = ()
    form: Mapping[str, str | Secret] | None = None
    curious: bool = False

    def body(self) -> bytes | None:
        return None if self.form is None else urlencode(_opened(self.form), errors="replace").encode("ascii")

    @property
    def where(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.netloc}{parts.path}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class Transport:
    """Sends requests, bounded in time and size. It follows no redirect, and retries within these bounds.

    The server never processes a request twice: only a GET is repeated once it may have arrived.

    Args:
        trust: the trusted CAs.
        way: maps a URL to its proxy and to what decided on it; see `way_to`.
        limits: the bounds.
        clock: for the pauses before retries.
        waiting: a context manager, entered with the host's name while dagctl waits for that host.
    """

    def __init__(
        self,
        trust: Trust | None = None,
        *,
        way: Way = lambda url: (None, ""),
        limits: Limits | None = None,
        clock: Clock | None = None,
        waiting: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._clock = clock or SystemClock()
        self._trust = trust or Trust()
        self._way = way
        self._pools = Pools(self._trust, way, self._clock)
        self._limits = limits or Limits()
        self._waiting = waiting

    def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        bearer: Secret | None = None,
        insecure: bool = False,
    ) -> Answer:
        """GET `url`.

        Args:
            bearer: the token to send (RFC 6750 section 2.1).
            insecure: do not verify the server's certificate.

        Raises:
            Unreachable: no connection, or no answer in time.
            CertificateRefused: the server's certificate fails verification.
            Malformed: the answer breaks HTTP, or is too large.
            Refused: the answer is a redirect.
        """
        sent: dict[str, str | Secret] = dict(headers or {})
        if bearer is not None:
            if not re.fullmatch(r"[\x21-\x7e]+", bearer.reveal()):
                raise TokenNotAccepted("Your ID token contains characters that no token may contain.")
            sent["Authorization"] = Secret(f"Bearer {bearer.reveal()}")
        return self._exchange(_Request("GET", url, sent, _PASSING, insecure, (bearer,) if bearer else ()))

    def tls_of(self, url: str, *, insecure: bool = False) -> Handshake | None:
        """The TLS handshake with a URL's host; None over plain http. Raises as `get` does."""
        return self._exchange(_Request("GET", url, {}, (), insecure, curious=True)).handshake

    def post(
        self,
        url: str,
        form: Mapping[str, str | Secret],
        *,
        insecure: bool = False,
        again: Collection[int] = UNDONE,
    ) -> Answer:
        """POST `form`, URL-encoded, to `url`; raises as `get` does.

        Args:
            again: the statuses after which to retry.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        secrets = tuple(value for value in form.values() if isinstance(value, Secret) and value)
        return self._exchange(_Request("POST", url, headers, again, insecure, secrets, form))

    def _exchange(self, request: _Request) -> Answer:
        parts = split(request.url)
        host = parts.netloc
        if parts.scheme != "https" and parts.hostname not in LOOPBACK_HOSTS:
            raise Unreachable(f"dagctl sends nothing to {host} in the clear: use an https URL.", host=host)
        began = self._clock.monotonic()
        try:
            with self._waiting(host):
                answer = self._patiently(request)
        except OutOfTime:
            sentence = f"{host} did not finish its answer within {self._limits.total:g} seconds."
            raise Unreachable(sentence, host=host) from None
        except FAILURES as error:
            raise in_our_words(error, host, self._clock.monotonic() - began) from None
        HERE.request_id = answer.request_id
        if 300 <= answer.status < 400:
            raise Refused(f"{answer.where} answers with a redirect, which dagctl does not follow.", host=host)
        return answer

    def _patiently(self, request: _Request) -> Answer:
        """The answer to `request`, retried while that may help and time allows."""
        host, end = request.host, self._clock.monotonic() + self._limits.total
        for usual in (*_PAUSES, math.inf):
            # in each round: during a pause, the connections may have become too old to reuse
            pool, exchange = self._pools.get(request.url, insecure=request.insecure), Exchange()
            outcome: Answer | Exception
            began = self._clock.monotonic()
            try:
                outcome = exchange.bounded(end - began, partial(self._once, pool, request, exchange), host)
                pause = max(usual, outcome.retry_after or 0.0) if outcome.status in request.again else math.inf
            except FAILURES as error:
                outcome, pause = error, _pause(error, request, exchange, usual)
            now = self._clock.monotonic()
            again = now + pause < end  # Retry-After may exceed the caller's time
            if tell := teller(DEBUG):
                then = f"; again in {pause:g} s" if again else ""
                tell(f"http {request.method} {request.where}{_ending(outcome, host, now - began)}{then}")
            if not again:
                break
            self._clock.sleep(pause)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _once(self, pool: urllib3.PoolManager, request: _Request, exchange: Exchange) -> Answer:
        response = pool.request(
            request.method,
            request.url,
            body=request.body(),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # a few compressed bytes could grow to any size
                "User-Agent": f"dagctl/{__version__}",
                **_opened(request.headers),
            },
            timeout=urllib3.Timeout(connect=self._limits.connect, read=self._limits.read),
            retries=False,
            redirect=False,  # the token would go along to another host
            preload_content=False,  # `_content` limits the size
            decode_content=False,
        )
        tell = teller(DEBUG) if exchange.made else None
        shown = self._handshake(response, request) if request.curious or tell else None
        if tell:
            trusted_by = shown.trusted_by if shown else None
            trust = f"verified with {trusted_by}" if trusted_by else f"not verified{self._way_told(request.url)}"
            tell(f"http connected to {request.host}: {shown.version if shown else 'no TLS'}, {trust}")
        try:
            content = _content(response, self._limits.size, request)
        except BaseException:
            response.close()  # the rest of the body is still in the connection
            raise
        response.release_conn()
        date = http_date(response.headers.get("Date"))
        retry_after = _retry_after(response.headers.get("Retry-After", ""), date)
        named = _request_id(response.headers, request.secrets)
        return Answer(response.status, request.where, content, date, retry_after, request.secrets, named, shown)

    def _handshake(self, response: urllib3.BaseHTTPResponse, request: _Request) -> Handshake | None:
        """The handshake, readable only while the answer still holds its connection."""
        wire, parts = getattr(response.connection, "sock", None), split(request.url)
        if parts.scheme != "https" or wire is None:
            return None
        from dagctl.adapters.system.handshake import handshake_of

        return handshake_of(wire, f"{self._trust.described(parts.hostname or '')}{self._way_told(request.url)}")

    def _way_told(self, url: str) -> str:
        proxy, source = self._way(url)
        return f", {'through the proxy from' if proxy else 'without a proxy because of'} {source}" if source else ""


def _ending(outcome: Answer | Exception, host: str, passed: float) -> str:
    """How a try ended, for the log."""
    took = f"{passed * 1000:.0f} ms"
    if isinstance(outcome, Exception):
        error = in_our_words(outcome, host, passed)
        return f" {type(error).__name__} after {took}: {error.message}"
    named = f" request_id={outcome.request_id}" if outcome.request_id else ""
    return f"{named} status={outcome.status} bytes={len(outcome.body)} in {took}"


def _request_id(headers: Mapping[str, str], secrets: Collection[Secret]) -> str:
    """The ID that the platform, or Auth0 for it, gives to a request; none that is odd or repeats a secret."""
    found = headers.get("X-Request-ID") or headers.get("X-Auth0-RequestId") or ""
    repeated = any(found in secret.reveal() or secret.reveal() in found for secret in secrets)
    return found if re.fullmatch(r"[\w.:/+=-]{1,64}", found, re.ASCII) and not repeated else ""


def _pause(error: Exception, request: _Request, exchange: Exchange, usual: float) -> float:
    """Seconds until `request` is retried after `error`; infinite if a retry is useless or unsafe."""
    if isinstance(error, (NewConnectionError, ConnectTimeoutError)):  # nothing was sent yet: once more is enough
        return 0.0 if usual == _PAUSES[0] else math.inf
    if request.method != "GET":
        # RFC 9110 section 9.2.2: the server may have acted. A refresh token that arrives twice ends the session.
        return math.inf
    if not exchange.made and isinstance(error, ReadTimeoutError):  # a connection that died while it was left alone
        return 0.0
    return usual if broken_off(error) else math.inf  # not after a timeout: a slow server gets no second request


def split(url: str) -> SplitResult:
    """The parts of a URL.

    Raises:
        Unreachable: it is not a usable http or https URL.
    """
    try:
        parts = urlsplit(url)
        usable = parts.port != 0 and re.fullmatch(r"[0-9A-Za-z._:%-]+", parts.hostname or "")
    except ValueError:
        usable = None
    if not usable:
        raise Unreachable(f"{printable(url)!r} is not a usable URL.")
    return parts


def _content(response: urllib3.BaseHTTPResponse, size: int, request: _Request) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Malformed(f"{request.where} answers in an unrequested content encoding.", host=request.host)
    content = b""
    # read to the end: only then does urllib3 notice that the body is shorter than Content-Length
    while len(content) <= size and (more := response.read(size + 1 - len(content))):
        content += more
    if len(content) > size:
        del content, more  # a traceback with locals would show them, and they may contain tokens
        raise Malformed(f"{request.where} answers with more than {size >> 10} KiB.", host=request.host)
    return content


def _opened(values: Mapping[str, str | Secret]) -> dict[str, str]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}


def http_date(text: str | None) -> datetime | None:
    """The time in a header (RFC 9110 section 5.6.7), timezone-aware; None if it holds none."""
    try:
        value = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)


def _retry_after(text: str, date: datetime | None) -> float | None:
    """Seconds to wait, from a number or from a time by the server's own clock; None if it is neither, or past."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        seconds = float(text)
    else:
        until = http_date(text)
        seconds = (until - date).total_seconds() if until and date else 0.0
    return seconds if seconds > 0 else None
