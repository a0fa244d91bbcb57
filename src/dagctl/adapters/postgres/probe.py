"""The real `StateProbe`: sockets up to the TLS handshake, psycopg2 for logging in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dagctl.adapters.postgres.libpq import entered, explained
from dagctl.adapters.postgres.trust import VERIFYING
from dagctl.adapters.postgres.wire import connected, negotiated
from dagctl.adapters.system.deadline import OutOfTime, within
from dagctl.domain.errors import MissingExtra, Unreachable
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.state import SYSTEM, StateCredentials, StateEndpoint
from dagctl.ports.state_probe import StateProbe

T = TypeVar("T")


class PostgresProbe(StateProbe):
    """Probes the way from this machine to a state database.

    Args:
        timeout: seconds that each step may take.
    """

    def __init__(self, *, timeout: float = 10.0) -> None:
        self._timeout = timeout

    def reach(self, endpoint: StateEndpoint) -> None:

        def reach() -> None:
            with connected(endpoint, self._timeout / 2):  # name resolution, which has no timeout, needs some too
                pass

        self._within(reach, endpoint)

    def secure(self, endpoint: StateEndpoint) -> Handshake | None:
        if endpoint.sslmode == "disable":
            return None
        root = endpoint.sslrootcert
        if endpoint.sslmode in VERIFYING:
            root = root or SYSTEM
        elif endpoint.sslmode != "require" or root is None or not Path(root).exists():
            root = None  # under `require`, libpq verifies only if the given CA file exists
        return self._within(lambda: negotiated(endpoint, root, self._timeout / 2), endpoint)

    def enter(self, credentials: StateCredentials) -> None:
        try:
            import psycopg2
        except ImportError:
            raise MissingExtra("Logging in needs psycopg2, which is not installed.", extra="sqlmesh") from None

        def enter() -> None:
            connection = entered(credentials)
            try:
                connection.cursor().execute("select 1")
            except psycopg2.Error as error:
                raise explained(str(error), credentials) from None
            finally:
                connection.close()

        self._within(enter, credentials.endpoint)

    def _within(self, do: Callable[[], T], endpoint: StateEndpoint) -> T:
        """Run `do` within the time of one step; return or raise what it does."""
        try:
            return within(self._timeout, do, "probe")
        except OutOfTime:
            raise Unreachable(
                f"The state database's proxy {endpoint.hostspec} did not answer within {self._timeout:g} seconds.",
                host=endpoint.hostspec,
                database=endpoint.database,
            ) from None
