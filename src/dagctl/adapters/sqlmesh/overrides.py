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
from typing import Any

from sqlmesh.core.config import Config
from sqlmesh.core.config.common import YAML_CONFIG_FILENAMES
from sqlmesh.core.config.loader import load_config_from_env, load_config_from_yaml
from sqlmesh.core.constants import SQLMESH_PATH
from sqlmesh.utils import merge_dicts

PREFIX = "sqlmesh__"
HIDDEN = "_DAGCTL_HIDDEN_OVERRIDES"
"""What was hidden, for the other repositories of a project; it goes when SQLMesh restores the environment."""

ALWAYS = frozenset({"gateway", "gateways", "variables", "default_connection", "default_test_connection"})
"""Settings that SQLMesh does not merge into a Python configuration, or breaks over."""


def project_config(**settings: Any) -> Config:
    """SQLMesh's `Config`, with the overrides of the environment merged into `settings`.

    Args:
        settings: as `sqlmesh.core.config.Config` takes them.
    """
    return Config(**_overridden(settings))


def _overridden(settings: dict[str, Any]) -> dict[str, Any]:
    _unhide()
    overrides = load_config_from_env()
    merged = {key: value for key, value in overrides.items() if key in ALWAYS or key not in _personal_keys()}
    if not merged:
        return settings
    _hide(merged)
    return dict(merge_dicts(settings, _without_state_connections(merged, settings)))


def _without_state_connections(overrides: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The overrides but for those of a state connection; gateways under the names that the settings have."""
    gateways = overrides.get("gateways")
    if not isinstance(gateways, dict):
        return overrides
    names = {str(name).lower(): name for name in settings.get("gateways") or ()}
    if "" in names and not set(gateways) & set(names):
        gateways = {"": gateways}  # the YAML had one gateway without a name
    kept: dict[Any, Any] = {}
    for name, gateway in gateways.items():
        if isinstance(gateway, dict) and "state_connection" in gateway:
            _say(name)
            gateway = {key: value for key, value in gateway.items() if key != "state_connection"}
        kept[names.get(name, name)] = gateway
    return {**overrides, "gateways": kept}


def _say(gateway: str) -> None:
    print(  # noqa: T201 - the person has to see it, however logging is set up
        f"dagctl: SQLMESH__GATEWAYS__{gateway.upper()}__STATE_CONNECTION__* is set and ignored: the state connection "
        "is dagctl's. Remove it from the environment and from .env.",
        file=sys.stderr,
    )


def _personal_keys() -> frozenset[str]:
    """The settings of the personal configuration: what it has, SQLMesh must be left to put in order."""
    for name in YAML_CONFIG_FILENAMES:
        path = SQLMESH_PATH / name
        if path.exists():
            return frozenset(map(str, load_config_from_yaml(path)))
    return frozenset()


def _hide(overrides: dict[str, Any]) -> None:
    mine = [name for name in os.environ if name.lower().startswith(PREFIX) and _setting(name) in overrides]
    os.environ[HIDDEN] = json.dumps({name: os.environ.pop(name) for name in mine})


def _unhide() -> None:
    for name, value in json.loads(os.environ.pop(HIDDEN, "{}")).items():
        os.environ.setdefault(name, value)


def _setting(variable: str) -> str:
    return variable.lower().removeprefix(PREFIX).partition("__")[0]
