"""Cases of our own: each is loaded by SQLMesh from the YAML and from the Python, under every set of variables."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.domain.generation.conftest import AWKWARD, environments, skip_if_sqlmesh_is_too_old, variables

FOLDER = Path(__file__).parent / "cases"
GATEWAYS = "gateways:\n  local:\n    connection: {type: duckdb}\n"
DEFAULTS = "model_defaults: {dialect: duckdb}\n"
MINIMAL = GATEWAYS + DEFAULTS


def cases() -> dict[str, str]:
    """The cases in `cases/*.txt`; those not about gateways or model defaults are given some."""
    found = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for name, text in re.findall(
            r"^#### (\w+)\n(.*?)(?=\n#### |\Z)", path.read_text("utf-8"), re.DOTALL | re.MULTILINE
        ):
            whole = path.stem == "gateways"
            gateways = "" if whole else GATEWAYS
            found[f"{path.stem}-{name}"] = gateways + ("" if whole or "model_defaults" in text else DEFAULTS) + text
    return found


CASES = cases()


EXCEPT = {"gateways-name_from_jinja": {*AWKWARD}, "jinja-key": {*AWKWARD}, "jinja-in_a_flow_list": {"-"}}
"""What is not the same in Python: a key that renders to `#…` takes its entry along in YAML, and a dash within brackets
is text. In Python, such a key is refused when the configuration is loaded."""


@pytest.mark.parametrize("name", CASES)
def test_the_same(name: str, convert: Callable[..., str], compare: Callable[..., int]) -> None:
    skip_if_sqlmesh_is_too_old(name)
    yaml = CASES[name]
    sets = [some for some in environments(yaml) if EXCEPT.get(name, set()).isdisjoint(some.values())]
    with variables(sets[0]):
        python = convert(yaml)
    assert compare(yaml, python, sets), "SQLMesh loads it under no set of variables"
    for value in sets[0].values():
        assert value not in python, "a variable's value is frozen in the file"


@pytest.mark.parametrize("name", ["config.yaml", "config.yml", "sqlmesh.yaml", "sqlmesh.yml"])
def test_every_name_that_sqlmesh_knows(name: str, convert: Callable[..., str], compare: Callable[..., int]) -> None:
    assert compare(MINIMAL, convert(MINIMAL, name), name=name)


@pytest.mark.parametrize("yaml", [MINIMAL.replace("\n", "\r\n"), MINIMAL.rstrip("\n"), MINIMAL + "variables: {a: 1}"])
def test_line_ends(yaml: str, convert: Callable[..., str], compare: Callable[..., int]) -> None:
    assert compare(yaml, convert(yaml))


def test_the_cases_have_every_setting_of_sqlmesh() -> None:
    from sqlmesh.core.config import Config

    mentioned = "\n".join(CASES.values())
    names = {field.alias or name for name, field in Config.model_fields.items()} - {"loader"}
    assert [name for name in sorted(names) if not re.search(rf"^{name}:", mentioned, re.MULTILINE)] == []
