"""Reads settings as programs write them, one plain `key: value` on each line, without importing a YAML library.

That import takes longer than everything else in most commands. Whatever is not clearly plain is left to the library.
"""

from __future__ import annotations

import re
from typing import Any

from dagctl.adapters.yaml import AMBIGUOUS
from dagctl.adapters.yaml import YamlProblem as YamlProblem

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WORD = rf"{_UUID}|[A-Za-z/][\w./@-]*(?:[ :][\w./@-]+)*"
_LINE = re.compile(rf'([a-z][a-z0-9_]*): +(?:([1-9][0-9]{{0,8}})|({_WORD})|"([ !#-\[\]-~]*)")', re.ASCII)


def read_settings(text: str) -> dict[str, Any]:
    """The mapping in `text`; empty for an empty document. Raises `YamlProblem` for anything else."""
    found = _plain(text)
    if found is not None:
        return found
    from dagctl.adapters.yaml.settings import read_mapping

    return read_mapping(text)


def _plain(text: str) -> dict[str, Any] | None:
    """The mapping, if every line is a comment or a plain scalar that all versions of YAML read alike."""
    found: dict[str, Any] = {}
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or match[1] in found or (match[3] or "").lower() in AMBIGUOUS:
            return None
        found[match[1]] = int(match[2]) if match[2] else match[3] or match[4]
    return found
