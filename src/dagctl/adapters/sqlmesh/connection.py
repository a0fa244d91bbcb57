"""SQLMesh's state connection. Each new database connection uses a fresh token."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr
from sqlmesh.core.config.connection import PostgresConnectionConfig

from dagctl.adapters.postgres.libpq import as_mapping, entered
from dagctl.adapters.sqlmesh.errors import for_sqlmesh
from dagctl.adapters.sqlmesh.gate import stand
from dagctl.adapters.sqlmesh.link import StateLink
from dagctl.adapters.sqlmesh.warden import OPTION, Warden
from dagctl.domain.errors import DagctlError, MissingExtra
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.domain.values.targets import PRODUCTION, EnvironmentName

if TYPE_CHECKING:
    from dagctl.domain.services.state import Connectable

RENEWED = "(renewed by dagctl for each connection)"
"""The password as SQLMesh sees it: the token itself is never there, so it cannot leak.

It is constant, because SQLMesh's caches depend on a fingerprint of the whole configuration.
"""

NOT_KNOWN_YET = "(not known before the first connection)"


class DagctlStateConnection(PostgresConnectionConfig):
    """A PostgreSQL state connection that outlives its tokens. It is also a mapping.

    As a mapping it is what the published client returns: `dict(connection)` holds a token that is valid now, and is
    not renewed.
    """

    _link: StateLink = PrivateAttr()  # pydantic copies and pickles private attributes, and does not dump them

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Install the gate in the process that unpickles the connection."""
        stand()
        super().__setstate__(state)

    @property
    def warden(self) -> Warden:
        """The warden that decides which environments may be changed."""
        return self._link

    @property
    def _engine_adapter(self) -> Any:
        from dagctl.adapters.sqlmesh.engine import StateEngineAdapter  # most commands open no connection

        return StateEngineAdapter

    @property
    def _extra_engine_config(self) -> dict[str, Any]:
        return {OPTION: self._link}

    @property
    def _connection_factory(self) -> Any:
        # SQLMesh adds the settings once for each adapter, and calls the result for every connection
        return partial(opened, self._link)

    def keys(self) -> list[str]:
        """The names of the settings, as in SQLMesh's YAML."""
        return list(as_mapping(StateCredentials(_UNKNOWN, "")))

    def items(self) -> list[tuple[str, Any]]:
        return list(as_mapping(self._link.taken()).items())

    def values(self) -> list[Any]:
        return [value for _, value in self.items()]

    def get(self, key: str, default: Any = None) -> Any:
        return as_mapping(self._link.taken()).get(key, default)

    def __getitem__(self, key: str) -> Any:
        if key not in self:  # before anybody is asked for a token
            raise KeyError(key)
        return as_mapping(self._link.taken())[key]

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    # pydantic's own iterator gives pairs
    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())


def require_driver() -> None:
    """Return if a state connection can be made. SQLMesh would recommend its own extra, which needs a compiler.

    Raises:
        MissingExtra: psycopg2 is not installed.
    """
    try:
        import psycopg2  # noqa: F401
    except ImportError:
        raise MissingExtra("The state database needs psycopg2, which is not installed.", extra="sqlmesh") from None


_UNKNOWN = StateEndpoint(NOT_KNOWN_YET, 5432, NOT_KNOWN_YET, NOT_KNOWN_YET)


def state_connection(link: StateLink) -> DagctlStateConnection:
    """The state connection over `link`, made without any request.

    Raises:
        MissingExtra: psycopg2 is not installed.
        ProtectionUnknown: this version of SQLMesh cannot be guarded.
    """
    require_driver()
    stand()
    connection = DagctlStateConnection(**as_mapping(StateCredentials(link.endpoint() or _UNKNOWN, RENEWED)))
    connection._link = link
    return connection


def connected(wanted: Connectable) -> DagctlStateConnection:
    """The state connection for a program that embeds the SDK."""
    held_to = None if wanted.environment is None else EnvironmentName(wanted.environment)
    unasked = PRODUCTION if held_to is None else None
    state = wanted.state
    return state_connection(
        StateLink(lambda: state, wanted.project, held_to=held_to, located=wanted.located, unasked=unasked)
    )


def opened(link: StateLink, /, **settings: Any) -> Any:
    """A new psycopg2 connection.

    Args:
        settings: libpq's keywords from SQLMesh, the placeholders among them; the link's credentials override them.

    Raises:
        DagctlError: it cannot be opened; as an SQLMesh error.
    """
    from dagctl.adapters.sqlmesh.cursor import StateConnection, StateCursor

    try:
        credentials = link.entering()
        # SQLMesh passes every field: one that nobody set must not override dagctl's own setting
        chosen = {key: value for key, value in settings.items() if value is not None}
        connection = entered(credentials, chosen, connection_factory=StateConnection, cursor_factory=StateCursor)
        connection.warden = link
        return connection
    except DagctlError as error:
        raise for_sqlmesh(error) from None
