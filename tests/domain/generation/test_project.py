"""SQLMesh's own view: both configurations are loaded, nobody is asked, and nothing of it stays behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path, PurePath
from types import ModuleType

import pytest
from tests.domain.generation.conftest import variables
from tests.domain.generation.test_equality import DEFAULTS, MINIMAL

from dagctl.adapters.sqlmesh.project import InstalledSqlmesh, same
from dagctl.adapters.sqlmesh.rehearsal import rehearsing
from dagctl.domain.errors import MissingExtra
from dagctl.ports.sqlmesh_project import Comparison

Convert = Callable[..., str]


def compared(folder: Path, python: str) -> Comparison:
    return InstalledSqlmesh().compare(PurePath(folder / "config.yaml"), python)


def test_the_same(convert: Convert, tmp_path: Path) -> None:
    assert compared(tmp_path, convert(MINIMAL)) == Comparison()


@pytest.mark.parametrize(
    ("yaml", "old", "new", "field"),
    [
        ("log_limit: 5\n", "log_limit=5", "log_limit=6", "log_limit"),
        ("variables: {a: 1}\n", '"a": 1', '"a": True', "variables"),
        ("variables: {a: 1}\n", '"a": 1', '"a": 1.0', "variables"),
        ("variables: {a: [1, 2]}\n", "[1, 2]", "[2, 1]", "variables"),
        ("", '{"type": "duckdb"}', '{"type": "duckdb", "database": "x.db"}', "gateways"),
        ("", '"local"', '"remote"', "gateways"),
        ("project: shop\n", '    project="shop",\n)', ")", "project"),
    ],
)
def test_a_difference_is_found(yaml: str, old: str, new: str, field: str, convert: Convert, tmp_path: Path) -> None:
    python = convert(MINIMAL + yaml)
    assert old in python
    assert compared(tmp_path, python.replace(old, new)).differences == (field,)


def test_a_result_that_does_not_load_is_a_difference(convert: Convert, tmp_path: Path) -> None:
    (found,) = compared(tmp_path, convert(MINIMAL) + "1 / 0\n").differences
    assert "division by zero" in found


def test_without_psycopg2_our_extra_is_named(convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = convert(MINIMAL)
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(MissingExtra, match="psycopg2") as raised:
        compared(tmp_path, text)
    assert raised.value.extra == "sqlmesh"


def test_an_original_that_does_not_load_is_refused(convert: Convert, tmp_path: Path) -> None:
    found = compared(tmp_path, convert(MINIMAL.replace("duckdb}}", "duckdb}}") + "nonsense: 1\n"))
    assert found.differences == ()
    assert found.refusal is not None
    assert "nonsense" in found.refusal


def test_the_projects_dotenv_counts_and_does_not_stay(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET_TYPE=duckdb\nSQLMESH__VARIABLES__A=9\n")
    python = convert("gateways:\n  x:\n    connection: {type: \"{{ env_var('SECRET_TYPE') }}\"}\n" + DEFAULTS)
    with variables({"MINE": "1"}):
        before = dict(os.environ)
        assert compared(tmp_path, python) == Comparison()
        assert dict(os.environ) == before


def test_nothing_stays_behind(convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ModuleType("config")
    monkeypatch.setitem(sys.modules, "config", theirs)
    python, path = convert(MINIMAL), list(sys.path)
    assert compared(tmp_path, python) == Comparison()
    assert sys.modules["config"] is theirs
    assert sys.path == path
    assert not rehearsing()
    assert sorted(os.listdir(tmp_path)) == ["config.yaml"]


def test_nobody_is_asked(convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagctl

    monkeypatch.setenv("DAGCTL_HOME", str(tmp_path / "home"))
    assert compared(tmp_path, convert(MINIMAL)) == Comparison()
    with pytest.raises(dagctl.NotSignedIn):
        dagctl.get_fresh_token()


def test_sqlmesh_prints_nothing_meanwhile(convert: Convert, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    python = convert(MINIMAL + "physical_schema_override: {a: b}\n")
    assert compared(tmp_path, python) == Comparison()
    assert capsys.readouterr() == ("", "")


def test_a_personal_configuration_is_left_out_of_the_comparison(
    convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    personal = tmp_path / "personal"
    personal.mkdir()
    (personal / "config.yaml").write_text("gateways: {local: {connection: {database: x.db}}}\n")
    monkeypatch.setattr("sqlmesh.core.constants.SQLMESH_PATH", personal)
    assert compared(tmp_path, convert(MINIMAL)) == Comparison()
    (caution,) = InstalledSqlmesh().cautions(PurePath(tmp_path))
    assert str(personal / "config.yaml") in caution
    assert "gateways" in caution


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_a_state_connection_in_the_environment_is_a_caution(where: str, tmp_path: Path) -> None:
    name = "SQLMESH__GATEWAYS__LOCAL__STATE_CONNECTION__PASSWORD"
    if where == ".env":
        (tmp_path / ".env").write_text(f"{name}=hush\n")
    with variables({name: "hush"} if where == "environment" else {}):
        (caution,) = InstalledSqlmesh().cautions(PurePath(tmp_path))
    assert name in caution
    assert "hush" not in caution


def test_nothing_special_is_no_caution(tmp_path: Path) -> None:
    with variables({"SQLMESH__GATEWAYS__LOCAL__CONNECTION__DATABASE": "x"}):
        assert InstalledSqlmesh().cautions(PurePath(tmp_path)) == ()


@pytest.mark.parametrize(
    ("installed", "told"),
    [(("psycopg2", "psycopg2-binary"), 1), (("psycopg2",), 0), (("psycopg2-binary",), 0)],
    ids=str,
)
def test_two_drivers_in_one_folder_are_a_caution(
    installed: tuple[str, ...], told: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    for name in installed:
        described = site / f"{name.replace('-', '_')}-2.9.10.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.9.10\n")
    monkeypatch.setattr(sys, "path", [str(site)])
    cautions = InstalledSqlmesh().cautions(PurePath(tmp_path))
    assert len(cautions) == told
    assert all(said.endswith("pip install psycopg2-binary") for said in cautions)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1, True),
        (1, True, False),
        (1, 1.0, False),
        (float("nan"), float("nan"), True),
        ({"a": 1, 2: 3}, {2: 3, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        ([1, [2]], [1, [2]], True),
        ([1], (1,), False),
        ({1, 2}, {2, 1}, True),
        ("a", b"a", False),
    ],
)
def test_what_is_the_same(one: object, other: object, equal: bool) -> None:
    assert same(one, other) is equal


def test_the_settings_of_a_gateway_are_those_of_sqlmesh() -> None:
    from sqlmesh.core.config.gateway import GatewayConfig

    from dagctl.domain.generation.wiring import GATEWAY_KEYS

    assert set(GatewayConfig.model_fields) == GATEWAY_KEYS
