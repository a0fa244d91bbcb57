"""Makes `SQLMESH__*` variables work on a Python configuration as they do on a YAML one.

SQLMesh merges them into the settings of a YAML project. For a Python project it builds a second configuration from the
variables alone and merges that as a whole: a gateway's `…__CONNECTION__DATABASE` without a type is then an error, one
variable replaces all others, and `…__STATE_CONNECTION__*` replaces dagctl's. So this module merges them, and hides them
from SQLMesh, which restores the environment after it has loaded the configuration.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from sqlmesh.core.config import Config
from sqlmesh.core.config.loader import load_config_from_env
from sqlmesh.utils import merge_dicts
from sqlmesh.utils.errors import ConfigError
from sqlmesh.utils.pydantic import validation_error_message

from dagctl.adapters.sqlmesh.personal import personal_keys
from dagctl.domain.generation.wiring import is_one_gateway
from dagctl.domain.values.text import harmless

PREFIX = "sqlmesh__"
STATE = "state_connection"
HIDDEN = "_DAGCTL_HIDDEN_OVERRIDES"
"""Holds the hidden variables for the other repositories of a project, until SQLMesh restores the environment."""

ALWAYS = frozenset({"gateway", "gateways", "variables", "default_connection", "default_test_connection"})
"""Settings that SQLMesh fails to merge into a Python configuration."""


def project_config(**settings: Any) -> Config:
    """SQLMesh's `Config`, with the overrides from the environment merged into `settings`.

    Args:
        settings: as for `sqlmesh.core.config.Config`.

    Raises:
        ConfigError: they are not valid. As for a YAML project, it names the fields and quotes no value.
    """
    try:
        return Config(**_overridden(settings))
    except ValidationError as error:
        raise ConfigError(harmless(validation_error_message(error, "Invalid project config:"))) from None


def _overridden(settings: dict[str, Any]) -> dict[str, Any]:
    _unhide()
    overrides = load_config_from_env()
    if not overrides:
        return settings
    # leave to SQLMesh what the personal configuration sets too: merged here, a variable would lose against that
    personal = personal_keys()
    merged = {key: value for key, value in overrides.items() if key in ALWAYS or key not in personal}
    _hide(key for key, value in merged.items() if isinstance(value, dict))
    gateways = settings.get("gateways", {})
    others = {key: merged.pop(key) for key in ("gateway", "gateways") if key in merged}
    result: dict[str, Any] = merge_dicts({**settings, "gateways": {}}, merged)
    # gateways apart from the rest: their state connections must survive
    for key, value in others.items():
        gateways = _gateways(gateways, value, key) if isinstance(value, dict) else value
    return {**result, "gateways": gateways}


def _gateways(gateways: dict[str, Any], overrides: dict[str, Any], key: str) -> dict[str, Any]:
    """Gateways with overrides merged into them, and with the gateways' own state connection in each."""
    state = next((found for gateway in gateways.values() if (found := _state(gateway)) is not None), None)
    own = {name: _without_state(gateway) for name, gateway in gateways.items()}
    overrides = _silenced(overrides, f"SQLMESH__{key.upper()}__")
    if list(own) == [""] and is_one(overrides):
        overrides = {"": overrides}
    elif own == {"": {}}:  # the YAML had no gateways, and dagctl made this one to hold the state connection
        own = {}
    elif key == "gateway":
        raise ConfigError("SQLMESH__GATEWAY__* is set, but the gateways of this configuration have names.")
    merged = merge_dicts(own, overrides)
    return {name: _with_state(gateway, _state(gateways.get(name)) or state) for name, gateway in merged.items()}


def is_one(gateways: Any) -> bool:
    """Whether these are the settings of one gateway, or nothing at all."""
    return isinstance(gateways, Mapping) and is_one_gateway(
        {name: value if isinstance(value, Mapping) else () for name, value in gateways.items()}
    )


def _silenced(overrides: dict[str, Any], variable: str) -> dict[str, Any]:
    """The overrides without those of a state connection."""
    if is_one(overrides):
        return dict(_silenced_one(overrides, variable))
    return {name: _silenced_one(gateway, f"{variable}{name.upper()}__") for name, gateway in overrides.items()}


def _silenced_one(gateway: Any, variable: str) -> Any:
    if _state(gateway) is not None:
        print(  # noqa: T201 - the person must see it, however logging is configured
            f"dagctl: ignoring {harmless(variable)}STATE_CONNECTION__*: dagctl provides the state connection. "
            "Remove it from the environment and from .env.",
            file=sys.stderr,
        )
    return _without_state(gateway)


def _state(gateway: Any) -> Any:
    return gateway.get(STATE) if isinstance(gateway, dict) else None


def _without_state(gateway: Any) -> Any:
    return {key: value for key, value in gateway.items() if key != STATE} if isinstance(gateway, dict) else gateway


def _with_state(gateway: Any, state: Any) -> Any:
    return {**gateway, STATE: state} if isinstance(gateway, dict) and state is not None else gateway


def _hide(settings: Iterable[str]) -> None:
    """Hide the settings that SQLMesh would replace as a whole. For a single value, that does no harm."""
    prefixes = tuple(f"{PREFIX}{setting}__" for setting in settings)
    mine = [name for name in os.environ if name.lower().startswith(prefixes)]
    if mine:
        os.environ[HIDDEN] = json.dumps({name: os.environ.pop(name) for name in mine})


def _unhide() -> None:
    for name, value in json.loads(os.environ.pop(HIDDEN, "{}")).items():
        os.environ.setdefault(name, value)
