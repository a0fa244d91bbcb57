"""The real PostgreSQL behind the proxy: how to reach it and how to log in."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import struct
from pathlib import Path
from typing import Any

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
        loop = asyncio.get_running_loop()
        if self.host.startswith("/"):
            path = str(Path(self.host) / f".s.PGSQL.{self.port}")
            return (await loop.create_unix_connection(Channel, path))[1]
        return (await loop.create_connection(Channel, self.host, self.port))[1]

    def password_of(self, role: str) -> str:
        if self.secret is None:
            return ""
        return hmac.new(self.secret, role.encode(), hashlib.sha256).hexdigest()


async def log_in(backend: Channel, user: str, password: str) -> None:
    """Answer the server until it lets us in or says why not. That message, and all after it, are left for the relay.

    Raises:
        ClosedError: it does not, or it breaks SCRAM-SHA-256 (RFC 7677), or it does not know the password itself.
    """
    from scramp import ScramException

    try:
        await _answer(backend, user, password)
    except (ScramException, UnicodeError):
        raise ClosedError from None


async def _answer(backend: Channel, user: str, password: str) -> None:
    from scramp import ScramClient

    scram: Any = None
    while True:
        kind, content = await backend.message()
        if kind == b"E":
            return backend.unread_message(kind, content)  # the server's own words for it
        if kind != b"R":
            raise ClosedError
        (method,) = struct.unpack("!I", content[:4])
        if method == 0:  # AuthenticationOk
            return backend.unread_message(kind, content)
        if method == 3:  # AuthenticationCleartextPassword
            backend.send(b"p", password.encode() + b"\0")
        elif method == 5:  # AuthenticationMD5Password, with a salt
            backend.send(b"p", _md5(user, password, content[4:8]) + b"\0")
        elif method == 10:  # AuthenticationSASL
            scram = ScramClient(["SCRAM-SHA-256"], user, password)
            first = scram.get_client_first().encode()
            backend.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
        elif method == 11 and scram is not None:  # AuthenticationSASLContinue
            scram.set_server_first(content[4:].decode())
            backend.send(b"p", scram.get_client_final().encode())
        elif method == 12 and scram is not None:  # AuthenticationSASLFinal
            scram.set_server_final(content[4:].decode())
        else:
            raise ClosedError


def _md5(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()
