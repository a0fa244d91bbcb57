"""urllib3's connections: one pool for an origin and process, and a hold on them for when time is up."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from threading import local
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from dagctl.adapters.http.trust import Trust, unverified
from dagctl.adapters.system.deadline import OutOfTime, within
from dagctl.domain.errors import Unreachable

T = TypeVar("T")


class _Exchange(local):
    """The connections that this thread's exchange has used."""

    def __init__(self) -> None:
        self.used: list[HTTPConnection] = []


_EXCHANGE = _Exchange()


class _Connection(HTTPConnection):
    def connect(self) -> None:
        _EXCHANGE.used.append(self)
        super().connect()

    def request(self, *args: Any, **options: Any) -> None:
        _EXCHANGE.used.append(self)
        super().request(*args, **options)


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        _EXCHANGE.used.append(self)
        super().connect()
        if self.ssl_context is not None and self.ssl_context.verify_mode is ssl.CERT_NONE:
            self.is_verified = True  # whoever asked for that has been told; urllib3 need not warn as well

    def request(self, *args: Any, **options: Any) -> None:
        _EXCHANGE.used.append(self)
        super().request(*args, **options)


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Pools:
    """The connection pools, each made when it is first needed.

    Args:
        trust: which CAs.
        proxy: says which proxy to take for a URL.
    """

    def __init__(self, trust: Trust, proxy: Callable[[str], str | None]) -> None:
        self._trust = trust
        self._proxy = proxy
        self._pools: dict[tuple[int, str, bool], urllib3.PoolManager] = {}

    def get(self, url: str, *, insecure: bool) -> urllib3.PoolManager:
        """The pool for `url`. A forked child has its own: two processes cannot share one TLS connection.

        Raises:
            CertificateRefused: a CA file cannot be used.
            Unreachable: the proxy's address cannot be used.
        """
        parts = urlsplit(url)
        key = (os.getpid(), f"{parts.scheme}://{parts.netloc}", insecure)
        if key not in self._pools:
            context = unverified() if insecure else self._trust.context(parts.hostname or "")
            manager = self._manager(url, context)
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
            self._pools[key] = manager
        return self._pools[key]

    def trusted_by(self, url: str) -> str:
        """What verifies the certificate of a URL's host, for people."""
        return self._trust.described(urlsplit(url).hostname or "")

    def _manager(self, url: str, context: ssl.SSLContext) -> urllib3.PoolManager:
        proxy = self._proxy(url)
        if proxy is None:
            return urllib3.PoolManager(ssl_context=context)
        try:
            return self._through(proxy, context)
        except (HTTPError, ValueError):
            host = urlsplit(url).netloc
            raise Unreachable(
                f"The proxy on the way to {host} is not an http or https URL.", host=host, proxied=True
            ) from None

    def _through(self, proxy: str, context: ssl.SSLContext) -> urllib3.ProxyManager:
        parts = urlsplit(proxy)
        account = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
        return urllib3.ProxyManager(
            proxy,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=account),
            proxy_ssl_context=self._trust.context(parts.hostname or "") if parts.scheme == "https" else None,
            ssl_context=context,
        )


def bounded(seconds: float, do: Callable[[], T], host: str) -> T:
    """What `do` returns or raises, but no later than in `seconds`.

    A socket's time-outs begin anew with every byte, and none covers the look-up of a name. When time is up, the
    exchange's connections are cut, which ends its thread too.

    Raises:
        Unreachable: time is up.
    """
    used: list[HTTPConnection] = []

    def exchange() -> T:
        _EXCHANGE.used = used
        return do()

    try:
        return within(seconds, exchange, f"to {host}")
    except OutOfTime:
        _cut(used)
        raise Unreachable(f"{host} did not finish its answer within {seconds:g} seconds.", host=host) from None


def _cut(connections: list[HTTPConnection]) -> None:
    for connection in connections:
        wire = connection.sock
        if isinstance(wire, socket.socket):
            with suppress(OSError):
                # not an SSLSocket's own shutdown, which takes its TLS state from under the other thread
                socket.socket.shutdown(wire, socket.SHUT_RDWR)
