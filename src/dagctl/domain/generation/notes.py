"""What a conversion leaves behind, in sentences for people."""

from __future__ import annotations

from dagctl.domain.generation.emitter import Module
from dagctl.domain.values.document import YamlDocument

CARRY_OVER = (
    "To carry the state over, run `sqlmesh state export -o state.json` with the old configuration and "
    "`sqlmesh state import -i state.json` with the new one."
)


def state_warnings(document: YamlDocument, module: Module) -> tuple[str, ...]:
    """What becomes of the state connections that the gateways had."""
    if module.wiring is None:
        found = "state_connection" in document.text
        return (f"State connections in the YAML give way to dagctl's. {CARRY_OVER}",) if found else ()
    if not module.wiring.replaced:
        return ()
    names = ", ".join(repr(name) if name else "the gateway" for name in module.wiring.replaced)
    told = f"The state connection of {names} gives way to dagctl's. {CARRY_OVER}"
    return (told, *([APART] if module.wiring.apart else []))


APART = (
    "The gateways kept their states in different databases; from now on they share one. If they are isolated "
    "systems, make a dagctl project and a folder for each."
)
