"""urllib3's connections: one pool for each origin and process, and a way to cut them when time is up."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError

from dagctl.adapters.http.proxies import Way
from dagctl.adapters.http.trust import Trust, unverified
from dagctl.adapters.system.deadline import OutOfTime, within
from dagctl.adapters.system.dialling import addresses, dialled
from dagctl.domain.errors import Unreachable
from dagctl.ports.clock import Clock

T = TypeVar("T")

IDLE = timedelta(seconds=20)
"""A connection that was idle for longer is not reused: a router or proxy on the way may have dropped it."""


class Exchange:
    """One attempt at a request.

    Attributes:
        used: its connections, which are cut when time is up.
        made: it opened a new connection instead of reusing one.
    """

    def __init__(self) -> None:
        self.used: list[HTTPConnection] = []
        self.made = False

    def bounded(self, seconds: float, do: Callable[[], T], host: str) -> T:
        """Run `do` for at most `seconds`; return or raise what it does.

        A socket's timeout restarts with every byte, and no socket timeout covers name resolution. When time is up,
        this cuts the connections, which also ends the thread.

        Raises:
            OutOfTime: time is up.
        """

        def work() -> T:
            _HERE.exchange = self  # of the thread that `within` starts
            return do()

        try:
            return within(seconds, work, f"to {host}")
        except OutOfTime:
            for connection in self.used:
                _cut(connection.sock)
            raise


_HERE = threading.local()
"""`exchange` is the current thread's."""


def _cut(wire: object) -> None:
    wire = getattr(wire, "socket", wire)  # urllib3's TLS within TLS, through an https proxy, wraps one
    if isinstance(wire, socket.socket):
        with suppress(OSError):
            # an SSLSocket's own shutdown would drop the TLS state that the other thread is using
            socket.socket.shutdown(wire, socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        try:
            places = addresses(self._dns_host.strip("[]"), self.port)  # urllib3 keeps the brackets of IPv6
            return dialled(places, cast("float", self.timeout), self.socket_options or ())
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, cast("socket.gaierror", error)) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no address answers") from error
        except OSError as error:
            raise NewConnectionError(self, "no address can be reached") from error

    # urllib3 does not say which of its pool's connections it uses, so the connection itself notes that here

    def connect(self) -> None:
        _HERE.exchange.made = True
        _HERE.exchange.used.append(self)  # before the TLS handshake: a server can stall there, too
        super().connect()

    def request(self, *args: Any, **options: Any) -> None:
        _HERE.exchange.used.append(self)
        super().request(*args, **options)


class _TlsConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        if self.ssl_context is not None and self.ssl_context.verify_mode is ssl.CERT_NONE:
            self.is_verified = True  # dagctl has already warned, so urllib3 need not


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Pools:
    """The connection pools, each created on first use.

    Args:
        trust: the trusted CAs.
        way: maps a URL to its proxy; see `way_to`.
        clock: for idle times; its wall clock keeps running while a laptop sleeps.
    """

    def __init__(self, trust: Trust, way: Way, clock: Clock) -> None:
        self._trust = trust
        self._way = way
        self._clock = clock
        self._pools: dict[tuple[int, str, bool], tuple[urllib3.PoolManager, datetime]] = {}

    def get(self, url: str, *, insecure: bool) -> urllib3.PoolManager:
        """The pool for `url`. A forked child gets its own: two processes cannot share a TLS connection.

        Raises:
            CertificateRefused: a CA file cannot be used.
            Unreachable: the proxy's address cannot be used.
        """
        parts = urlsplit(url)
        key, now = (os.getpid(), f"{parts.scheme}://{parts.netloc}", insecure), self._clock.now()
        manager, used = self._pools.get(key, (None, now))
        if manager is None or abs(now - used) > IDLE:  # abs: the wall clock may have been set back
            context = unverified() if insecure else self._trust.context(parts.hostname or "")
            manager = self._manager(url, context)
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self._pools[key] = manager, now
        return manager

    def _manager(self, url: str, context: ssl.SSLContext) -> urllib3.PoolManager:
        proxy, _ = self._way(url)
        if proxy is None:
            return urllib3.PoolManager(ssl_context=context)
        try:
            parts = urlsplit(proxy)
            account = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
            return urllib3.ProxyManager(
                proxy,
                proxy_headers=urllib3.make_headers(proxy_basic_auth=account),
                proxy_ssl_context=self._trust.context(parts.hostname or "") if parts.scheme == "https" else None,
                ssl_context=context,
            )
        except (HTTPError, ValueError):
            host = urlsplit(url).netloc
            raise Unreachable(
                f"The proxy on the way to {host} is not an http or https URL.", host=host, proxied=True
            ) from None
