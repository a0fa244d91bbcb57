"""A TCP connection to whichever address of a host answers first (RFC 8305, "Happy Eyeballs").

The available libraries need asyncio, which does not belong in a thread of somebody else's program.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, zip_longest
from time import monotonic
from typing import Any, cast

HEAD_START = 0.25
"""Seconds before the next address is tried in parallel (section 8)."""

Address = tuple[Any, ...]
"""As `socket.getaddrinfo` returns it."""


def addresses(host: str, port: int) -> list[Address]:
    """The addresses of a host in the system's order, but with the two families interleaved (section 4).

    Raises:
        socket.gaierror: the name does not resolve.
        UnicodeError: `host` is not a valid host name.
    """
    found = list(dict.fromkeys(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    first = [address for address in found if address[0] == found[0][0]]
    others = [address for address in found if address[0] != found[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first, others)) if address is not None]


def dialled(
    places: list[Address], timeout: float, options: Iterable[tuple[int, int, int | bytes]] = ()
) -> socket.socket:
    """The first connection to succeed; `timeout` is its socket timeout, too.

    Args:
        places: the addresses, in the order to try them.
        timeout: seconds for all of them together.
        options: socket options (`socket.setsockopt`).

    Raises:
        TimeoutError: none succeeds in time.
        OSError: all fail.
    """
    end, waiting, why = monotonic() + timeout, list(places), OSError(errno.EADDRNOTAVAIL, "no address")
    with selectors.DefaultSelector() as under_way:
        try:
            while waiting or under_way.get_map():
                try:
                    if waiting:
                        under_way.register(_begun(waiting.pop(0), options), selectors.EVENT_WRITE)
                    wire = _ready(under_way, min(end, monotonic() + HEAD_START) if waiting else end)
                except OSError as error:
                    why = error
                    continue
                if wire is not None:
                    wire.settimeout(timeout)
                    return wire
                if monotonic() >= end:
                    raise TimeoutError
            raise why
        finally:
            for key in list(under_way.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]


def _begun(address: Address, options: Iterable[tuple[int, int, int | bytes]]) -> socket.socket:
    family, kind, protocol, _, where = address
    made = socket.socket(family, kind, protocol)
    try:
        for option in options:
            made.setsockopt(*option)
        made.setblocking(False)
        with suppress(BlockingIOError):  # EINPROGRESS, or WSAEWOULDBLOCK: `_ready` sees how it ends
            made.connect(where)
    except BaseException:
        made.close()
        raise
    return made


def _ready(under_way: selectors.BaseSelector, until: float) -> socket.socket | None:
    """A connection that succeeded; None when time is up.

    Raises:
        OSError: one failed. It is not under way any more.
    """
    for key, _ in under_way.select(max(0.0, until - monotonic())):
        wire = cast("socket.socket", key.fileobj)
        under_way.unregister(wire)
        code = wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not code:
            return wire
        wire.close()
        raise OSError(code, os.strerror(code))
    return None
