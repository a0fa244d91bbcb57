"""What a generated SQLMesh configuration calls; it needs SQLMesh itself.

`project_config(**settings)` is SQLMesh's `Config` on which `SQLMESH__*` variables work as on a YAML project.
`env_var` and `env_text`, and for other Jinja `yaml_value`, `yaml_text`, `yaml_block` and `yaml_items`, keep a setting
live: it is read when the configuration is loaded, never frozen. `yaml_settings` does that with all settings together,
where Jinja decides on their structure.
"""

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
