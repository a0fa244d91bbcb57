"""The real `StateProbe`: sockets as far as TLS goes, psycopg2 for logging in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from dagctl.adapters.postgres.libpq import explained, keywords
from dagctl.adapters.postgres.trust import VERIFYING, own_root_certificates
from dagctl.adapters.postgres.wire import connected, negotiated
from dagctl.adapters.system.deadline import OutOfTime, within
from dagctl.domain.errors import MissingExtra, Unreachable
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.ports.state_probe import StateProbe

T = TypeVar("T")


class PostgresProbe(StateProbe):
    """Tries the way to a state database from this machine.

    Args:
        environ: the environment variables to heed.
        timeout: seconds that each step may take.
    """

    def __init__(self, environ: Mapping[str, str], *, timeout: float = 10.0) -> None:
        self._environ = environ
        self._timeout = timeout

    def reach(self, endpoint: StateEndpoint) -> None:

        def reach() -> None:
            with connected(endpoint, self._timeout / 2):
                pass

        self._within(reach, endpoint)

    def secure(self, endpoint: StateEndpoint) -> Handshake | None:
        if endpoint.sslmode == "disable":
            return None
        root = self._root(endpoint)
        return self._within(lambda: negotiated(endpoint, root, self._timeout / 2), endpoint)

    def enter(self, credentials: StateCredentials) -> None:
        try:
            import psycopg2
        except ImportError:
            raise MissingExtra("Logging in needs psycopg2, which is not installed here.", extra="sqlmesh") from None

        def enter() -> None:
            try:
                connection = psycopg2.connect(**keywords(credentials))
                try:
                    connection.cursor().execute("select 1")
                finally:
                    connection.close()
            except psycopg2.Error as error:
                raise explained(str(error), credentials) from None

        self._within(enter, credentials.endpoint)

    def _root(self, endpoint: StateEndpoint) -> str | None:
        """What libpq verifies the proxy with: under `require` too, where it finds root certificates."""
        own = own_root_certificates()
        root = endpoint.sslrootcert or self._environ.get("PGSSLROOTCERT") or (str(own) if own.exists() else None)
        there = root is not None and Path(root).exists()
        return root if endpoint.sslmode in VERIFYING or (endpoint.sslmode == "require" and there) else None

    def _within(self, do: Callable[[], T], endpoint: StateEndpoint) -> T:
        """What `do` returns or raises, but no later than in the time that a step has."""
        try:
            return within(self._timeout, do, "probe")
        except OutOfTime:
            raise Unreachable(
                f"The state database's proxy {endpoint.place} did not answer within {self._timeout:g} seconds.",
                host=endpoint.place,
                database=endpoint.database,
            ) from None
