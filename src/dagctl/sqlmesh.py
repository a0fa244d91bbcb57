"""What a generated SQLMesh configuration calls; it needs SQLMesh itself.

`project_config(**settings)` is SQLMesh's `Config` on which `SQLMESH__*` variables work as on a YAML project.
`env_var`, `env_text` and `yaml_value` keep a setting live: read when the configuration is loaded, never frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagctl._functions import get_state_connection
from dagctl.adapters.sqlmesh.overrides import project_config
from dagctl.adapters.sqlmesh.values import env_text, env_var, yaml_settings, yaml_value

if TYPE_CHECKING:
    from sqlmesh.core.config import Config

__all__ = ["env_text", "env_var", "project_config", "project_config_from_yaml", "yaml_value"]

_GATEWAY_KEYS = frozenset(
    {"connection", "state_connection", "test_connection", "scheduler", "state_schema", "variables", "model_defaults"}
)


def project_config_from_yaml(text: str, *, project: str) -> Config:
    """SQLMesh's `Config` for a YAML text with Jinja, with dagctl's state connection in every gateway.

    Args:
        text: the configuration, as `config.yaml` had it.
        project: name or ID of the dagctl project.
    """
    settings = yaml_settings(text)
    gateways = settings.pop("gateway", None) if "gateways" not in settings else settings.pop("gateways")
    gateways = gateways if isinstance(gateways, dict) else {}
    if _GATEWAY_KEYS.issuperset(gateways):  # one gateway without a name, or none at all
        gateways = {"": gateways}
    default = settings.get("default_target_environment", "prod")
    settings["gateways"] = {
        name: {
            **(gateway or {}),
            "state_connection": get_state_connection(
                gateway=name or None, default_environment=default, project=project
            ),
        }
        for name, gateway in gateways.items()
    }
    return project_config(**settings)
