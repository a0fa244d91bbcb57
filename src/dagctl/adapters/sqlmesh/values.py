"""Settings that stay live in a Python configuration: each returns what the same YAML would.

SQLMesh renders the Jinja of a YAML configuration before it parses it, so a variable's value also decides on the
setting's type. These functions do the same for one scalar.
"""

from __future__ import annotations

import os
from textwrap import indent
from typing import Any

from jinja2 import TemplateError
from sqlmesh.utils.errors import ConfigError
from sqlmesh.utils.yaml import load

from dagctl.adapters.sqlmesh.overrides import is_one
from dagctl.domain.values.text import printable


def env_var(name: str, default: object = None) -> Any:
    """The value of an unquoted `{{ env_var('NAME', default) }}` in YAML: `5432` is a number, `true` a boolean."""
    # unset and without a default: the text "None", as in SQLMesh
    return _parsed(os.environ.get(name, str(default)), name)


def env_text(name: str, default: object = None, *, escapes: bool = True) -> Any:
    """The value of a quoted `{{ env_var('NAME', default) }}` in YAML: text.

    Args:
        escapes: backslashes escape, as in double quotes; false for single quotes, where they do not.
    """
    quote = '"' if escapes else "'"
    return _parsed(f"{quote}{os.environ.get(name, str(default))}{quote}", name)


def yaml_value(source: str) -> Any:
    """The value of a YAML scalar with any other Jinja: rendered, then parsed."""
    return _loaded(f"- {source}\n\n", source)[0]  # Jinja drops the last line break


def yaml_text(text: str, *, escapes: bool = True) -> Any:
    """The value of a quoted YAML scalar with any other Jinja; `escapes` as in `env_text`."""
    quote = '"' if escapes else "'"
    return _loaded(f"- {quote}{text}{quote}\n", text)[0]


def yaml_block(text: str, style: str = "|") -> Any:
    """The value of a YAML block scalar with Jinja in it.

    Args:
        style: the block's indicator: `|` keeps line breaks, `>` folds them; a `-` after it drops the last one.
    """
    return _loaded(f"- {style}\n{indent(text, '  ')}\n", text)[0]


def yaml_items(source: str) -> list[Any]:
    """The elements that an unquoted expression between `[` and `]` renders to."""
    return list(_loaded(f"[{source}\n]", source))


def yaml_settings(text: str) -> dict[str, Any]:
    """The settings of a whole YAML configuration, rendered and then parsed, with its gateways under `gateways`."""
    settings = dict(_loaded(text, "The configuration"))
    gateways = settings.pop("gateway", None) if "gateways" not in settings else settings["gateways"]
    gateways = gateways or {}
    # a single unnamed gateway gets the empty name, as in SQLMesh
    return {**settings, "gateways": {"": gateways} if is_one(gateways) else gateways}


def _parsed(scalar: str, name: str) -> Any:
    return _loaded(f"- {scalar}\n", f"The value of {name}", jinja=False)[0]


def _loaded(text: str, what: str, *, jinja: bool = True) -> Any:
    """What SQLMesh loads from `text`. An error calls it `what`, and shows no variable's value."""
    try:
        return load(text, render_jinja=jinja)
    except TemplateError:
        raise  # it quotes the Jinja; any other error may quote what that rendered to
    except Exception:  # noqa: BLE001 - ruamel's own errors, and Python's for huge numbers and deep nesting
        why = "is not valid YAML once its Jinja is rendered"
        raise ConfigError(f"{printable(what)} {why}.") from None
