"""Every configuration of SQLMesh's own documentation and examples is the same in Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.generation.conftest import AWKWARD, PROFILES, variables

from dagctl.adapters.sqlmesh.project import differences

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FILES = sorted(CORPUS.glob("*/*.y*ml"))

if not FILES:
    pytest.skip("the corpus is not here (../shared/corpus)", allow_module_level=True)


def environments(text: str, profile: str) -> list[dict[str, str]]:
    """The sets of variables to load a configuration under."""
    names = sorted(set(re.findall(r"env_var\(\s*['\"](\w+)['\"]", text)))
    if profile == "as at generation":
        return [{name: f"value_{number}" for number, name in enumerate(names)}]
    if profile == "others":
        return [{name: str(5000 + number) for number, name in enumerate(names)}]
    if profile == "none":
        return [{}]
    return [dict.fromkeys(names, value) for value in AWKWARD]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_the_corpus(path: Path, convert: Callable[..., str], loaded: Callable[..., tuple[Any, Any]]) -> None:
    text = path.read_text("utf-8")
    with variables(environments(text, "as at generation")[0]):
        python = convert(text, path.name)
    compared = 0
    for profile in PROFILES:
        for environment in environments(text, profile):
            with variables(environment):
                original, converted = loaded(python, path.name)
            if isinstance(original, Exception):
                continue
            assert not isinstance(converted, Exception), f"{profile}: {converted}\n{python}"
            assert differences(original, converted) == (), f"{profile} {environment}\n{python}"
            compared += 1
    if not compared:
        pytest.skip(f"SQLMesh itself loads it under no set of variables: {original}")
