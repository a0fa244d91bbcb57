"""A person's own SQLMesh configuration, which SQLMesh merges into that of every project."""

from __future__ import annotations

from pathlib import Path

from sqlmesh.core import constants
from sqlmesh.core.config import common
from sqlmesh.core.config.loader import load_config_from_yaml

NAMES = getattr(common, "YAML_CONFIG_FILENAMES", ("config.yml", "config.yaml"))  # older versions know just these two


def personal_file() -> Path | None:
    """Its path; None if there is none."""
    return next((path for name in NAMES if (path := constants.SQLMESH_PATH / name).exists()), None)


def personal_keys() -> frozenset[str]:
    """The names of its settings.

    Raises:
        Exception: as SQLMesh raises it if the file is not a configuration.
    """
    path = personal_file()
    return frozenset(map(str, load_config_from_yaml(path))) if path else frozenset()
