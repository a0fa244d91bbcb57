"""Settings as programs write them, one plain `key: value` a line: read without loading a YAML library.

To load it takes longer than all else that most commands do. What is not plain beyond doubt is left to it.
"""

from __future__ import annotations

import re
from typing import Any

from dagctl.adapters.yaml import YamlProblem as YamlProblem

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WORD = rf"{_UUID}|[A-Za-z/][\w./@-]*(?:[ :][\w./@-]+)*"
_LINE = re.compile(rf'([a-z][a-z0-9_]*): +(?:([1-9][0-9]{{0,8}})|({_WORD})|"([ !#-\[\]-~]*)")', re.ASCII)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def read_settings(text: str) -> dict[str, Any]:
    """The mapping that `text` holds; empty for an empty document.

    Raises:
        YamlProblem: it holds something else, or is no YAML 1.2.
    """
    found = _plain(text)
    if found is not None:
        return found
    from dagctl.adapters.yaml.settings import read_mapping

    return read_mapping(text)


def _plain(text: str) -> dict[str, Any] | None:
    """The mapping, if every line is a comment or a plain scalar that no version of YAML takes for anything else."""
    found: dict[str, Any] = {}
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or match[1] in found or (match[3] or "").lower() in _WORDS:
            return None
        found[match[1]] = int(match[2]) if match[2] else match[3] or match[4]
    return found
