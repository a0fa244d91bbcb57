"""A person's own SQLMesh configuration, which is laid over every project's."""

from __future__ import annotations

from pathlib import Path

from sqlmesh.core import constants
from sqlmesh.core.config import common
from sqlmesh.core.config.loader import load_config_from_yaml

NAMES = getattr(common, "YAML_CONFIG_FILENAMES", ("config.yml", "config.yaml"))  # of versions before there were four


def personal_file() -> Path | None:
    """Where it is; None where there is none."""
    return next((path for name in NAMES if (path := constants.SQLMESH_PATH / name).exists()), None)


def personal_keys() -> frozenset[str]:
    """The settings that it has.

    Raises:
        Exception: as SQLMesh has it, when the file is no configuration.
    """
    path = personal_file()
    return frozenset(map(str, load_config_from_yaml(path))) if path else frozenset()
