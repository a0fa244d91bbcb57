"""Settings that stay live in a Python configuration: each gives what the same YAML would.

SQLMesh renders a YAML configuration's Jinja first and parses it then, so what a variable holds decides on the
setting's type too. These do the same with one scalar.
"""

from __future__ import annotations

import os
from typing import Any

from sqlmesh.utils.yaml import load

from dagctl.adapters.sqlmesh.gateways import named


def env_var(name: str, default: object = None) -> Any:
    """What `{{ env_var('NAME', default) }}` without quotes stands for in YAML: `5432` is a number, `true` a truth."""
    return _parsed(os.environ.get(name, str(default)))


def env_text(name: str, default: object = None, quote: str = '"') -> Any:
    """What `"{{ env_var('NAME', default) }}"` in quotes stands for in YAML: text.

    Args:
        quote: the quotes in the YAML file; inside of double ones a backslash escapes.
    """
    return _parsed(f"{quote}{os.environ.get(name, str(default))}{quote}")


def yaml_value(source: str) -> Any:
    """What a YAML scalar with any other Jinja stands for: rendered, then parsed."""
    return load(f"- {source}\n")[0]


def yaml_settings(text: str) -> dict[str, Any]:
    """The settings of a whole YAML configuration, rendered and then parsed; its gateways are under `gateways`."""
    settings = dict(load(text))
    gateways = settings.pop("gateway", None) if "gateways" not in settings else settings["gateways"]
    return {**settings, "gateways": named(gateways or {})}


def _parsed(scalar: str) -> Any:
    return load(f"- {scalar}\n", render_jinja=False)[0]
