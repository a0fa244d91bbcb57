"""What of SQLMesh's insides is leaned on. A failure here says that SQLMesh has moved, and where."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dagctl.adapters.sqlmesh.commands import BOT, NOBODY, SQLMESH
from dagctl.adapters.sqlmesh.invocation import PROGRAMS
from dagctl.domain.values.targets import EnvironmentName

if TYPE_CHECKING:
    import click
    from tests.adapters.sqlmesh.conftest import Surroundings

ELSEWHERE = {"ui", "state", "dbt"}
"""A long-lived process, a group, and what some versions have: they may touch any environment."""


def test_every_command_of_this_version_is_known(sqlmesh_cli: click.Group) -> None:
    known = NOBODY | {words[0] for words in SQLMESH} | ELSEWHERE
    assert set(sqlmesh_cli.commands) - known == set()


def test_the_subcommands_of_state(sqlmesh_cli: click.Group) -> None:
    from click import Group

    state = sqlmesh_cli.commands.get("state")
    if state is None:
        pytest.skip("this version of SQLMesh has no such commands")
    assert isinstance(state, Group)
    assert {("state", name) for name in state.commands} <= set(SQLMESH)


@pytest.mark.parametrize(
    ("command", "parameters"),
    [
        ("plan", {"environment"}),
        ("run", {"environment"}),
        ("diff", {"environment"}),
        ("invalidate", {"environment"}),
        ("check_intervals", {"environment"}),
        ("table_diff", {"source_to_target", "model", "select_model"}),
    ],
)
def test_the_parameters_that_name_environments(command: str, parameters: set[str], sqlmesh_cli: click.Group) -> None:
    if command not in sqlmesh_cli.commands:
        pytest.skip("this version of SQLMesh has no such command")
    assert parameters <= {each.name for each in sqlmesh_cli.commands[command].params}


def test_the_options_of_the_program(sqlmesh_cli: click.Group) -> None:
    assert {"paths", "config", "gateway"} <= {each.name for each in sqlmesh_cli.params}


def test_the_bots_commands(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.cicd.bot import bot

    github: Any = bot.commands["github"]
    assert set(github.commands) == set(BOT)


def test_the_programs_are_where_they_were(sqlmesh_cli: click.Group) -> None:
    from importlib import import_module

    for module, attribute in PROGRAMS.values():
        if module == "sqlmesh_dbt.cli":
            pytest.importorskip(module)
        assert hasattr(import_module(module), attribute)


@pytest.mark.parametrize("name", ["prod", "PROD", "prod ", "dev-feature.1", "Übung", "a/b:c", "ǅ", "x\n", ""])
def test_names_are_sanitised_as_sqlmesh_does_it(name: str, sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core.environment import EnvironmentNamingInfo

    assert EnvironmentName(name) == EnvironmentNamingInfo.sanitize_name(name)


@pytest.mark.parametrize("name", ["\u0130", "a\u0130B", "\u0130\u0130 prod"])
def test_a_name_is_sanitised_until_it_stays(name: str, sqlmesh_cli: click.Group) -> None:
    """SQLMesh sanitises twice in a plan."""
    from sqlmesh.core.environment import EnvironmentNamingInfo

    once = EnvironmentNamingInfo.sanitize_name(name)
    assert once != EnvironmentNamingInfo.sanitize_name(once) == EnvironmentName(name) == EnvironmentName(once)


def test_the_names_of_production_and_of_the_default(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core import constants
    from sqlmesh.core.config import Config

    assert constants.PROD == "prod"
    assert Config().default_target_environment == constants.PROD


def test_the_names_of_yaml_files(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core.config import common

    from dagctl.adapters.sqlmesh.targets import _YAML_NAMES

    if not hasattr(common, "YAML_CONFIG_FILENAMES"):
        pytest.skip("this version of SQLMesh keeps them elsewhere, and there are two")
    assert set(_YAML_NAMES) == set(common.YAML_CONFIG_FILENAMES)


def test_the_seams_of_a_connection(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core.config.connection import ConnectionConfig, PostgresConnectionConfig

    for name in ("_connection_factory", "_engine_adapter", "_extra_engine_config", "_connection_factory_with_kwargs"):
        assert isinstance(inspect.getattr_static(ConnectionConfig, name), property), name
    assert {"host", "port", "user", "password", "database", "sslmode", "connect_timeout"} <= set(
        PostgresConnectionConfig.all_fields()
    )


def test_the_seams_of_an_engine_adapter(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core.engine_adapter.postgres import PostgresEngineAdapter

    make: Any = PostgresEngineAdapter
    adapter = make(lambda: None, anything=1)
    assert adapter._extra_config["anything"] == 1
    assert next(iter(inspect.signature(PostgresEngineAdapter.execute).parameters)) == "self"


def test_the_tables_of_environments(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core.engine_adapter.postgres import PostgresEngineAdapter
    from sqlmesh.core.state_sync.db.environment import EnvironmentState

    from dagctl.adapters.sqlmesh.net import _column

    make: Any = PostgresEngineAdapter
    state = EnvironmentState(make(lambda: None), schema="sqlmesh")
    assert _column(state.environments_table) in state._environment_columns_to_types
    assert _column(state.environment_statements_table) in state._environment_statements_columns_to_types


def test_the_seams_of_a_context(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core.context import Context, GenericContext

    from dagctl.adapters.sqlmesh.gate import _GATED

    assert not {name for owner, name, *_ in _GATED if owner is GenericContext} & vars(Context).keys()
    assert {"_new_state_sync", "state_sync", "connection_config"} <= set(dir(GenericContext))
    assert "self._provided_state_sync" in inspect.getsource(GenericContext.__init__)


def test_a_folder_is_first_on_the_path_while_its_configuration_loads(
    surroundings: Surroundings, sqlmesh_cli: click.Group
) -> None:
    from sqlmesh.core.config.loader import load_config_from_python_module
    from sqlmesh.core.config.root import Config

    text = "import sys\nfrom sqlmesh.core.config import Config\nconfig = Config(project=sys.path[0])\n"
    folder = surroundings(files={"config.py": text})
    config = load_config_from_python_module(Config, folder / "config.py")
    assert Path(config.project) == folder


def test_what_the_loader_calls_its_variables(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core.config import loader

    from dagctl.adapters.sqlmesh.loading import _LOADER

    assert loader.__name__ == _LOADER
    assert {"module_path", "config_name"} <= set(inspect.signature(loader.load_config_from_python_module).parameters)
    code = loader.load_configs.__code__
    assert "absolute_paths" in code.co_varnames + code.co_cellvars
