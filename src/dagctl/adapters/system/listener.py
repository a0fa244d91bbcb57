"""An HTTP listener on the loopback interface that accepts one answer and rejects everything else."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Lock, Thread
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from dagctl.adapters.system.page import HEADERS, render
from dagctl.domain.errors import PortTaken
from dagctl.ports.browser import Page, Query

PATH = "/callback"

Reply: TypeAlias = tuple[HTTPStatus, Page]

_IDLE = 15.0
"""Seconds after which a silent connection is closed."""

_ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)

_NOT_HERE = Page(False, "Nothing here", "This address only receives the answer to a sign-in.")
_NOT_SO = Page(False, "Not accepted", "This address only receives the answer to a sign-in, from a browser.")
NOT_THE_ANSWER = Page(
    False,
    "Not the answer",
    "This is not the answer to the sign-in that the terminal is waiting for. It is still waiting.",
    "Open the address that the terminal shows, and finish the sign-in in that window.",
)


@contextmanager
def listening(port: int, answer: Callable[[Query], Reply]) -> Iterator[int]:
    """Listen on 127.0.0.1 and, if there is IPv6, on ::1, and on nothing else (RFC 8252 section 8.3).

    No socket or thread outlives the block.

    Args:
        port: the TCP port; 0 for any free one.
        answer: takes the parameters of a GET of `PATH`, none of them repeated, and returns the reply. It runs in a
            thread for each request, and may block.

    Yields:
        The port.

    Raises:
        PortTaken: the port is not available on both addresses.
    """
    servers: list[_Server] = []
    with ExitStack() as stack:
        # the redirect URI says "localhost", which a browser may resolve to either address: both need the same port
        for family, address in _ADDRESSES:
            try:
                server = _Server(family, address, servers[0].port if servers else port, answer)
            except OSError as error:
                if family == socket.AF_INET or error.errno not in _NO_IPV6:
                    raise _taken(port, address, error) from None
            else:
                stack.callback(server.stop)
                servers.append(server)
        for server in servers:
            server.start()
        yield servers[0].port


def parameters(query: str) -> Query | None:
    """A query's parameters; None if one is repeated (RFC 6749 section 3.1)."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=32)
    except ValueError:
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    server: _Server

    def do_GET(self) -> None:
        self.server.heard(self.connection)
        path, _, query = self.requestline.split()[1].partition("?")  # in self.path, slashes are collapsed
        if not self._is_for_us():
            self._reply(HTTPStatus.BAD_REQUEST, _NOT_HERE)
        elif path != PATH:
            self._reply(HTTPStatus.NOT_FOUND, _NOT_HERE)
        elif (found := parameters(query)) is None:
            self._reply(HTTPStatus.BAD_REQUEST, NOT_THE_ANSWER)
        else:
            self._reply(*self.server.answer(found))

    def _is_for_us(self) -> bool:
        """Whether the request names this listener: another site may point its own name here (DNS rebinding)."""
        hosts = self.headers.get_all("Host", [])
        return len(hosts) == 1 and hosts[0].lower() in self.server.names

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Reject what is not even a GET: the parent class calls this for whatever it cannot handle."""
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:  # the parent's answer to every method except GET
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._reply(status, _NOT_SO)

    def _reply(self, status: HTTPStatus, page: Page) -> None:
        body = render(page)
        self.close_connection = True  # an idle connection would hold up `stop`
        self.request_version = self.protocol_version  # even for HTTP/0.9, so that there is always a status line
        with suppress(OSError):  # the browser may be gone
            self.send_response_only(status)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            if status is HTTPStatus.METHOD_NOT_ALLOWED:
                self.send_header("Allow", "GET")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """Log nothing: the request line contains the code."""


class _Server(ThreadingHTTPServer):
    """One of the two listeners, with a thread for itself and one for each connection."""

    daemon_threads = False  # so that `server_close` waits for them
    allow_reuse_address = os.name == "posix"  # on Windows it would share the port with another listener
    allow_reuse_port = False
    request_queue_size = 128

    def __init__(self, family: socket.AddressFamily, address: str, port: int, answer: Callable[[Query], Reply]) -> None:
        self.address_family = family
        self.answer = answer
        self._unheard: set[socket.socket] = set()
        self._guard = Lock()
        self._thread = Thread(target=self.serve_forever, args=(0.05,), name="dagctl sign-in", daemon=True)
        super().__init__((address, port), _Handler)
        # the values of Host that match the redirect URI (RFC 8252 section 8.10)
        self.names = {f"localhost:{self.port}", *(("localhost",) if self.port == 80 else ())}

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def server_bind(self) -> None:
        """Bind to this address alone, and skip the parent's reverse DNS lookup."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        if exclusive is not None:  # Windows: otherwise another program could bind the same port and receive the code
            self.socket.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        TCPServer.server_bind(self)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop serving: cut connections without a request, and finish answering the others."""
        if self._thread.ident is not None:  # `shutdown` would block forever if `serve_forever` never ran
            self.shutdown()
            self._thread.join()
        with self._guard:
            for connection in self._unheard:  # browsers open spare connections and keep them idle
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()  # waits for the threads that are still sending a page

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._unheard.add(request)
        super().process_request(request, client_address)

    def heard(self, request: Any) -> None:
        """Note that a connection has sent its request, or is gone."""
        with self._guard:
            self._unheard.discard(request)

    def close_request(self, request: Any) -> None:
        self.heard(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore it: a broken connection needs no report."""


def _taken(port: int, address: str, error: OSError) -> PortTaken:
    if error.errno == errno.EADDRINUSE:
        why = "is in use by another program"
    else:
        why = f"is not available: {os.strerror(error.errno or 0)}"
    return PortTaken(f"Port {port} on {address}, which receives the answer to the sign-in, {why}.", port=port)
