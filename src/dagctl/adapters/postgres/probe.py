"""The real `StateProbe`: sockets as far as TLS goes, psycopg2 for logging in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread
from typing import TypeVar

from dagctl.adapters.postgres.libpq import SETTINGS, VERIFYING, explained, keywords, own_root_certificates, trusting
from dagctl.adapters.postgres.wire import connected, handshake
from dagctl.domain.errors import MissingExtra, Unreachable
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.state import StateCredentials

T = TypeVar("T")


class PostgresProbe:
    """Tries the way to a state database from this machine.

    Args:
        loopback_ca: the CA of a platform on this machine.
        environ: the environment variables to heed.
        timeout: seconds that each step may take.
    """

    def __init__(self, loopback_ca: Path, environ: Mapping[str, str], *, timeout: float = 10.0) -> None:
        self._loopback_ca = loopback_ca
        self._environ = environ
        self._timeout = timeout

    def trusting(self, credentials: StateCredentials, *, chosen: bool) -> StateCredentials:
        """`credentials` as a state connection of this machine has them."""
        return trusting(credentials, chosen=chosen, loopback_ca=self._loopback_ca, environ=self._environ)

    def reach(self, credentials: StateCredentials) -> None:
        """Open a TCP connection."""

        def reach() -> None:
            with connected(credentials, self._timeout / 2):
                pass

        self._within(reach, credentials)

    def secure(self, credentials: StateCredentials) -> Handshake | None:
        """Do the TLS handshake that libpq would do."""
        if credentials.sslmode == "disable":
            return None
        root = self._root(credentials)
        return self._within(lambda: handshake(credentials, root, self._timeout / 2), credentials)

    def enter(self, credentials: StateCredentials) -> None:
        """Log in as a state connection does, and ask `select 1`."""
        try:
            import psycopg2
        except ModuleNotFoundError:
            raise MissingExtra(
                "Logging in needs psycopg2, which is not installed here.", hint="Run: pip install 'dagctl[sqlmesh]'"
            ) from None

        def enter() -> None:
            try:
                connection = psycopg2.connect(**{**SETTINGS, **keywords(credentials)})
                try:
                    connection.cursor().execute("select 1")
                finally:
                    connection.close()
            except psycopg2.Error as error:
                raise explained(str(error), credentials) from None

        self._within(enter, credentials)

    def _root(self, credentials: StateCredentials) -> str | None:
        """What libpq verifies the proxy with: under `require` too, where it finds root certificates."""
        own = own_root_certificates()
        root = credentials.sslrootcert or self._environ.get("PGSSLROOTCERT") or (str(own) if own.exists() else None)
        there = root is not None and Path(root).exists()
        return root if credentials.sslmode in VERIFYING or (credentials.sslmode == "require" and there) else None

    def _within(self, do: Callable[[], T], credentials: StateCredentials) -> T:
        """What `do` returns or raises, but no later than in the time that a step has; Ctrl-C works meanwhile.

        Neither looking a name up nor libpq lets itself be interrupted, so `do` has a thread, which is left alone
        when its time is up.
        """
        result: Future[T] = Future()

        def work() -> None:
            try:
                result.set_result(do())
            except BaseException as error:  # noqa: BLE001 - handed over to the caller's thread
                result.set_exception(error)

        Thread(target=work, name="dagctl probe", daemon=True).start()
        if not wait([result], self._timeout).done:
            place = f"{credentials.host}:{credentials.port}"
            raise Unreachable(
                f"The state database's proxy {place} did not answer within {self._timeout:g} seconds.",
                hint="Is the network up, and the port open to you?",
            )
        return result.result()
