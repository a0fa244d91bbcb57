"""`SQLMESH__*` variables do to a converted project what they do to the YAML one; only the state stays dagctl's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.domain.generation.conftest import variables
from tests.domain.generation.test_equality import DEFAULTS, MINIMAL

from dagctl.adapters.sqlmesh.rehearsal import NOWHERE

if TYPE_CHECKING:
    from sqlmesh.core.config import Config

POSTGRES = (
    """\
gateways:
  pg:
    connection:
      type: postgres
      host: h
      port: 5432
      user: u
      password: "{{ env_var('PG_PASSWORD') }}"
      database: d
    state_schema: s
    variables: {x: 1}
  other:
    connection: {type: duckdb}
variables: {a: 1, b: two}
plan: {no_diff: true}
"""
    + DEFAULTS
)
SINGLE = "gateway:\n  connection: {type: duckdb, database: a.db}\n" + DEFAULTS
SINGLE_UNDER_GATEWAYS = "gateways:\n  connection: {type: duckdb, database: a.db}\n" + DEFAULTS
UPPER_CASE = "gateways:\n  PG:\n    connection: {type: duckdb}\n    state_schema: s\n" + DEFAULTS
LOOP = """\
gateways:
{% for n in ['pg', 'b'] %}
  {{ n }}:
    connection: {type: duckdb, database: {{ n }}.db}
{% endfor %}
model_defaults: {dialect: duckdb}
"""

OVERRIDES: list[tuple[str, dict[str, str]]] = [
    (POSTGRES, {"SQLMESH__GATEWAYS__PG__CONNECTION__DATABASE": "x"}),
    (POSTGRES, {"SQLMESH__GATEWAYS__PG__CONNECTION__PORT": "1", "SQLMESH__GATEWAYS__PG__STATE_SCHEMA": "z"}),
    (POSTGRES, {"SQLMESH__GATEWAYS__PG__CONNECTION__PASSWORD": "{{ x }}"}),
    (POSTGRES, {"SQLMESH__GATEWAYS__OTHER__CONNECTION__TYPE": "duckdb", "SQLMESH__GATEWAYS__OTHER__VARIABLES__Y": "2"}),
    (POSTGRES, {"SQLMESH__GATEWAYS__NEW__CONNECTION__TYPE": "duckdb", "SQLMESH__DEFAULT_GATEWAY": "new"}),
    (POSTGRES, {"sqlmesh__gateways__pg__connection__database": "lower"}),
    (POSTGRES, {"SQLMESH__VARIABLES__A": "9"}),
    (POSTGRES, {"SQLMESH__VARIABLES__C": "new"}),
    (POSTGRES, {"SQLMESH__PLAN__AUTO_APPLY": "true"}),
    (POSTGRES, {"SQLMESH__MODEL_DEFAULTS__OWNER": "jo", "SQLMESH__MODEL_DEFAULTS__DIALECT": "postgres"}),
    (POSTGRES, {"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": "dev", "SQLMESH__PROJECT": "p"}),
    (POSTGRES, {"SQLMESH__JANITOR__WARN_ON_DELETE_FAILURE": "true", "SQLMESH__FORMAT__INDENT": "8"}),
    (POSTGRES, {"SQLMESH__DEFAULT_CONNECTION__TYPE": "duckdb", "SQLMESH__LOG_LIMIT": "3"}),
    (POSTGRES, {"SQLMESH__CICD_BOT__TYPE": "github", "SQLMESH__CICD_BOT__MERGE_METHOD": "squash"}),
    (POSTGRES, {"SQLMESH__PHYSICAL_SCHEMA_MAPPING__x": "y"}),
    (POSTGRES, {"SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"}),
    (POSTGRES + "cicd_bot: {type: github}\n", {"SQLMESH__CICD_BOT__MERGE_METHOD": "rebase"}),
    (POSTGRES + "default_connection: {type: duckdb}\n", {"SQLMESH__DEFAULT_CONNECTION__DATABASE": "x.db"}),
    (POSTGRES + "janitor: {warn_on_delete_failure: true}\n", {"SQLMESH__JANITOR__EXPIRED_SNAPSHOTS_BATCH_SIZE": "3"}),
    (POSTGRES, {"SQLMESH__AIRFLOW__DISABLE_STATE_MIGRATION": "1", "SQLMESH__VARIABLES__A": "9"}),
    (SINGLE, {"SQLMESH__GATEWAY__CONNECTION__DATABASE": "x.db"}),
    (SINGLE, {"SQLMESH__GATEWAY__STATE_SCHEMA": "x"}),
    (SINGLE_UNDER_GATEWAYS, {"SQLMESH__GATEWAYS__CONNECTION__DATABASE": "x.db"}),
    (DEFAULTS, {"SQLMESH__GATEWAYS__PG__CONNECTION__TYPE": "duckdb"}),
    (DEFAULTS, {"SQLMESH__GATEWAY__CONNECTION__TYPE": "duckdb"}),
    (DEFAULTS, {"SQLMESH__GATEWAYS__CONNECTION__TYPE": "duckdb"}),
    (UPPER_CASE, {"SQLMESH__GATEWAYS__PG__CONNECTION__TYPE": "duckdb"}),
    (LOOP, {"SQLMESH__GATEWAYS__PG__CONNECTION__DATABASE": "x.db", "SQLMESH__VARIABLES__A": "9"}),
    (MINIMAL, {"SQLMESH__GATEWAYS__LOCAL__STATE_CONNECTION__TYPE": "duckdb", "SQLMESH__VARIABLES__A": "9"}),
]

Loading = Callable[[str, str], "Config | Exception"]


def states(config: Config) -> list[object]:
    return [gateway.state_connection and gateway.state_connection.type_ for gateway in config.gateways.values()]


@pytest.mark.parametrize(("yaml", "overrides"), OVERRIDES)
def test_an_override_does_the_same(
    yaml: str, overrides: Mapping[str, str], convert: Callable[..., str], compare: Callable[..., int], load: Loading
) -> None:
    python = convert(yaml)
    assert compare(yaml, python, [overrides]), "SQLMesh does not load the YAML project with it"
    with variables(overrides):
        config = load("config.py", python)
        assert not isinstance(config, Exception), config
        assert set(states(config)) == {NOWHERE["type"]}


@pytest.mark.parametrize(("yaml", "overrides"), OVERRIDES)
def test_the_environment_is_as_it_was(
    yaml: str, overrides: Mapping[str, str], convert: Callable[..., str], load: Loading
) -> None:
    with variables(overrides):
        before = dict(os.environ)
        load("config.py", convert(yaml))
        assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("yaml", "variable"),
    [
        (POSTGRES, "SQLMESH__GATEWAYS__PG__STATE_CONNECTION__"),
        (POSTGRES, "sqlmesh__gateways__pg__state_connection__"),
        (SINGLE, "SQLMESH__GATEWAY__STATE_CONNECTION__"),
        (SINGLE_UNDER_GATEWAYS, "SQLMESH__GATEWAYS__STATE_CONNECTION__"),
        (LOOP, "SQLMESH__GATEWAYS__PG__STATE_CONNECTION__"),
    ],
)
def test_a_state_connection_from_the_environment_is_ignored_out_loud(
    yaml: str,
    variable: str,
    convert: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from sqlmesh.core.config import Config
    from sqlmesh.core.config.loader import load_configs

    monkeypatch.setattr("dagctl.get_state_connection", lambda **_: dict(NOWHERE), raising=False)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "config.py").write_text(convert(yaml))
    with variables({f"{variable}TYPE": "duckdb", f"{variable}DATABASE": "stolen.db"}):
        config = load_configs("config", Config, tmp_path / "project", sqlmesh_path=tmp_path / "nobody")[
            tmp_path / "project"
        ]
    assert set(states(config)) == {"postgres"}
    told = capsys.readouterr().err
    assert f"ignoring {variable.upper()}*" in told
    assert "stolen" not in told


def test_several_repositories_all_see_the_overrides(
    convert: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlmesh.core.config import Config, PostgresConnectionConfig
    from sqlmesh.core.config.loader import load_configs

    monkeypatch.setattr("dagctl.get_state_connection", lambda **_: dict(NOWHERE), raising=False)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "config.py").write_text(convert(POSTGRES))
    with variables({"SQLMESH__GATEWAYS__PG__CONNECTION__DATABASE": "x", "SQLMESH__VARIABLES__A": "9"}):
        configs = load_configs("config", Config, folders, sqlmesh_path=tmp_path / "nobody")
        assert "_DAGCTL_HIDDEN_OVERRIDES" not in os.environ
    for config in configs.values():
        connection = config.gateways["pg"].connection
        assert isinstance(connection, PostgresConnectionConfig)
        assert connection.database == "x"
        assert config.variables == {"a": "9", "b": "two"}


def test_what_a_personal_configuration_sets_keeps_its_precedence(
    convert: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environment > personal > project, as SQLMesh has it."""
    from sqlmesh.core.config import Config
    from sqlmesh.core.config.loader import load_configs

    monkeypatch.setattr("dagctl.get_state_connection", lambda **_: dict(NOWHERE), raising=False)
    personal = tmp_path / "personal"
    personal.mkdir()
    (personal / "config.yaml").write_text("plan: {auto_apply: false}\nusername: personal\n")
    monkeypatch.setattr("sqlmesh.core.constants.SQLMESH_PATH", personal)
    project = tmp_path / "project"
    project.mkdir()
    (project / "config.py").write_text(convert(POSTGRES + "username: project\n"))
    with variables({"SQLMESH__PLAN__AUTO_APPLY": "true", "SQLMESH__USERNAME": "environment"}):
        config = load_configs("config", Config, project, sqlmesh_path=personal)[project]
    assert (config.plan.auto_apply, config.plan.no_diff, config.username) == (True, True, "environment")


def test_a_configuration_written_by_hand_may_call_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlmesh.core.config import DuckDBConnectionConfig

    from dagctl.sqlmesh import project_config

    with variables({"SQLMESH__GATEWAYS__PG__CONNECTION__DATABASE": "x.db"}):
        config = project_config(
            gateways={"pg": {"connection": {"type": "duckdb"}}}, model_defaults={"dialect": "duckdb"}
        )
    connection = config.gateways["pg"].connection
    assert isinstance(connection, DuckDBConnectionConfig)
    assert connection.database == "x.db"
    assert config.gateways["pg"].state_connection is None


SECRET = "hunter2"


@pytest.mark.parametrize("name", ["PASSWORD", "CONNECTION__PORT", "STATE_SCHEMA__X"])
def test_an_error_quotes_no_value(name: str, convert: Callable[..., str], load: Loading) -> None:
    python = convert(POSTGRES)
    with variables({"PG_PASSWORD": "p", f"SQLMESH__GATEWAYS__PG__{name}": SECRET}):
        original, converted = load("config.yaml", POSTGRES), load("config.py", python)
    assert isinstance(original, Exception)
    assert isinstance(converted, Exception)
    assert SECRET not in str(converted)
    assert "Invalid field" in str(converted)


@pytest.mark.parametrize("value", [f"*{SECRET}", f"!{SECRET} x", f"{SECRET}: a: b", "[" * 5000 + SECRET, "9" * 50_000])
def test_a_variable_that_is_no_yaml_is_named_and_not_shown(
    value: str, convert: Callable[..., str], load: Loading
) -> None:
    python = convert(POSTGRES.replace("\"{{ env_var('PG_PASSWORD') }}\"", "{{ env_var('PG_PASSWORD') }}"))
    with variables({"PG_PASSWORD": value}):
        converted = load("config.py", python)
    assert "The value of PG_PASSWORD is not valid YAML" in str(converted)
    assert SECRET not in str(converted)
    assert "999" not in str(converted)
