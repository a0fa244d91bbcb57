"""What cannot be converted is said to be so, with the place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest
from tests.domain.generation.test_equality import MINIMAL

from dagctl import connect
from dagctl.adapters.files.project_files import ProjectFiles
from dagctl.adapters.sqlmesh.project import InstalledSqlmesh
from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.domain.doctor.config import look_at_config
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
        return generation.apply(generation.plan(PurePath(tmp_path), project="shop", **options))

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
    with pytest.raises(ConfigProblem, match=r"config\.py is already Python"):
        plan("config = 1\n", "config.py")


def test_two_configurations(plan: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "sqlmesh.yml").write_text(MINIMAL)
    with pytest.raises(ConfigProblem, match=r"config\.yaml and sqlmesh\.yml"):
        plan(MINIMAL)


def test_a_dbt_project_needs_no_cli(plan: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: x\n")
    with pytest.raises(ConfigProblem, match="dbt project") as caught:
        plan(MINIMAL)
    assert (caught.value.case, caught.value.path) == ("dbt", str(tmp_path / "dbt_project.yml"))


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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gateway: local\nmodel_defaults: {dialect: duckdb}\n", "Invalid field 'gateways'"),
        (MINIMAL + "nonsense: 1\n", "Invalid field 'nonsense': Extra inputs are not permitted"),
        (MINIMAL.replace("{type: duckdb}", "{type: duckdb, passwort: hush}"), "Invalid field 'passwort'"),
        (MINIMAL.replace("{type: duckdb}", "{database: hush}"), "Missing connection type"),
        ("gateways:\n  a:\n    connection: {type: duckdb}\n", "dialect"),
        (MINIMAL + "variables:\n  a: {{ ().__class__.__base__.__subclasses__() }}\n", "unsafe"),
    ],
)
def test_what_sqlmesh_refuses_stays(text: str, words: str, plan: Callable[..., object], tmp_path: Path) -> None:
    with pytest.raises(ConfigProblem) as caught:
        plan(text)
    assert caught.value.case == "refused"
    assert words in caught.value.message
    assert "hush" not in caught.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_without_sqlmesh_gateways_that_are_none_are_refused_too(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("gateway: local\n")
    with pytest.raises(ConfigProblem, match="gateways are not a mapping"):
        ConfigGeneration(ProjectFiles(), RuamelReader()).plan(PurePath(tmp_path), project="shop")


def test_a_driver_or_a_variable_that_is_missing_is_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generation = ConfigGeneration(ProjectFiles(), RuamelReader(), InstalledSqlmesh())
    monkeypatch.setitem(sys.modules, "trino", None)
    trino = "gateways:\n  a:\n    connection: {type: trino, host: h, user: u, catalog: c}\n"
    unset = MINIMAL + "log_limit: {{ env_var('NOT_SET_HERE') }}\n"
    for text, told in (
        (trino + "model_defaults: {dialect: trino}\n", "Failed to import the 'trino'"),
        (unset, "NOT_SET_HERE is not set"),
    ):
        (tmp_path / "config.yaml").write_text(text)
        (note,) = generation.apply(generation.plan(PurePath(tmp_path), project="shop"))
        assert told in note
        (tmp_path / "config.py").unlink()


@pytest.mark.parametrize("content", ["__init__.py", "helpers.py"])
def test_a_folder_named_config_is_in_the_way(content: str, plan: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / content).write_text("")
    with pytest.raises(ConfigProblem, match="cannot both be imported") as caught:
        plan(MINIMAL)
    assert (caught.value.case, caught.value.path) == ("shadowed", str(tmp_path / "config"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "config.yaml"]


def test_a_folder_named_config_without_python_is_not(plan: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "dev.yaml").write_text("")
    assert plan(MINIMAL) == ()


def test_doctor_sees_that_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.py").write_text("config = 1\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "__init__.py").write_text("")
    generation = ConfigGeneration(ProjectFiles(), RuamelReader(), InstalledSqlmesh())
    with pytest.raises(ConfigProblem, match="cannot both be imported") as caught:
        look_at_config(generation, connect(storage=tmp_path / "home", environ={}).context)
    assert caught.value.case == "shadowed"


def test_the_configuration_above_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(MINIMAL)
    below = tmp_path / "models" / "staging"
    below.mkdir(parents=True)
    with pytest.raises(ConfigProblem) as caught:
        ConfigGeneration(ProjectFiles(), RuamelReader()).plan(PurePath(below), project="shop")
    assert caught.value.case == "below"
    assert caught.value.path.endswith("../../config.yaml")
    assert caught.value.path in caught.value.message


def test_looking_renders_nothing(tmp_path: Path) -> None:
    evil = "{{ cycler.__init__.__globals__.os.mkdir('" + str(tmp_path / "ran") + "') }}"
    (tmp_path / "config.yaml").write_text(
        f"{MINIMAL}variables:\n  a: {evil}\n# {evil}\n{{% if true %}}\n{{% endif %}}\n"
    )
    generation = ConfigGeneration(ProjectFiles(), RuamelReader(), InstalledSqlmesh())
    conversion = generation.plan(PurePath(tmp_path), project="shop")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ConfigProblem, match="unsafe"):
        generation.apply(conversion)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
