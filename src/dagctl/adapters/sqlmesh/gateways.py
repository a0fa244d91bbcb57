"""The gateways of a SQLMesh configuration before SQLMesh has made objects of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagctl.domain.generation.wiring import GATEWAY_KEYS


def named(gateways: Any) -> Any:
    """Gateways under their names; one that has none is under the empty one, as SQLMesh has it."""
    return {"": gateways} if is_one(gateways) else gateways


def is_one(gateways: Any) -> bool:
    """Whether these are the settings of one gateway, or nothing at all."""
    return isinstance(gateways, Mapping) and all(
        name in GATEWAY_KEYS and not _looks_like_gateway(name, value) for name, value in gateways.items()
    )


def _looks_like_gateway(name: str, value: Any) -> bool:
    """A gateway may well have the name of a gateway's setting; only `variables` can hold anything."""
    return name != "variables" and isinstance(value, Mapping) and bool(value) and GATEWAY_KEYS.issuperset(value)
