"""dagctl's state connection in every gateway of a document."""

from __future__ import annotations

from attrs import evolve, frozen

from dagctl.domain.generation.literals import expression, literal
from dagctl.domain.values.document import Call, Entry, Leaf, Live, Mapping, Node, bare

GATEWAY_KEYS = frozenset(
    {"connection", "state_connection", "test_connection", "scheduler", "state_schema", "variables", "model_defaults"}
)
"""The settings of a gateway: `gateways` with nothing else in it is one gateway, without a name."""

CONNECTION, STATE = Leaf("connection"), Leaf("state_connection")
PRODUCTION = Leaf("prod")
"""SQLMesh's own `default_target_environment`."""


@frozen
class Wired:
    """A document with dagctl's state connection in every gateway.

    Attributes:
        replaced: the gateways whose own state connection gave way.
        apart: they kept their states in different databases.
    """

    settings: Mapping
    replaced: tuple[str, ...] = ()
    apart: bool = False


def wired(root: Mapping, project: str) -> Wired | None:
    """Wire a document; None where it is known only at run time what its gateways are.

    Args:
        project: the dagctl project to pin.
    """
    if any(isinstance(entry.key, Live) for entry in root.entries):
        return None
    entry = next((found for found in root.entries if found.key in (Leaf("gateways"), Leaf("gateway"))), None)
    gateways = _named(entry.value if entry else Mapping())
    if gateways is None or not all(isinstance(found.value, Mapping) for found in gateways.entries):
        return None
    default = root.get("default_target_environment")
    default = default if isinstance(default, (Leaf, Live)) and default != Leaf("") else PRODUCTION
    wired = evolve(gateways, entries=tuple(_with_state(found, default, project) for found in gateways.entries))
    if entry is None:
        settings = evolve(root, entries=(Entry(Leaf("gateways"), wired), *root.entries))
    else:
        settings = evolve(root, entries=tuple(_renewed(found, entry, wired) for found in root.entries))
    return Wired(settings, _replaced(gateways), _apart(gateways))


def _named(value: Node) -> Mapping | None:
    """The gateways under their names; one that has none is under the empty one, as SQLMesh has it."""
    if not isinstance(value, Mapping):
        return None
    one = all(isinstance(entry.key, Leaf) and entry.key.value in GATEWAY_KEYS for entry in value.entries)
    if one and not any(_looks_like_gateway(entry) for entry in value.entries):
        return Mapping((Entry(Leaf(""), value),))
    return value


def _looks_like_gateway(entry: Entry) -> bool:
    """A gateway may well have the name of a gateway's setting; only `variables` can hold anything."""
    value = entry.value
    keys = value.keys() if isinstance(value, Mapping) else []
    return entry.key != Leaf("variables") and bool(keys) and GATEWAY_KEYS.issuperset(map(str, keys))


def _renewed(entry: Entry, gateways: Entry, value: Mapping) -> Entry:
    return evolve(entry, key=Leaf("gateways"), value=value) if entry is gateways else entry


def _with_state(gateway: Entry, default: Leaf | Live, project: str) -> Entry:
    arguments = (
        *((f"gateway={expression(gateway.key)}",) if gateway.key != Leaf("") else ()),
        f"default_environment={expression(default)}",
        f"project={literal(project)}",
    )
    call = Call("get_state_connection", arguments)
    settings = gateway.value if isinstance(gateway.value, Mapping) else Mapping()
    keys = [entry.key for entry in settings.entries]
    if STATE in keys:
        entries = tuple(evolve(entry, value=call) if entry.key == STATE else entry for entry in settings.entries)
    else:
        place = keys.index(CONNECTION) + 1 if CONNECTION in keys else 0
        entries = (*settings.entries[:place], Entry(STATE, call), *settings.entries[place:])
    return evolve(gateway, value=evolve(settings, entries=entries))


def _state(gateway: Entry) -> Node | None:
    found = gateway.value.get("state_connection") if isinstance(gateway.value, Mapping) else None
    return None if found == Leaf(None) else found


def _replaced(gateways: Mapping) -> tuple[str, ...]:
    names = [gateway.key for gateway in gateways.entries if _state(gateway) is not None]
    return tuple(str(name.value) if isinstance(name, Leaf) else name.source for name in names)


def _apart(gateways: Mapping) -> bool:
    """Whether the states are in different databases: without one of its own, it is in the gateway's."""
    if not any(_state(gateway) is not None for gateway in gateways.entries):
        return False
    found = [_state(gateway) or _connection(gateway) for gateway in gateways.entries]
    states = [bare(state) for state in found if state is not None]
    return any(state != states[0] for state in states)


def _connection(gateway: Entry) -> Node | None:
    return gateway.value.get("connection") if isinstance(gateway.value, Mapping) else None
