"""A few bytes of YAML ask for no more work than they are worth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

import pytest
from sqlmesh.utils.errors import ConfigError
from tests.domain.generation.test_equality import MINIMAL

from dagctl.adapters.files.project_files import ProjectFiles
from dagctl.adapters.sqlmesh.project import InstalledSqlmesh, loaded, same
from dagctl.adapters.sqlmesh.values import yaml_settings
from dagctl.adapters.yaml.documents import LIMIT, RuamelReader
from dagctl.domain.errors import ConfigProblem
from dagctl.domain.generation import ConfigGeneration
from dagctl.domain.generation.additions import additions_to


def laughs(depth: int, merge: str = "") -> str:
    """A mapping that is `8 ** depth` times itself."""
    lines = [f"  l0: &l0 {{x: {MARK}}}"]
    for number in range(1, depth):
        again = ", ".join([f"*l{number - 1}"] * 8)
        lines.append(f"  l{number}: &l{number} {f'{{<<: [{again}]}}' if merge else f'[{again}]'}")
    return MINIMAL + "variables:\n" + "\n".join(lines) + "\n"


MARK = "lol"


def test_aliases_that_repeat_too_often_stay_aliases(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(laughs(7))
    generation = ConfigGeneration(ProjectFiles(), RuamelReader(), InstalledSqlmesh())
    conversion = generation.plan(PurePath(tmp_path), project="shop")
    assert conversion.text.count(MARK) == 1
    assert "# These settings repeat themselves too often, so they stay YAML." in conversion.text
    assert generation.apply(conversion) == ()
    variables = loaded(tmp_path).variables
    assert variables["l2"][0] is variables["l2"][7]


def test_aliases_that_do_not_are_written_out(convert: Callable[..., str]) -> None:
    assert convert(laughs(3)).count(MARK) == 1 + 8 + 64


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("variables: &v {a: *v}", "config.yaml contains itself, at line 1."),
        ("variables:\n  a: &v {<<: *v, b: 1}", "config.yaml contains itself, at line 2."),
        ("variables:\n  a: &v [x, *v]", "config.yaml contains itself, at line 2."),
        (laughs(12), "config.yaml repeats its contents too often to be loaded."),
        (laughs(8, "<<"), "config.yaml repeats its contents too often to be loaded."),
        (f"variables: {{a: {'9' * 50_000}}}", "config.yaml contains a number with more than 4,300 digits."),
        (f"variables: {{a: 0x{'9' * 50_000}}}", "config.yaml contains a number with more than 4,300 digits."),
        (f"variables: {{a: {'[' * 5_000}", "config.yaml is nested too deeply."),
        ("{% if x %}" * 5_000, "config.yaml is nested too deeply."),
        (f"a: [{'1,' * LIMIT}]", f"config.yaml is not valid YAML: it has more than {LIMIT:,} values."),
    ],
    ids=[
        "itself",
        "merged into itself",
        "listed in itself",
        "laughs",
        "merges",
        "decimal",
        "hexadecimal",
        "deep",
        "Jinja",
        "much",
    ],
)
def test_what_nobody_could_load_is_a_sentence(text: str, why: str) -> None:
    with pytest.raises(ConfigProblem) as refused:
        RuamelReader().read(text, "config.yaml")
    assert refused.value.message == why


@pytest.mark.parametrize("text", ["a: &v {<<: *v, b: *x}", f"a: {'9' * 50_000}", f"a: {'[' * 5_000}", "a: {{ '*' }}x"])
def test_it_is_a_sentence_of_sqlmeshs_too_and_quotes_nothing(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        yaml_settings(text)
    assert str(refused.value) == "The configuration is not valid YAML once its Jinja is rendered."


def test_deep_jinja_is_a_sentence() -> None:
    with pytest.raises(ConfigProblem, match=r"The Jinja of config\.yaml is nested too deeply\."):
        InstalledSqlmesh().check_jinja("{{ " + "(" * 5_000 + ")" * 5_000 + " }}", "config.yaml")


def test_python_that_is_nested_too_deep_is_none_of_ours() -> None:
    assert additions_to("x = " + "+".join(["a"] * 3_000), "shop") in (None, ())


def test_what_is_repeated_is_compared_once() -> None:
    def nested(leaf: object) -> object:
        for _ in range(64):
            leaf = {"a": leaf, "b": [leaf]}
        return leaf

    assert same(nested(1), nested(1))
    assert not same(nested(1), nested(True))
