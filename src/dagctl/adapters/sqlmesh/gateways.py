"""The gateways of a SQLMesh configuration before SQLMesh has made objects of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagctl.domain.generation.wiring import is_one_gateway


def named(gateways: Any) -> Any:
    """Gateways under their names; one that has none is under the empty one, as SQLMesh has it."""
    return {"": gateways} if is_one(gateways) else gateways


def is_one(gateways: Any) -> bool:
    """Whether these are the settings of one gateway, or nothing at all."""
    return isinstance(gateways, Mapping) and is_one_gateway(
        {name: value if isinstance(value, Mapping) else () for name, value in gateways.items()}
    )
