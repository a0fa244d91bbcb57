"""The real PostgreSQL behind the proxy: how to reach it and how to log in."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from dagctl.adapters.sandbox.pgwire import Channel, ClosedError


@frozen
class Upstream:
    """A PostgreSQL server.

    Attributes:
        host: a host name, or the folder of its Unix socket.
        secret: the projects' passwords are derived from it; None if the server asks for no password.
    """

    host: str
    port: int
    secret: bytes | None = field(default=None, repr=False)

    async def connect(self) -> Channel:
        """A new connection."""
        loop = asyncio.get_running_loop()
        if self.host.startswith("/"):
            path = str(Path(self.host) / f".s.PGSQL.{self.port}")
            return (await loop.create_unix_connection(Channel, path))[1]
        return (await loop.create_connection(Channel, self.host, self.port))[1]

    def password_of(self, role: str) -> str:
        """The password of a project's role."""
        if self.secret is None:
            return ""
        return hmac.new(self.secret, role.encode(), hashlib.sha256).hexdigest()


async def log_in(backend: Channel, user: str, password: str) -> None:
    """Answer the server until it lets us in or says why not. That message, and all after it, are left for the relay.

    Raises:
        ClosedError: it does not.
    """
    scram: _Scram | None = None
    while True:
        kind, content = await backend.message()
        if kind == b"E":
            return backend.unread_message(kind, content)  # the server's own words for it
        if kind != b"R":
            raise ClosedError
        (method,) = struct.unpack("!I", content[:4])
        if method == 0:
            return backend.unread_message(kind, content)
        if method == 3:
            backend.send(b"p", password.encode() + b"\0")
        elif method == 5:
            backend.send(b"p", _md5(user, password, content[4:8]) + b"\0")
        elif method == 10:
            scram = _Scram(user, password)
            first = scram.first()
            backend.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
        elif method == 11 and scram is not None:
            backend.send(b"p", scram.final(content[4:]))
        elif method == 12 and scram is not None:
            scram.verify(content[4:])
        else:
            raise ClosedError


def _md5(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()


class _Scram:
    """The client's side of SCRAM-SHA-256 (RFC 7677).

    Raises:
        ClosedError: the server does not keep to it, or does not know the password itself.
    """

    def __init__(self, user: str, password: str) -> None:
        from scramp import ScramClient

        self._client = ScramClient(["SCRAM-SHA-256"], user, password)

    def first(self) -> bytes:
        return str(self._client.get_client_first()).encode()

    def final(self, server_first: bytes) -> bytes:
        with self._in_order():
            self._client.set_server_first(server_first.decode())
        return str(self._client.get_client_final()).encode()

    def verify(self, server_final: bytes) -> None:
        with self._in_order():
            self._client.set_server_final(server_final.decode())

    @contextmanager
    def _in_order(self) -> Iterator[None]:
        from scramp import ScramException

        try:
            yield
        except (ScramException, UnicodeError):
            raise ClosedError from None
