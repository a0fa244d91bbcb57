"""The functions that a generated SQLMesh configuration calls. A call needs SQLMesh; an import does not.

`project_config(**settings)` is SQLMesh's `Config` on which `SQLMESH__*` variables work as on a YAML project.
`env_var` and `env_text`, and for other Jinja `yaml_value`, `yaml_text`, `yaml_block` and `yaml_items`, keep a setting
live: it is read when the configuration is loaded, never frozen. `yaml_settings` does that with all settings together,
if Jinja decides on their structure.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from dagctl.adapters.sqlmesh.overrides import project_config
    from dagctl.adapters.sqlmesh.values import (
        env_text,
        env_var,
        yaml_block,
        yaml_items,
        yaml_settings,
        yaml_text,
        yaml_value,
    )

__all__ = [
    "env_text",
    "env_var",
    "project_config",
    "yaml_block",
    "yaml_items",
    "yaml_settings",
    "yaml_text",
    "yaml_value",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "overrides" if name == "project_config" else "values"
    try:
        value: object = getattr(import_module(f"dagctl.adapters.sqlmesh.{home}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("jinja2", "pydantic", "sqlglot", "sqlmesh"):
            raise
        return partial(_missing, name)
    globals()[name] = value
    return value


def _missing(name: str, *args: object, **settings: object) -> NoReturn:
    from dagctl.domain.errors import MissingExtra

    raise MissingExtra(f"dagctl.sqlmesh.{name} needs SQLMesh, which is not installed here.", extra="sqlmesh")


def __dir__() -> list[str]:
    return __all__
