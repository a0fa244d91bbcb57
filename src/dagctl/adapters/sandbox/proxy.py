"""The PG proxy: TLS, an access token as the password, then a relay to PostgreSQL."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dagctl.adapters.platform_model.model import PlatformModel
from dagctl.adapters.platform_model.observations import PgLogin
from dagctl.adapters.platform_model.refusals import ApiRefusal, Kind
from dagctl.adapters.sandbox.pgwire import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    PROTOCOL_3,
    SSL_REQUEST,
    Channel,
    ClosedError,
    fatal,
    negotiation,
    startup_message,
    startup_parameters,
)
from dagctl.adapters.sandbox.upstream import Upstream, log_in

HANDSHAKE = 15.0
"""Seconds for everything before the relay."""


class RefusedError(Exception):
    """The proxy refuses the client, with an SQLSTATE (PostgreSQL manual, appendix A)."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class PgProxy:
    """Accepts connections for the databases in `upstream` from those whom `platform` admits."""

    def __init__(self, platform: PlatformModel, tls: ssl.SSLContext, upstream: Upstream) -> None:
        self._platform = platform
        self._tls = tls
        self._upstream = upstream
        self._channels: set[Channel] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Channel(self._begin), sock=listener)

    async def stop(self) -> None:
        """Stop accepting, and drop the open connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.drop()

    def drop(self) -> None:
        """Drop every connection, as a restart of the proxy does."""
        for channel in list(self._channels):
            channel.abort()
        self._channels.clear()

    def _begin(self, channel: Channel) -> None:
        self._channels = {known for known in self._channels if not known.closed} | {channel}
        task = asyncio.get_running_loop().create_task(self._serve(channel))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: Channel) -> None:
        try:
            await asyncio.wait_for(self._handshake(client), HANDSHAKE)
        except RefusedError as refused:
            client.transport.write(fatal(refused.sqlstate, str(refused)))
        except (ClosedError, asyncio.TimeoutError, OSError, ssl.SSLError, UnicodeError, struct.error):
            pass  # there is nobody to tell
        finally:
            if client.peer is None:
                client.transport.close()

    async def _handshake(self, client: Channel) -> None:
        secure = False
        while True:
            code, content = await client.startup()
            if code == SSL_REQUEST and not secure:
                await self._secure(client)
                secure = True
            elif code == GSS_REQUEST:
                client.transport.write(b"N")
            elif code == CANCEL_REQUEST:
                return await self._cancel(client, content)
            elif code >> 16 == PROTOCOL_3:
                return await self._enter(client, _negotiated(client, code, startup_parameters(content)), secure)
            else:
                raise RefusedError("08P01", "the proxy speaks protocol 3.0 only")

    async def _secure(self, client: Channel) -> None:
        if client.unread:
            raise ClosedError  # sent in the clear ahead of TLS: CVE-2021-23222
        client.transport.write(b"S")
        upgraded = await asyncio.get_running_loop().start_tls(client.transport, client, self._tls, server_side=True)
        if upgraded is None:
            raise ClosedError
        client.transport = upgraded

    async def _cancel(self, client: Channel, content: bytes) -> None:
        backend = await self._upstream.connect()
        # without a token: the request carries the secret key of the backend that it cancels
        backend.transport.write(struct.pack("!II", 16, CANCEL_REQUEST) + content[:8])
        try:
            with suppress(ClosedError):
                await backend.read(1)  # the server closes once it has taken the request
        finally:
            backend.transport.close()
        client.transport.close()  # which tells the client so

    async def _enter(self, client: Channel, parameters: Mapping[str, str], secure: bool) -> None:
        user, database = parameters.get("user", ""), parameters.get("database", "")
        if not secure:
            self._platform.pg_logins.append(PgLogin(user, database, "cleartext"))
            raise RefusedError("28000", "the proxy takes TLS connections only (sslmode=require)")
        client.send(b"R", struct.pack("!I", 3))  # AuthenticationCleartextPassword
        kind, content = await client.message()
        if kind != b"p":
            raise RefusedError("08P01", "a password message was expected")
        self._check(content.rstrip(b"\0").decode("utf-8", "replace"), user, database)
        await self._relay(client, {**parameters, "user": user, "database": database})

    def _check(self, token: str, user: str, database: str) -> None:
        claims: Mapping[str, Any] = {}
        refusal: RefusedError | None = None
        try:
            claims = self._platform.access_claims(token)
            self._platform.check_database(claims, user, database)
        except ApiRefusal as error:
            refusal = _refused(error)
        now = self._platform.clock.now().timestamp()
        age, left = (now - claims["iat"], claims["exp"] - now) if claims else (None, None)
        self._platform.pg_logins.append(PgLogin(user, database, str(refusal) if refusal else None, age, left))
        if refusal is not None:
            raise refusal

    async def _relay(self, client: Channel, parameters: Mapping[str, str]) -> None:
        if parameters.get("replication", "false") not in ("false", "0", "off", "no"):
            raise RefusedError("28000", "the proxy relays no replication")
        try:
            backend = await self._upstream.connect()
        except OSError:
            raise RefusedError("08001", "the database behind the proxy cannot be reached") from None
        backend.transport.write(startup_message(parameters))
        try:
            await log_in(backend, parameters["user"], self._upstream.password_of(parameters["user"]))
            client.join(backend)
        except ClosedError:
            raise RefusedError("08001", "the database behind the proxy has closed the connection") from None
        finally:
            if backend.peer is None:  # the client may have run out of time, too
                backend.transport.close()


def _refused(error: ApiRefusal) -> RefusedError:
    """A refusal in PostgreSQL's style: no capital at the start, no full stop at the end."""
    if error.kind is Kind.NOT_ACCEPTED:
        return RefusedError("28P01", f"the access token is refused: {error.phrase}")
    return RefusedError("28000", error.phrase)


def _negotiated(client: Channel, code: int, parameters: dict[str, str]) -> dict[str, str]:
    """The client's parameters. A client that asks for more than 3.0 is told to go on with 3.0."""
    options = [name for name in parameters if name.startswith("_pq_.")]
    if options or code & 0xFFFF:
        client.transport.write(negotiation(options))
    return {name: value for name, value in parameters.items() if name not in options}
