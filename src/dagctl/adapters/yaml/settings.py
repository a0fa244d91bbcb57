"""Reads small YAML mappings, and edits them in place, keeping comments, order and unknown keys."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from dagctl.adapters.yaml import AMBIGUOUS, YamlProblem


def read_mapping(text: str) -> dict[str, Any]:
    """The mapping in `text`; empty for an empty document. Raises `YamlProblem` for anything else than YAML 1.2."""
    return {str(key): value for key, value in _load(text).items()}


def edit_mapping(text: str, changes: Mapping[str, object]) -> str:
    """`text` with some keys set, or removed if the new value is None; the rest stays. Raises as `read_mapping` does."""
    document = _load(text)
    for key, value in changes.items():
        if value is not None:
            document[key] = _unmistakable(value)
        elif key in document:
            del document[key]
    out = io.StringIO()
    _yaml().dump(document, out)
    return out.getvalue()


_PLAIN = re.compile(r"[A-Za-z/](?:[\w./@ -]|:(?=\S))*")


def _unmistakable(value: object) -> object:
    """The value, quoted if it is a string that a YAML 1.1 reader might take for something else."""
    if isinstance(value, str) and (value.lower() in AMBIGUOUS or not _PLAIN.fullmatch(value)):
        return DoubleQuotedScalarString(value)
    return value


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # never fold: `plain` reads one line per value
    yaml.composer.warn_double_anchors = False  # YAML 1.2 allows it, and the file is not ours
    return yaml


def _load(text: str) -> CommentedMap:
    try:
        document = _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise YamlProblem(f"{error.problem or 'it is not YAML'}{where}") from None
    except Exception as error:  # noqa: BLE001 - on a document that contains itself, ruamel may raise anything
        why = (str(error).splitlines() or [""])[0] if isinstance(error, YAMLError) else "it cannot be loaded"
        raise YamlProblem(f"it is not YAML: {why}") from None
    if document is None:
        document = CommentedMap()
        if text.strip():  # nothing but comments, which ruamel would drop
            document.yaml_set_start_comment("\n".join(line.lstrip("# ") for line in text.splitlines()))
    if not isinstance(document, CommentedMap):
        raise YamlProblem("it is not a mapping")
    return document
