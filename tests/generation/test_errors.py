"""What cannot be converted is said to be so, with the place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

import pytest
from tests.generation.test_equality import MINIMAL

from dagctl.adapters.files.project_files import ProjectFiles
from dagctl.adapters.sqlmesh.project import InstalledSqlmesh
from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.domain.errors import ConfigProblem, DagctlError, FileCorrupt, FileUnusable
from dagctl.domain.generation import ConfigGeneration

BROKEN = [
    ("gateways:\n  a: [1, 2\nmodel_defaults: {}\n", "line 3, column 15"),
    ("a: 1\n b: 2\n", "line 2, column 3"),
    ("a: 'text\n", "line 1"),
    ("a: b: c\n", "line 1, column 5"),
    ("\ta: 1\n", "line 1, column 1"),
    ("a: 1\na: 2\n", "line 2, column 1"),
    ("a: !ENV x\n", "line 1, column 4"),
    ("a: *nothing\n", "line 1, column 4"),
    ("a: {{ env_var('X') }}\nb: 'x' y\n", "line 2, column"),
    ("a: \"{{ env_var('LONG_NAME') }}\" b: 1\n", "line 1, column 11"),
    ("a: 1\nb: {{ env_var('X')\n", "line 2"),
    ("a: {{ env_var('X' }}\n", "line 1"),
    ("a: 1\n{% if x %}\nb: 2\n", "line 2"),
    ("a: 1\n{% nonsense %}\n", "line 2"),
    ("{% if true %}\na: [1\n{% endif %}\n", "line"),
    ("a: {{ 'x: y' }}: z\n", "line 1"),
]


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., object]:
    def plan(text: str | bytes | None, name: str = "config.yaml", **options: PurePath) -> object:
        if text is not None:
            (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        generation = ConfigGeneration(ProjectFiles(), RuamelReader(), InstalledSqlmesh())
        return generation.plan(PurePath(tmp_path), project="shop", **options)

    return plan


@pytest.mark.parametrize(("text", "place"), BROKEN)
def test_the_place_is_the_parsers(text: str, place: str, plan: Callable[..., object]) -> None:
    with pytest.raises(ConfigProblem) as caught:
        plan(text)
    assert place in caught.value.message
    assert "config.yaml" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_an_empty_file(text: str, plan: Callable[..., object]) -> None:
    with pytest.raises(ConfigProblem, match=r"config\.yaml is empty"):
        plan(text)


@pytest.mark.parametrize("text", ["- a\n", "text\n", "5\n", "{{ env_var('X') }}\n"])
def test_no_mapping(text: str, plan: Callable[..., object]) -> None:
    with pytest.raises(ConfigProblem, match="mapping"):
        plan(text)


def test_not_utf_8(plan: Callable[..., object]) -> None:
    with pytest.raises(FileCorrupt, match=r"config\.yaml"):
        plan(b"a: \xff\n")


def test_a_folder_of_that_name(plan: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").mkdir()
    with pytest.raises(FileUnusable, match=r"config\.yaml"):
        plan(None)


def test_nothing_to_convert(plan: Callable[..., object]) -> None:
    with pytest.raises(ConfigProblem, match=r"no config\.yaml"):
        plan(None)


def test_python_already(plan: Callable[..., object]) -> None:
    with pytest.raises(ConfigProblem, match=r"config\.py is Python already"):
        plan("config = 1\n", "config.py")


def test_two_configurations(plan: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "sqlmesh.yml").write_text(MINIMAL)
    with pytest.raises(ConfigProblem, match=r"config\.yaml and sqlmesh\.yml"):
        plan(MINIMAL)


def test_a_dbt_project_needs_no_cli(plan: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: x\n")
    with pytest.raises(ConfigProblem, match="dbt project") as caught:
        plan(MINIMAL)
    assert caught.value.hint is not None
    assert "web UI" in caught.value.hint


def test_an_output_that_is_yaml_by_its_name(plan: Callable[..., object]) -> None:
    with pytest.raises(ConfigProblem, match=r"config\.yml"):
        plan(MINIMAL, output=PurePath("config.yml"))


def test_a_secret_near_a_mistake_is_not_shown(plan: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_PASSWORD", "hush: hush")
    with pytest.raises(ConfigProblem) as caught:
        plan("{% if true %}\npassword: {{ env_var('PG_PASSWORD') }}\n{% endif %}\nb: [hunter2\n")
    assert "hush" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_deeper_than_the_parser_can_go(plan: Callable[..., object]) -> None:
    with pytest.raises(DagctlError, match=r"config\.yaml"):
        plan("a: " + "[" * 5000 + "]" * 5000 + "\n")
