"""Settings that stay live in a Python configuration: each gives what the same YAML would.

SQLMesh renders a YAML configuration's Jinja first and parses it then, so what a variable holds decides on the
setting's type too. These do the same with one scalar.
"""

from __future__ import annotations

import os
from textwrap import indent
from typing import Any

from jinja2 import TemplateError
from sqlmesh.utils.errors import ConfigError
from sqlmesh.utils.yaml import load

from dagctl.adapters.sqlmesh.gateways import named
from dagctl.domain.values.text import printable


def env_var(name: str, default: object = None) -> Any:
    """What `{{ env_var('NAME', default) }}` without quotes stands for in YAML: `5432` is a number, `true` a truth."""
    return _parsed(os.environ.get(name, str(default)), name)


def env_text(name: str, default: object = None, *, escapes: bool = True) -> Any:
    """What `{{ env_var('NAME', default) }}` in quotes stands for in YAML: text.

    Args:
        escapes: a backslash in it escapes, as it does in double quotes; in single ones it is a backslash.
    """
    quote = _quote(escapes)
    return _parsed(f"{quote}{os.environ.get(name, str(default))}{quote}", name)


def yaml_value(source: str) -> Any:
    """What a YAML scalar with any other Jinja stands for: rendered, then parsed."""
    return _loaded(f"- {source}\n\n", source)[0]  # Jinja takes the last line end for its own


def yaml_text(text: str, *, escapes: bool = True) -> Any:
    """What text with any other Jinja in quotes stands for; `escapes` as in `env_text`."""
    quote = _quote(escapes)
    return _loaded(f"- {quote}{text}{quote}\n", text)[0]


def yaml_block(text: str, style: str = "|") -> Any:
    """What a block of lines with Jinja in it stands for.

    Args:
        style: how the block is marked: `|` keeps its lines and `>` folds them; `-` behind it drops the last line end.
    """
    return _loaded(f"- {style}\n{indent(text, '  ')}\n", text)[0]


def yaml_items(source: str) -> list[Any]:
    """What an expression without quotes stands for between `[` and `]`: as many elements as it renders to."""
    return list(_loaded(f"[{source}\n]", source))


def yaml_settings(text: str) -> dict[str, Any]:
    """The settings of a whole YAML configuration, rendered and then parsed; its gateways are under `gateways`."""
    settings = dict(_loaded(text, "The configuration"))
    gateways = settings.pop("gateway", None) if "gateways" not in settings else settings["gateways"]
    return {**settings, "gateways": named(gateways or {})}


def _quote(escapes: bool) -> str:
    return '"' if escapes else "'"


def _parsed(scalar: str, name: str) -> Any:
    return _loaded(f"- {scalar}\n", f"The value of {name}", jinja=False)[0]


def _loaded(text: str, what: str, *, jinja: bool = True) -> Any:
    """What SQLMesh loads from `text`; an error names it by `what`, and shows nothing that a variable holds."""
    try:
        return load(text, render_jinja=jinja)
    except TemplateError:
        raise  # that speaks of the Jinja, and any other of what it has rendered to
    except Exception:  # noqa: BLE001 - ruamel's own, and Python's on numbers and on what is nested or merged too deep
        why = "is no YAML that can be loaded, once its Jinja is rendered"
        raise ConfigError(f"{printable(what)} {why}.") from None
