"""The part of PostgreSQL's protocol 3.0 that a proxy needs before it relays (PostgreSQL manual, chapter 54)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import cast

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
PROTOCOL_3 = 3
STARTUP_LIMIT = 10_000
MESSAGE_LIMIT = 65_536
BUFFER_LIMIT = 1_048_576


class ClosedError(Exception):
    """The other side closed the connection."""


class Channel(asyncio.Protocol):
    """One side of a proxied connection: read message by message at first, then joined to the other side.

    A joined side passes on what arrives at once. A side that cannot take more stops the other from reading.

    Args:
        begin: called with this channel once it is connected.
    """

    transport: asyncio.Transport

    def __init__(self, begin: Callable[[Channel], object] | None = None) -> None:
        self.peer: Channel | None = None
        self._begin = begin
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._begin is not None:  # once: after start_tls, asyncio does not call this method again
            self._begin(self)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            self.peer.transport.write(data)
        elif len(self._buffer) + len(data) > BUFFER_LIMIT:
            self.transport.abort()  # no client sends that much before it has logged in
        else:
            self._buffer += data
            self._arrived.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self._arrived.set()
        if self.peer is not None:
            self.peer.transport.close()

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.resume_reading()

    def abort(self) -> None:
        """Close at once; asyncio before Python 3.11.3 cannot do so twice where there is TLS."""
        if not self.closed:
            self.transport.abort()

    @property
    def unread(self) -> int:
        """How many bytes have arrived unread."""
        return len(self._buffer)

    async def read(self, count: int) -> bytes:
        """The next `count` bytes.

        Raises:
            ClosedError: they will not come.
        """
        while len(self._buffer) < count:
            if self.closed:
                raise ClosedError
            self._arrived.clear()
            await self._arrived.wait()
        piece = bytes(self._buffer[:count])
        del self._buffer[:count]
        return piece

    async def startup(self) -> tuple[int, bytes]:
        """The next message of the start-up phase: its code, and the rest of it."""
        length, code = struct.unpack("!II", await self.read(8))
        if not 8 <= length <= STARTUP_LIMIT:
            raise ClosedError
        return code, await self.read(length - 8)

    async def message(self) -> tuple[bytes, bytes]:
        """The next message: its type, and its content."""
        kind, length = struct.unpack("!cI", await self.read(5))
        if not 4 <= length <= MESSAGE_LIMIT:
            raise ClosedError
        return kind, await self.read(length - 4)

    def unread_message(self, kind: bytes, content: bytes) -> None:
        self._buffer[:0] = message(kind, content)

    def send(self, kind: bytes, content: bytes) -> None:
        self.transport.write(message(kind, content))

    def join(self, other: Channel) -> None:
        """Relay from here on."""
        self.peer, other.peer = other, self
        for side, peer in ((self, other), (other, self)):
            if side._buffer:  # such as the AuthenticationOk that `log_in` has put back
                peer.transport.write(bytes(side._buffer))
                side._buffer.clear()
            if side.closed:
                peer.transport.close()


def message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!I", len(content) + 4) + content  # the length counts itself, not the type


def startup_message(parameters: Mapping[str, str]) -> bytes:
    content = b"".join(part.encode() + b"\0" for pair in parameters.items() for part in pair)
    return struct.pack("!II", len(content) + 9, PROTOCOL_3 << 16) + content + b"\0"


def startup_parameters(content: bytes) -> dict[str, str]:
    parts = content.decode("utf-8", "replace").split("\0")
    return {name: value for name, value in zip(parts[::2], parts[1::2], strict=False) if name}


def negotiation(unknown: Sequence[str]) -> bytes:
    """A NegotiateProtocolVersion: 3.0 is the newest version here, and these protocol options are unknown."""
    names = b"".join(name.encode() + b"\0" for name in unknown)
    return message(b"v", struct.pack("!II", PROTOCOL_3 << 16, len(unknown)) + names)


def fatal(sqlstate: str, text: str) -> bytes:
    """An ErrorResponse that ends the connection."""
    fields = {b"S": "FATAL", b"V": "FATAL", b"C": sqlstate, b"M": text}
    return message(b"E", b"".join(key + value.encode() + b"\0" for key, value in fields.items()) + b"\0")
