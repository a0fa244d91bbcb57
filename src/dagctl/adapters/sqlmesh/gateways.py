"""The gateways of a SQLMesh configuration as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagctl.domain.generation.wiring import is_one_gateway


def named(gateways: Any) -> Any:
    """Gateways by name. A single unnamed gateway gets the empty name, as in SQLMesh."""
    return {"": gateways} if is_one(gateways) else gateways


def is_one(gateways: Any) -> bool:
    """Whether these are the settings of one gateway, or nothing at all."""
    return isinstance(gateways, Mapping) and is_one_gateway(
        {name: value if isinstance(value, Mapping) else () for name, value in gateways.items()}
    )
