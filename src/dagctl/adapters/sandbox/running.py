"""A sandbox that runs in a thread of this process."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from dagctl.adapters.platform_model.grants import Family
from dagctl.adapters.platform_model.model import PlatformModel
from dagctl.adapters.platform_model.observations import Observations
from dagctl.adapters.sandbox.api import api_app
from dagctl.adapters.sandbox.databases import dsn_of, empty, make_databases, tables, upstream_of
from dagctl.adapters.sandbox.issuer import issuer_app
from dagctl.adapters.sandbox.keys import Keys
from dagctl.adapters.sandbox.neighbours import guarded
from dagctl.adapters.sandbox.options import CLIENT_ID, SandboxOptions
from dagctl.adapters.sandbox.postgres import EmbeddedPostgres
from dagctl.adapters.sandbox.proxy import PgProxy
from dagctl.adapters.sandbox.sessions import load_families, save_families
from dagctl.adapters.system.clock import SystemClock
from dagctl.domain.errors import DagctlError, PortTaken
from dagctl.domain.values.platform import Platform, StateProxy

HOST = "localhost"


class Sandbox:
    """A platform that can be started once. The caller holds the lock of its folder (see `lock`).

    Attributes:
        api_url: the management API.
        issuer_host: the issuer's host and port, as `auth0_domain` has it.
        client_id: the client's ID there.
        proxy: the PG proxy's host and port.
        ca_file: the CA that issued its certificates.
        ca_bundle: the system's CAs and this one, for programs that take a single file.
        platform: its rules, which you may change while it runs, and what it has seen.
    """

    platform: PlatformModel

    def __init__(self, options: SandboxOptions, folder: Path) -> None:
        self.options = options
        self.client_id = CLIENT_ID
        self._folder = folder
        self._postgres: EmbeddedPostgres | None = None
        self._loop = asyncio.new_event_loop()
        self._stack = ExitStack()

    def start(self) -> None:
        """Start everything.

        Raises:
            PortTaken: a port is in use; the message names it.
            DagctlError: PostgreSQL does not come up.
        """
        with ExitStack() as stack:
            stack.callback(self._loop.close)
            options = self.options
            ports = {"api": options.api_port, "issuer": options.issuer_port, "proxy": options.proxy_port}
            self._listeners = [stack.enter_context(_bind(port, service)) for service, port in ports.items()]
            self._prepare(stack)
            self._run(stack)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """Stop everything."""
        self._stack.close()

    @property
    def observations(self) -> Observations:
        """What it has seen."""
        return self.platform

    @property
    def proxy(self) -> tuple[str, int]:
        """The PG proxy's host and port."""
        return HOST, self._listeners[2].getsockname()[1]

    def check(self) -> None:
        """Make sure that PostgreSQL still runs.

        Raises:
            DagctlError: it does not; the message names its log.
        """
        if self._postgres is not None and not self._postgres.alive:
            log = self._postgres.log
            raise DagctlError(f"The sandbox's PostgreSQL has ended by itself; its log is {log}.")

    def admin_dsn(self, project: str) -> dict[str, Any]:
        """How to enter a project's database as an administrator, past the proxy, as keywords of libpq."""
        return dsn_of(self._upstream, self.options.database_url, self.options.database_of(project))

    def tables(self, project: str) -> list[tuple[str, int]]:
        """Every table of a project's state database, with its number of rows."""
        return tables(self.admin_dsn(project))

    def reset(self) -> None:
        """Go back to the start: the options' rules, counts at zero, nobody signed in, empty databases."""
        self._rule(())
        for project in self.options.projects:
            empty(self.admin_dsn(project), self.options.role_of(project))

    def drop_connections(self) -> None:
        """Have the PG proxy drop every connection."""

        async def drop() -> None:
            self._pg_proxy.drop()
            await asyncio.sleep(0.1)  # for the transports to notice

        self._do(drop())

    def restart_proxy(self) -> None:
        """Stop the PG proxy and start it again on the same port."""
        with self.proxy_down():
            pass

    @contextmanager
    def proxy_down(self) -> Iterator[None]:
        """Stop the PG proxy for the length of a block: nothing listens on its port."""
        port = self.proxy[1]  # a closed socket does not tell any more

        async def stop() -> None:
            await self._pg_proxy.stop()
            self._listeners[2] = _bound(port, "proxy")  # or another program could get the port meanwhile

        self._do(stop())
        try:
            yield
        finally:
            self._do(self._pg_proxy.start(self._listeners[2]))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _prepare(self, stack: ExitStack) -> None:
        keys = Keys(self._folder)
        self.ca_file, self.ca_bundle = keys.ca_file, keys.ca_bundle
        api_port, issuer_port = (listener.getsockname()[1] for listener in self._listeners[:2])
        self.api_url = f"https://{HOST}:{api_port}"
        self.issuer_host = f"{HOST}:{issuer_port}"
        if self.options.database_url is None:
            self._postgres = EmbeddedPostgres(self._folder)
            stack.callback(self._postgres.stop)
            self._upstream = self._postgres.start()
        else:
            self._upstream = upstream_of(self.options.database_url)
        make_databases(self.options, self._upstream)
        self._signer = keys
        self.platform = PlatformModel.__new__(PlatformModel)
        self._rule(load_families(self._folder / "sessions.json", self.options.people))
        self._servers = [
            _web_server(guarded(api_app(self.platform, StateProxy(*self.proxy)), api_port), keys.certificate_file),
            _web_server(guarded(issuer_app(self.platform, keys.jwks), issuer_port), keys.certificate_file),
        ]
        self._pg_proxy = PgProxy(self.platform, keys.tls(), self._upstream)

    def _rule(self, families: tuple[Family, ...]) -> None:
        """Set the platform to what the options say, in place: the web applications and the proxy hold the object."""
        options, sessions = self.options, self._folder / "sessions.json"
        PlatformModel.__init__(
            self.platform,
            Platform(self.api_url, self.issuer_host, CLIENT_ID),
            clock=SystemClock(),
            signer=self._signer,
            people=options.people,
            tenants=(options.tenant(),),
            redirect_uris=options.redirect_uris,
            access_lifetime=options.access_lifetime,
            id_lifetime=options.id_lifetime,
            rotate=options.rotate,
            device=options.device,
            families=families,
            keep=lambda families: save_families(sessions, families),
        )

    def _run(self, stack: ExitStack) -> None:
        ready: Future[None] = Future()
        thread = Thread(target=self._serve, args=(ready,), name="dagctl sandbox", daemon=True)

        def end() -> None:
            # before uvicorn closes connections itself, which would wait for peers that never say goodbye
            self._loop.call_soon_threadsafe(self._abort)
            for server in self._servers:
                server.should_exit = server.force_exit = True
            thread.join(10)

        thread.start()
        stack.callback(end)
        ready.result(30)

    def _abort(self) -> None:
        """Abort every connection, also one in the middle of a TLS handshake, which uvicorn does not know yet."""
        # a private attribute of selector event loops: asyncio has no public list of a loop's transports
        for transport in list(getattr(self._loop, "_transports", {}).values()):
            transport.abort()

    def _serve(self, ready: Future[None]) -> None:
        async def serve() -> None:
            await self._pg_proxy.start(self._listeners[2])
            tasks = [
                asyncio.ensure_future(server.serve(sockets=[listener]))
                for server, listener in zip(self._servers, self._listeners[:2], strict=True)
            ]
            while not all(server.started for server in self._servers) and not any(task.done() for task in tasks):
                await asyncio.sleep(0.005)
            ready.set_result(None)
            await asyncio.gather(*tasks)
            await self._pg_proxy.stop()
            self._abort()
            await asyncio.sleep(0.02)  # for the transports to notice

        try:
            self._loop.run_until_complete(serve())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)  # `_run` raises it


def _web_server(app: ASGIApp, certificate: Path) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            ssl_certfile=str(certificate),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


def _bind(port: int, service: str) -> socket.socket:
    """A listening socket on the loopback interface."""
    listener = _bound(port, service)
    listener.listen(256)
    return listener


def _bound(port: int, service: str) -> socket.socket:
    """A socket that has a port of the loopback interface, and refuses connections until it listens."""
    # asyncio sets TCP_NODELAY on what is accepted only where the protocol is given
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        trouble = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
        reason = f"Port {port} on the loopback interface {trouble}."
        raise PortTaken(reason, port=port, service=service) from None
    return bound
