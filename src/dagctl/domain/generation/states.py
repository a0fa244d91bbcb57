"""Where a project keeps its state before the conversion. It stays there until the user moves it."""

from __future__ import annotations

from attrs import frozen

from dagctl.domain.values.document import Leaf, Live, MappingValue, Value, shown
from dagctl.domain.values.text import printable

_NAMES = ("database", "db", "catalog", "dbname", "project", "path", "s3_warehouse_location")
_HOSTS = ("host", "server_hostname", "account", "region_name", "instance_connection_string", "location")


@frozen
class KeptState:
    """A persistent state.

    Attributes:
        gateways: the names of the gateways that use it; "" for one without a name.
        where: the database, in words, without credentials.
        own: it has a `state_connection`; otherwise it is in the warehouse, SQLMesh's default.
    """

    gateways: tuple[str, ...]
    where: str
    own: bool


def states_of(root: MappingValue, gateways: MappingValue) -> tuple[KeptState, ...]:
    """The persistent states of a configuration's gateways, so not those in memory."""
    found: dict[tuple[str, bool], list[str]] = {}
    for gateway in gateways.entries:
        settings = gateway.value if isinstance(gateway.value, MappingValue) else MappingValue()
        state = settings.get("state_connection")
        own = state is not None and state != Leaf(None)
        where = _where(state if own else settings.get("connection") or root.get("default_connection"))
        name = "" if gateway.key == Leaf(None) else printable(shown(gateway.key))
        if where is not None:
            found.setdefault((where, own), []).append(name)
    return tuple(KeptState(tuple(names), where, own) for (where, own), names in found.items())


def _where(connection: Value | None) -> str | None:
    """The database in words; None if it is in memory."""
    if not isinstance(connection, MappingValue):
        return "a database that Jinja chooses" if isinstance(connection, Live) else None
    kind = shown(connection.get("type")) or "duckdb"
    name, host = (_first(connection, keys) for keys in (_NAMES, _HOSTS))
    if kind.lower() in ("duckdb", "motherduck"):
        catalogs = connection.get("catalogs")
        names = catalogs.keys() if isinstance(catalogs, MappingValue) else []
        name = name if name not in ("", ":memory:") else ", ".join(map(str, names))
        if not name and kind.lower() == "duckdb":
            return None
    return printable(" ".join([kind, *([repr(name)] if name else []), *([f"at {host}"] if host else [])]))


def _first(connection: MappingValue, keys: tuple[str, ...]) -> str:
    values = map(connection.get, keys)
    return next((shown(value) for value in values if isinstance(value, (Leaf, Live)) and value != Leaf(None)), "")
