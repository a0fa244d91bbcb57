"""Which configuration is being loaded, and which of its objects decides, in real SQLMesh."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from dagctl.adapters.sqlmesh.loading import loading
from dagctl.domain.values.state import StateCredentials, StateEndpoint

if TYPE_CHECKING:
    import click
    from tests.adapters.sqlmesh.conftest import Ask, Configuration, Platform, Surroundings

HEAD = """\
import os
from dagctl import get_state_connection
from sqlmesh.core.config import Config

def gateways(default):
    state = get_state_connection(default_environment=default)
    return {"g": {"connection": {"type": "duckdb"}, "state_connection": state}}

def make(default):
    return Config(gateways=gateways(default), model_defaults={"dialect": "duckdb"}, default_target_environment=default)

"""

EIGHT = HEAD + "config = make('dev_me')\n" + "".join(f"config_{n} = make('env_{n}')\n" for n in range(7))


def config_with(body: str) -> str:
    return HEAD + dedent(body)


@pytest.fixture(autouse=True)
def _all_is_built(platform: Platform) -> None:
    """Let a call return, so that the rest of the file runs too."""
    nowhere = StateEndpoint("127.0.0.1", 1, "nothing", "nobody", "verify-full")
    platform.state.located = lambda session: SimpleNamespace(context=None)
    platform.state.credentials_in = lambda session: StateCredentials(nowhere, "")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("plan", ["dev_me"]),
        ("--config config plan", ["dev_me"]),
        ("--config config_3 plan", ["env_3"]),
        ("--config=config_6 run", ["env_6"]),
        ("--config config_3 plan prod", ["prod"]),
        ("--config config_3 destroy", ["prod", "env_3"]),
        ("--config config_0 janitor", ["prod", "env_0"]),
        ("--config config_0 invalidate dev", ["dev"]),
        ("--config config_0 environments", []),
        ("--config config_0 check_intervals", []),
        ("--gateway g --config config_1 plan", ["env_1"]),
        ("--config nowhere plan", ["dev_me", *(f"env_{n}" for n in range(7))]),
    ],
)
def test_eight_objects_in_one_file(line: str, asked: list[str], ask: Ask) -> None:
    seen = ask(["sqlmesh", *shlex.split(line)], files={"config.py": EIGHT}).asked
    assert seen == asked


def test_a_variable_overrules_whichever_was_chosen(ask: Ask) -> None:
    seen = ask(
        ["sqlmesh", "--config", "config_3", "plan"],
        files={"config.py": EIGHT},
        env={"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": "qa"},
    )
    assert seen.asked == ["qa"]


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        pytest.param("config = make('one')\nlocal = make('two')", ["two"], id="one each"),
        pytest.param(
            "local = (\n    make(\n        'one'\n    )\n)\nconfig = make('two')", ["one"], id="several lines"
        ),
        pytest.param("config: Config = make('one')\nlocal: Config = make('two')", ["two"], id="annotated"),
        pytest.param("config = other = make('one')\nlocal = make('two')", ["two"], id="two names"),
        pytest.param("local = alias = make('one')\nconfig = make('two')", ["one"], id="two names for the chosen"),
        pytest.param("config = make('one'); local = make('two')", ["one", "two"], id="one line: no telling"),
        pytest.param("base = make('one')\nlocal = base\nconfig = make('two')", ["one"], id="another name"),
        pytest.param("config = make('one')\nlocal = config.copy()", ["one"], id="made from the other"),
        pytest.param(
            "shared = gateways('one')\nlocal = Config(gateways=shared, model_defaults={'dialect': 'duckdb'})\n"
            "config = make('two')",
            ["one"],
            id="gateways of its own",
        ),
        pytest.param(
            "shared = {}\nshared.update(gateways('one'))\n"
            "local = Config(gateways=shared, model_defaults={'dialect': 'duckdb'})\nconfig = make('two')",
            ["one"],
            id="gateways changed later",
        ),
        pytest.param(
            "shared = {}\nshared['g'] = gateways('one')['g']\n"
            "local = Config(gateways=shared, model_defaults={'dialect': 'duckdb'})\nconfig = make('two')",
            ["one"],
            id="gateways set by key",
        ),
        pytest.param(
            "def late():\n    return make('one')\n\nlocal = late()\nconfig = make('two')", ["one"], id="by a function"
        ),
        pytest.param(
            "all_of_them = {name: make(name) for name in ('one', 'two')}\nlocal = all_of_them['two']",
            ["one", "two"],
            id="from a mapping of all",
        ),
        pytest.param(
            "if os.environ:\n    local = make('one')\nelse:\n    local = make('two')\nconfig = make('three')",
            ["one"],
            id="in a branch",
        ),
        pytest.param("globals()['local'] = make('one')\nconfig = make('two')", ["one", "two"], id="behind its back"),
        pytest.param(
            "local = make('one')\nmake('two')\nfor name in ('three',):\n    make(name)",
            ["one", "two", "three"],
            id="what is not assigned may count",
        ),
        pytest.param(
            "class Kinds:\n    local = make('one')\n\nlocal = Kinds.local\nconfig = make('two')",
            ["one"],
            id="in a class",
        ),
        pytest.param("local, config = make('one'), make('two')", ["one", "two"], id="unpacked"),
    ],
)
def test_only_what_the_chosen_object_is_made_of_decides(body: str, asked: list[str], ask: Ask) -> None:
    seen = ask(["sqlmesh", "--config", "local", "plan"], files={"config.py": config_with(body)})
    assert seen.asked == asked


def test_a_file_that_is_not_the_one_that_runs_decides_nothing_away(ask: Ask) -> None:
    body = "open(__file__, 'w').write('local = = 1')\nlocal = make('one')\nconfig = make('two')\n"
    assert ask(["sqlmesh", "--config", "local", "plan"], files={"config.py": config_with(body)}).asked == ["one", "two"]


@pytest.mark.parametrize(("name", "asked"), [(None, ["dev_me"]), ("config", ["dev_me"]), ("config_2", ["env_2"])])
def test_a_program_says_which_object_it_takes(
    name: str | None,
    asked: list[str],
    surroundings: Surroundings,
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    sqlmesh_cli: click.Group,
) -> None:
    folder = surroundings(files={"config.py": EIGHT})
    _load(folder, platform, monkeypatch, config=name)
    assert platform.asked == asked


def test_only_the_first_repository_of_a_program_decides(
    surroundings: Surroundings,
    platform: Platform,
    configuration: Configuration,
    monkeypatch: pytest.MonkeyPatch,
    sqlmesh_cli: click.Group,
) -> None:
    files = {"a/config.py": configuration("of_a"), "b/config.py": configuration("of_b")}
    folder = surroundings(files=files)
    _load([folder / "b", folder / "a"], platform, monkeypatch)
    assert platform.asked == ["of_b"]


def _load(
    paths: Path | list[Path], platform: Platform, monkeypatch: pytest.MonkeyPatch, config: str | None = None
) -> None:
    from sqlmesh.core.config import Config, load_configs

    monkeypatch.setattr("dagctl._functions._client", lambda insecure, folder=None: platform)
    monkeypatch.setattr("sys.argv", ["pipeline.py"])
    load_configs(config, Config, paths)


def test_nothing_is_being_loaded() -> None:
    assert loading() is None


NOTING = """\
from dagctl.adapters.sqlmesh.loading import loading
from sqlmesh.core.config import Config
config = Config(variables={"folder": str(loading().folder), "repositories": [str(p) for p in loading().repositories]},
                model_defaults={"dialect": "duckdb"})
"""


def test_the_folder_is_the_projects_and_not_the_working_one(
    surroundings: Surroundings, sqlmesh_cli: click.Group
) -> None:
    from sqlmesh.core.config import Config, load_configs

    folder = surroundings(files={"a/config.py": NOTING, "b/c/config.py": NOTING})
    paths = [folder / "a", folder / "b" / "c"]
    for path, config in load_configs(None, Config, ["a", "b/c"]).items():
        assert config.variables == {"folder": str(path), "repositories": [str(each) for each in paths]}


def test_a_module_beside_the_configuration_belongs_to_it(surroundings: Surroundings, sqlmesh_cli: click.Group) -> None:
    from sqlmesh.core.config import Config, load_configs

    files = {"p/config.py": "from dagctl_test_beside import config", "p/dagctl_test_beside.py": NOTING}
    folder = surroundings(files=files)
    ((path, config),) = load_configs(None, Config, "p").items()
    assert (path, config.variables["folder"]) == (folder / "p", str(folder / "p"))


def test_each_thread_sees_what_it_loads_itself(surroundings: Surroundings, sqlmesh_cli: click.Group) -> None:
    """SQLMesh puts every project's folder on one `sys.path`."""
    from importlib.util import module_from_spec, spec_from_file_location

    from sqlmesh.core.config import Config, loader

    folder = surroundings(files={f"p{n}/config.py": NOTING for n in range(4)})

    def import_it(path: Path, relative_base: Path) -> ModuleType:
        spec = spec_from_file_location(path.parent.name, path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def load(n: int) -> object:
        ((_, config),) = loader.load_configs(None, Config, folder / f"p{n}").items()
        return config.variables["folder"]

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setattr(loader, "import_python_file", import_it)  # SQLMesh's own mixes the modules up
        assert list(pool.map(load, range(4))) == [str(folder / f"p{n}") for n in range(4)]
