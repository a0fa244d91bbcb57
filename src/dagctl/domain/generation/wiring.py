"""Puts dagctl's state connection in every gateway of a document."""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve, frozen

from dagctl.domain.generation.literals import expression, literal
from dagctl.domain.generation.states import KeptState, states_of
from dagctl.domain.values.document import Call, Entry, Leaf, Live, MappingValue, Value, comments

GATEWAY_KEYS = frozenset(
    {"connection", "state_connection", "test_connection", "scheduler", "state_schema", "variables", "model_defaults"}
)
"""The settings of a gateway: if `gateways` holds nothing else, it is itself one gateway, without a name."""

CONNECTION, STATE = Leaf("connection"), Leaf("state_connection")
PRODUCTION = Leaf("prod")
"""SQLMesh's own `default_target_environment`."""

SHARED = Call("state_connection", None)
"""The function that gives each gateway its state connection, if there are more than two."""
DEFAULT = Call("default_environment", None)
"""The variable above the configuration that holds a live default environment."""


@frozen
class Wired:
    """A document with dagctl's state connection in every gateway.

    Attributes:
        default: the default environment if it is live, and so needs a variable.
        shared: what `SHARED` calls; None if each gateway makes the call itself.
        states: where the state has been.
    """

    settings: MappingValue
    default: Live | None = None
    shared: Call | None = None
    states: tuple[KeptState, ...] = ()

    @property
    def replaced(self) -> tuple[str, ...]:
        """The gateways whose own state connection dagctl's replaces."""
        return tuple(name for state in self.states if state.own for name in state.gateways)


def wired(root: MappingValue, project: str) -> Wired | None:
    """The document wired and pinned to `project`; None if Jinja decides what its gateways are."""
    if not all(isinstance(entry.key, Leaf) for entry in root.entries):
        return None
    entry = next((found for found in root.entries if found.key in (Leaf("gateways"), Leaf("gateway"))), None)
    gateways = _named(entry.value if entry else MappingValue())
    if gateways is None or not all(isinstance(found.value, MappingValue) for found in gateways.entries):
        return None
    default = root.get("default_target_environment")
    lively = default if isinstance(default, Live) else None  # it goes into a variable: rendered once, used twice
    named = DEFAULT if lively else default if isinstance(default, Leaf) and default != Leaf("") else PRODUCTION
    common = (f"default_environment={expression(named)}", f"project={literal(project)}")
    shared = Call("get_state_connection", ("gateway", *common)) if len(gateways.entries) > 2 else None
    connected = evolve(
        gateways, entries=tuple(_with_state(found, common, shared is not None) for found in gateways.entries)
    )
    entries = root.entries if entry else (Entry(Leaf("gateways"), connected), *root.entries)
    settings = evolve(root, entries=tuple(_renewed(found, entry, connected, lively) for found in entries))
    return Wired(settings, lively, shared, states_of(root, gateways))


def _named(value: Value) -> MappingValue | None:
    """The gateways by name. Like SQLMesh, this uses the empty name for a gateway without one."""
    if not isinstance(value, MappingValue):
        return None
    names = [entry.key.value if isinstance(entry.key, Leaf) else entry.key for entry in value.entries]
    inside = [entry.value.keys() if isinstance(entry.value, MappingValue) else [] for entry in value.entries]
    one = is_one_gateway(dict(zip(names, inside, strict=True)))
    return MappingValue((Entry(Leaf(""), value),)) if one else value


def is_one_gateway(settings: dict[Any, Any]) -> bool:
    """Whether these are the settings of one gateway without a name, or empty.

    A gateway may have the same name as a gateway's setting, so the keys inside decide; `variables` may hold any keys.

    Args:
        settings: the keys inside each; empty for a value that is not a mapping.
    """
    return GATEWAY_KEYS.issuperset(settings) and not any(
        keys and name != "variables" and GATEWAY_KEYS.issuperset(keys) for name, keys in settings.items()
    )


def _renewed(entry: Entry, gateways: Entry | None, connected: MappingValue, live: Live | None) -> Entry:
    if entry is gateways:
        return evolve(entry, key=Leaf("gateways"), value=connected)
    return evolve(entry, value=DEFAULT) if live is not None and entry.value is live else entry


def _with_state(gateway: Entry, common: tuple[str, ...], shared: bool) -> Entry:
    name = expression(gateway.key)
    own = (f"gateway={name}",) if gateway.key != Leaf("") else ()
    call = Call(SHARED.name, (name,)) if shared else Call("get_state_connection", (*own, *common))
    settings = gateway.value if isinstance(gateway.value, MappingValue) else MappingValue()
    keys = [entry.key for entry in settings.entries]
    if STATE in keys:
        entries = tuple(_given_way(entry, call) if entry.key == STATE else entry for entry in settings.entries)
    else:
        at = keys.index(CONNECTION) + 1 if CONNECTION in keys else 0
        entries = (*settings.entries[:at], Entry(STATE, call), *settings.entries[at:])
    return evolve(gateway, value=evolve(settings, entries=entries))


def _given_way(entry: Entry, call: Call) -> Entry:
    """The entry with dagctl's state connection instead of its own, and with its comments."""
    inner = tuple(comments(entry.value))
    if not inner:
        return evolve(entry, value=call)
    beside = (entry.beside,) if entry.beside is not None else ()
    return evolve(entry, value=call, above=(*entry.above, *beside, *inner), beside=None)


# a line, and every line after it that is blank or more deeply indented; in a block scalar (`|`, `>`), those are text
_BLOCK = re.compile(
    r"^([ \t]*)(?=\S)(?:[^\n#]*[|>][\d+-]*(?:[ \t]+#.*|[ \t]*)|(?P<state>([\"']?)state_connection\3[ \t]*:.*))\n"
    r"(?:(?:\1[ \t].*|[ \t]*)\n)*",
    re.MULTILINE,
)
_REMARK = re.compile(r"^[ \t]*#.*\n", re.MULTILINE)


def without_states(text: str) -> str:
    """YAML text without the state connections that dagctl's replace, except those entangled with Jinja or brackets.

    The comments in them stay.
    """

    def without(found: re.Match[str]) -> str:
        block = found[0]
        open_ = "{%" in block or any(block.count(opening) != block.count(closing) for opening, closing in ("{}", "[]"))
        return block if found["state"] is None or open_ else "".join(_REMARK.findall(block))

    return _BLOCK.sub(without, text)
