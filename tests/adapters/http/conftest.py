"""A far side that answers as it is told, over real sockets and real TLS, and the client's adapters before it."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from attrs import define, field, frozen

from dagctl.adapters.http.api import HttpApiGateway
from dagctl.adapters.http.identity import HttpIdentityProvider
from dagctl.adapters.http.transport import Limits, Transport
from dagctl.adapters.http.trust import Trust
from dagctl.adapters.memory.clock import FixedClock
from dagctl.domain.values.platform import ApiAccess, Platform
from dagctl.domain.values.secret import Secret

if TYPE_CHECKING:
    import trustme

PATIENCE = 20.0
"""Seconds after which something that should have happened has not; nothing waits for as long when all is well."""

SECRETS = {
    "id token": "secret-id-token",
    "code": "secret-code",
    "verifier": "secret-verifier",
    "refresh token": "secret-refresh-token",
    "device code": "secret-device-code",
}
"""As the wire shows them."""

HIDDEN = {name: Secret(text) for name, text in SECRETS.items()}
"""As the client has them."""


@frozen
class Seen:
    """A request as it came in; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str


Script = Callable[[socket.socket, Seen], None]
"""What a far side does once it has read a request. It ends the connection by an OSError."""


def reply(status: int = 200, body: object = b"", **headers: str) -> Script:
    """Answer properly; a `body` that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return send("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def send(data: bytes, *, then: Callable[[socket.socket], None] = lambda wire: None) -> Script:
    """Answer with `data` as it stands."""

    def script(wire: socket.socket, seen: Seen) -> None:
        wire.sendall(data)
        then(wire)

    return script


def hang_up(wire: socket.socket) -> None:
    """End the connection in good order."""
    raise OSError("done")


def reset(wire: socket.socket) -> None:
    """End the connection with a TCP reset."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise OSError("done")


def until_cut(wire: socket.socket) -> None:
    """Say nothing until the client goes away."""
    while wire.recv(1024):
        pass
    hang_up(wire)


def tunnel(far: FarSide) -> Script:
    """Be an HTTP proxy (RFC 9110 section 9.3.6) whose every tunnel ends at `far`, whatever name was asked for."""

    def script(wire: socket.socket, seen: Seen) -> None:
        if seen.method != "CONNECT":
            return reply(405)(wire, seen)
        with socket.create_connection(("127.0.0.1", far.port), timeout=PATIENCE) as onward:
            wire.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = Thread(target=_pump, args=(onward, wire), daemon=True)
            back.start()
            _pump(wire, onward)
            back.join(PATIENCE)
        return hang_up(wire)

    return script


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def new_ca() -> trustme.CA:
    """A CA that nobody knows yet."""
    import trustme

    return trustme.CA()


@define
class FarSide:
    """A server on the loopback interface.

    Attributes:
        script: what it does with the next requests.
        seen: the requests so far.
        connections: how many there have been.
    """

    context: ssl.SSLContext | None = None
    script: Script = field(factory=reply)
    seen: list[Seen] = field(factory=list)
    connections: int = 0
    wires: list[socket.socket] = field(factory=list)
    threads: list[Thread] = field(factory=list)
    listener: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://{self.host}"

    def __enter__(self) -> FarSide:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for wire in self.wires:
            with suppress(OSError):
                socket.socket.shutdown(wire, socket.SHUT_RDWR)
        self.all_over()

    def all_over(self) -> None:
        """Wait for what is being served to end; the listener goes on if it still listens."""
        for thread in self.threads[0 if self.listener.fileno() < 0 else 1 :]:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a connection has not ended"

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = Thread(target=work, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                wire, _ = self.listener.accept()
                self.connections += 1
                self._start(self._serve, wire)

    def _serve(self, wire: socket.socket) -> None:
        with suppress(OSError), ExitStack() as stack:
            stack.enter_context(wire)
            wire.settimeout(PATIENCE)
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                wire = stack.enter_context(self.context.wrap_socket(wire, server_side=True))
            self.wires.append(wire)
            while True:
                seen = _request(wire)
                self.seen.append(seen)
                self.script(wire, seen)


def _request(wire: socket.socket) -> Seen:
    data = b""
    while b"\r\n\r\n" not in data:
        more = wire.recv(65536)
        if not more:
            raise OSError("the client has gone")
        data += more
        if not data[:1].isalpha():
            wire.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            raise OSError("that was no HTTP")
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += wire.recv(65536)
    method, target, _ = first.split(" ")
    return Seen(method, target, headers, body.decode())


class World:
    """The adapters, and how to wire them differently.

    Attributes:
        ca: the CA that vouches for localhost here; its certificate is in `ca_file`.
    """

    def __init__(self, ca: trustme.CA, ca_file: Path, stack: ExitStack) -> None:
        self.ca = ca
        self.ca_file = ca_file
        self.clock = FixedClock()
        self._stack = stack

    def server_context(self, *names: str) -> ssl.SSLContext:
        """TLS for a server that goes by `names`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("localhost",))).configure_cert(context)
        return context

    def serve(self, script: Script | None = None, *, tls: ssl.SSLContext | bool = True) -> FarSide:
        """A far side, until the test ends."""
        context = self.server_context() if tls is True else (tls or None)
        return self._stack.enter_context(FarSide(context, script or reply()))

    def proxy(self, far: FarSide) -> FarSide:
        """A proxy that leads to `far` alone, until the test ends."""
        return self.serve(tunnel(far), tls=False)

    def transport(
        self,
        *,
        trust: Trust | None = None,
        limits: Limits | None = None,
        proxy: Callable[[str], str | None] = lambda url: None,
        waiting: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> Transport:
        """A transport that trusts the CA here, is patient, and has the clock here."""
        patient = Limits(connect=PATIENCE, read=PATIENCE, total=2 * PATIENCE)
        return Transport(
            trust or Trust(self.ca_file),
            way=lambda url: (proxy(url), ""),
            limits=limits or patient,
            clock=self.clock,
            waiting=waiting,
        )

    def api(self, transport: Transport | None = None, *, insecure: bool = False) -> HttpApiGateway:
        return HttpApiGateway(transport or self.transport(), insecure=insecure)

    def identity(self, transport: Transport | None = None, *, insecure: bool = False) -> HttpIdentityProvider:
        return HttpIdentityProvider(transport or self.transport(), self.clock, insecure=insecure)


@pytest.fixture
def world(certificate_authority: trustme.CA, tmp_path: Path) -> Iterator[World]:
    """The adapters, before servers that vanish with the test."""
    with world_of(certificate_authority, tmp_path) as world:
        yield world


@contextmanager
def world_of(authority: trustme.CA, folder: Path) -> Iterator[World]:
    """Servers with certificates of `authority`, whose own is put into `folder`; they end with the block."""
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with ExitStack() as stack:
        yield World(authority, ca_file, stack)


@pytest.fixture
def far(world: World) -> FarSide:
    """A far side over TLS, as localhost."""
    return world.serve()


@pytest.fixture
def place(far: FarSide) -> Platform:
    """The platform that is wholly on the far side."""
    return Platform(far.url, far.host, "the-client")


@pytest.fixture
def access(far: FarSide) -> ApiAccess:
    """What calls to the far side's API carry."""
    return ApiAccess(far.url, SECRETS["id token"], "org_1")
