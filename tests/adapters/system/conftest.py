"""A sign-in that listens on a real port, and raw access to it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from attrs import frozen

from dagctl.adapters.system.loopback import LoopbackBrowser
from dagctl.ports.browser import Query, Visit

PATIENCE = 20.0
"""Seconds after which something that should have happened has not; nothing waits for as long when all is well."""


@frozen
class Response:
    """What a listener answered."""

    status: int
    headers: dict[str, str]
    text: str


@frozen
class SignIn:
    """A visit, and the ways to knock at its door."""

    visit: Visit
    port: int

    def get(self, target: str, *, method: str = "GET", address: str = "127.0.0.1", host: str | None = None) -> Response:
        """What a browser gets for `target`."""
        connection = HTTPConnection(address, self.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, target, skip_host=True)
            connection.putheader("Host", host or f"localhost:{self.port}")
            connection.endheaders()
            return _read(connection.getresponse())
        finally:
            connection.close()

    def answer(self, **more: str) -> Response:
        """What a browser gets that comes back from the issuer."""
        return self.get("/callback?code=the-code&state=good" + "".join(f"&{k}={v}" for k, v in more.items()))

    def connect(self, address: str = "127.0.0.1") -> socket.socket:
        """A connection that says nothing yet."""
        return socket.create_connection((address, self.port), timeout=PATIENCE)

    def say(self, data: bytes) -> bytes:
        """All that is answered to `data`; what a connection that was reset had to say counts too."""
        received = b""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionError:
                pass
        return received


def _read(response: HTTPResponse) -> Response:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Response(response.status, headers, response.read().decode())


def accept(query: Query) -> bool:
    """As the domain does it: the state decides."""
    return query.get("state") == "good"


@pytest.fixture
def announced() -> list[str]:
    """What the person has been told."""
    return []


@pytest.fixture
def loopback(announced: list[str]) -> Callable[..., LoopbackBrowser]:
    """Make a `LoopbackBrowser` on any port, with an opener that claims to have worked."""

    def make(**options: object) -> LoopbackBrowser:
        given: dict[str, object] = {"port": 0, "opener": lambda url: True, "announce": announced.append}
        return LoopbackBrowser(**{**given, **options})  # type: ignore[arg-type]

    return make


@pytest.fixture
def sign_in(loopback: Callable[..., LoopbackBrowser]) -> Iterator[SignIn]:
    """A sign-in that waits for an answer with the state `good`."""
    with loopback().listen(accept) as visit:
        yield SignIn(visit, port_of(visit))


def port_of(visit: Visit) -> int:
    """The port in the redirect URI."""
    return int(visit.redirect_uri.split(":")[2].split("/")[0])


@pytest.fixture
def begin(loopback: Callable[..., LoopbackBrowser]) -> Callable[[Visit], SignIn]:
    """Make a `SignIn` of a visit that the test has begun itself."""
    return lambda visit: SignIn(visit, port_of(visit))


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test leaves the threads and sockets that it found."""
    threads, sockets = set(threading.enumerate()), _sockets()
    yield
    left = [thread for thread in threading.enumerate() if thread not in threads]
    assert [thread.name for thread in left if thread.is_alive()] == []
    assert _sockets() - sockets == set()


def _sockets() -> set[str]:
    """This process's open sockets, where the system tells."""
    folder = Path("/proc/self/fd")
    found = set()
    for descriptor in folder.iterdir() if folder.is_dir() else ():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found
