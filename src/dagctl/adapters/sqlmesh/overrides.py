"""A Python configuration on which `SQLMESH__*` variables work as they do on a YAML one.

SQLMesh merges them into a YAML project's settings. In a Python project it builds a configuration from the variables
alone and lays it over the project's: a gateway's `…__CONNECTION__DATABASE` without a type is an error then, one
variable replaces all of them, and `…__STATE_CONNECTION__*` replaces dagctl's. So they are merged here, and hidden
from SQLMesh, which puts the environment back as it was once the configuration has been loaded.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from sqlmesh.core.config import Config
from sqlmesh.core.config.loader import load_config_from_env
from sqlmesh.utils import merge_dicts
from sqlmesh.utils.errors import ConfigError
from sqlmesh.utils.pydantic import validation_error_message

from dagctl.adapters.sqlmesh.gateways import is_one
from dagctl.adapters.sqlmesh.personal import personal_keys
from dagctl.domain.values.text import harmless

PREFIX = "sqlmesh__"
STATE = "state_connection"
HIDDEN = "_DAGCTL_HIDDEN_OVERRIDES"
"""What was hidden, for the other repositories of a project; it goes when SQLMesh restores the environment."""

ALWAYS = frozenset({"gateway", "gateways", "variables", "default_connection", "default_test_connection"})
"""Settings that SQLMesh does not merge into a Python configuration, or breaks over."""


def project_config(**settings: Any) -> Config:
    """SQLMesh's `Config`, with the overrides of the environment merged into `settings`.

    Args:
        settings: as `sqlmesh.core.config.Config` takes them.

    Raises:
        ConfigError: they are not valid; it names the fields, and quotes no value, as on a YAML project.
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
    personal = personal_keys()  # what is set there too, SQLMesh must be left to put in order
    merged = {key: value for key, value in overrides.items() if key in ALWAYS or key not in personal}
    _hide(key for key, value in merged.items() if isinstance(value, dict))
    gateways = settings.get("gateways", {})
    others = {key: merged.pop(key) for key in ("gateway", "gateways") if key in merged}
    result: dict[str, Any] = merge_dicts({**settings, "gateways": {}}, merged)
    for key, value in others.items():
        gateways = _gateways(gateways, value, key) if isinstance(value, dict) else value
    return {**result, "gateways": gateways}


def _gateways(gateways: dict[str, Any], overrides: dict[str, Any], key: str) -> dict[str, Any]:
    """Gateways with overrides merged into them, and with the state connection that they have in each."""
    state = next((found for gateway in gateways.values() if (found := _state(gateway)) is not None), None)
    own = {name: _without_state(gateway) for name, gateway in gateways.items()}
    overrides = _silenced(overrides, f"SQLMESH__{key.upper()}__")
    if list(own) == [""] and is_one(overrides):
        overrides = {"": overrides}
    elif own == {"": {}}:  # the YAML had none
        own = {}
    elif key == "gateway":
        raise ConfigError("SQLMESH__GATEWAY__* is set, but the gateways of this configuration have names.")
    merged = merge_dicts(own, overrides)
    return {name: _with_state(gateway, _state(gateways.get(name)) or state) for name, gateway in merged.items()}


def _silenced(overrides: dict[str, Any], variable: str) -> dict[str, Any]:
    """The overrides but for those of a state connection."""
    if is_one(overrides):
        return dict(_silenced_one(overrides, variable))
    return {name: _silenced_one(gateway, f"{variable}{name.upper()}__") for name, gateway in overrides.items()}


def _silenced_one(gateway: Any, variable: str) -> Any:
    if _state(gateway) is not None:
        print(  # noqa: T201 - the person has to see it, however logging is set up
            f"dagctl: {harmless(variable)}STATE_CONNECTION__* is set and ignored: the state connection is dagctl's. "
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
    """Hide what SQLMesh would lay over the configuration as a whole; a single value may well do so again."""
    prefixes = tuple(f"{PREFIX}{setting}__" for setting in settings)
    mine = [name for name in os.environ if name.lower().startswith(prefixes)]
    if mine:
        os.environ[HIDDEN] = json.dumps({name: os.environ.pop(name) for name in mine})


def _unhide() -> None:
    for name, value in json.loads(os.environ.pop(HIDDEN, "{}")).items():
        os.environ.setdefault(name, value)
