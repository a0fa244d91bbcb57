"""`dagctl config generate` as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.domain.generation.test_equality import MINIMAL

from dagctl.domain.generation.additions import additions_to

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CHOSEN = {"DAGCTL_PROJECT": "shop", "PYTHONWARNINGS": "ignore"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "config.yaml").write_text(MINIMAL)
    return folder


def test_converting(run: Run, project: Path) -> None:
    done = run("config", "generate", cwd=project, env=CHOSEN)
    assert (done.returncode, done.stdout) == (
        0,
        "config.yaml is now config.py; the original is kept as config.yaml.bak.\n",
    ), done.stderr
    assert done.stderr == "Next: sqlmesh plan dev_YOURNAME\n"  # the default is prod, and that may be protected
    assert sorted(os.listdir(project)) == ["config.py", "config.yaml.bak"]
    assert 'project="shop"' in (project / "config.py").read_text()


@pytest.mark.parametrize(("default", "plan"), [("dev", "plan"), ("production", "plan"), ("PROD", "plan dev_YOURNAME")])
def test_the_next_command_is_one_that_works(default: str, plan: str, run: Run, project: Path) -> None:
    (project / "config.yaml").write_text(f"{MINIMAL}default_target_environment: {default}\n")
    done = run("config", "generate", cwd=project, env=CHOSEN)
    assert done.stderr == f"Next: sqlmesh {plan}\n"


def test_json(run: Run, project: Path) -> None:
    done = run("config", "generate", "--json", cwd=project, env=CHOSEN)
    assert json.loads(done.stdout)["data"] == {
        "source": str(project / "config.yaml"),
        "output": str(project / "config.py"),
        "backup": str(project / "config.yaml.bak"),
        "moved": True,
        "changes": True,
        "written": True,
        "warnings": [],
        "diff": None,
        "additions": [],
    }


def test_diff_shows_and_writes_nothing(run: Run, project: Path) -> None:
    done = run("config", "generate", "--diff", cwd=project, env=CHOSEN)
    assert done.returncode == 0
    assert done.stdout.startswith("--- /dev/null\n+++ config.py\n")
    assert "+config = project_config(\n" in done.stdout
    assert os.listdir(project) == ["config.yaml"]


def test_check(run: Run, project: Path) -> None:
    assert run("config", "generate", "--check", cwd=project, env=CHOSEN).returncode == 1
    assert os.listdir(project) == ["config.yaml"]
    assert run("config", "generate", cwd=project, env=CHOSEN).returncode == 0
    assert run("config", "generate", "--check", cwd=project, env=CHOSEN).returncode == 0


def test_an_existing_file(run: Run, project: Path) -> None:
    (project / "config.py").write_text("# mine\n")
    refused = run("config", "generate", cwd=project, env=CHOSEN)
    assert refused.returncode == 1
    assert "config.py already exists." in refused.stderr
    assert "--force" in refused.stderr
    assert (project / "config.py").read_text() == "# mine\n"
    assert run("config", "generate", "--force", cwd=project, env=CHOSEN).returncode == 0
    assert (project / "config.py.bak").read_text() == "# mine\n"


@pytest.mark.parametrize("absolute", [False, True])
def test_another_output(absolute: bool, run: Run, project: Path) -> None:
    output = str(project / "other.py") if absolute else "other.py"
    done = run("config", "generate", "-o", output, cwd=project, env=CHOSEN)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(project)) == ["config.yaml", "config.yaml.bak", "other.py"]
    assert "config.yaml stays" in done.stderr


@pytest.mark.parametrize("spelling", ["./config.py", "{folder}/config.py", "../project/config.py"])
def test_config_py_in_any_spelling_takes_the_place_of_the_original(spelling: str, run: Run, project: Path) -> None:
    done = run("config", "generate", "-o", spelling.format(folder=project), cwd=project, env=CHOSEN)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(project)) == ["config.py", "config.yaml.bak"]


def test_no_project(run: Run, project: Path) -> None:
    done = run("config", "generate", cwd=project)
    assert done.returncode == 1
    assert "dagctl use-project" in done.stderr
    assert os.listdir(project) == ["config.yaml"]


@pytest.mark.parametrize("option", [[], ["--check"], ["--diff"], ["--force"]])
def test_a_mistake_has_its_place(option: list[str], run: Run, project: Path) -> None:
    (project / "config.yaml").write_text("gateways: [1\nb: 2\n")
    done = run("config", "generate", *option, cwd=project, env=CHOSEN)
    assert (done.returncode, done.stdout) == (1, "")
    assert "config.yaml is not valid YAML at line 2, column" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(project) == ["config.yaml"]


def test_warnings_are_talk(run: Run, project: Path) -> None:
    (project / "config.yaml").write_text(
        MINIMAL.replace("{type: duckdb}\n", "{type: duckdb}\n    state_connection: {type: duckdb, database: s.db}\n", 1)
    )
    done = run("config", "generate", cwd=project, env=CHOSEN)
    assert "sqlmesh state export" in done.stderr
    assert "sqlmesh state" not in done.stdout


LASTING = MINIMAL.replace("{type: duckdb}\n", "{type: duckdb, database: w.db}\n", 1)


def test_where_the_state_is_comes_before_anything_is_moved(run: Run, project: Path) -> None:
    (project / "config.yaml").write_text(LASTING)
    done = run("config", "generate", cwd=project, env=CHOSEN)
    assert done.returncode == 0
    told = done.stderr
    assert told.startswith("Note: The state is in duckdb 'w.db' (gateway local), SQLMesh's default.")
    places = [told.index(part) for part in ("state export -o", "config.py.new config.py", "state import -i", "Next: ")]
    assert places == sorted(places)
    assert "protected" in told
    assert "Next: carry the state over as shown above, then run sqlmesh plan" in told


def test_a_state_in_memory_is_nothing_to_carry(run: Run, project: Path) -> None:
    assert "state" not in run("config", "generate", cwd=project, env=CHOSEN).stderr


def at_a_terminal(project: Path, answer: str, environ: dict[str, str], *options: str) -> tuple[int, str]:
    """`dagctl config generate` with a person who gives an answer."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "dagctl", "config", "generate", *options]
    with subprocess.Popen(command, stdin=child, stdout=child, stderr=child, cwd=project, env=environ) as process:
        os.close(child)
        os.write(parent, answer.encode())
        shown = b""
        while True:
            try:
                piece = os.read(parent, 4096)
            except OSError:  # Linux says so when the last one has left
                break
            shown += piece
            if not piece:
                break
        os.close(parent)
    return process.returncode, shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(("answer", "converted"), [("n\n", False), ("\n", False), ("y\n", True)])
def test_at_a_terminal_a_state_that_stays_behind_is_asked_about(
    answer: str, converted: bool, project: Path, environ: dict[str, str]
) -> None:
    (project / "config.yaml").write_text(LASTING)
    status, shown = at_a_terminal(project, answer, {**environ, **CHOSEN})
    assert "Convert config.yaml now? [y/N]" in shown
    assert shown.index("sqlmesh state export") < shown.index("dagctl config generate\n") < shown.index("[y/N]")
    assert (project / "config.py").exists() is converted
    assert status == (0 if converted else 1)
    assert ("to compare them" in shown) is converted


def test_at_a_terminal_nothing_is_asked_if_nothing_stays_behind(project: Path, environ: dict[str, str]) -> None:
    status, shown = at_a_terminal(project, "", {**environ, **CHOSEN})
    assert status == 0
    assert "SQLMesh is loading config.yaml and the result, to compare them …" in shown
    assert "[y/N]" not in shown


@pytest.mark.parametrize(
    ("environ", "terminal", "coloured"),
    [({}, True, True), ({"NO_COLOR": "1"}, True, False), ({"FORCE_COLOR": "1"}, False, True), ({}, False, False)],
)
def test_colour(
    environ: dict[str, str], terminal: bool, coloured: bool, project: Path, run: Run, request: pytest.FixtureRequest
) -> None:
    surroundings: dict[str, str] = {**request.getfixturevalue("environ"), **CHOSEN, "TERM": "xterm", **environ}
    for option in ("--diff", "--check"):
        if terminal:
            _, shown = at_a_terminal(project, "", surroundings, option)
        else:
            shown = run("config", "generate", option, cwd=project, env={**CHOSEN, **environ}).stdout
        assert ("\033[32m+" in shown or "\033[33m" in shown) is coloured


def test_a_folder_elsewhere(run: Run, project: Path, tmp_path: Path) -> None:
    (project / "config.yaml").write_text(LASTING)
    done = run("config", "generate", "-p", "project", cwd=tmp_path, env=CHOSEN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("project/config.yaml is now project/config.py;")
    assert "sqlmesh -p project state import" in done.stderr
    assert sorted(os.listdir(project)) == ["config.py", "config.yaml.bak"]


def test_from_a_subfolder_the_configuration_above_is_named(run: Run, project: Path) -> None:
    (project / "models").mkdir()
    done = run("config", "generate", cwd=project / "models", env=CHOSEN)
    assert done.returncode == 1
    assert "the nearest configuration is ../config.yaml" in done.stderr


def test_with_another_output_it_is_said_what_sqlmesh_reads(run: Run, project: Path) -> None:
    done = run("config", "generate", "-o", "other.py", cwd=project, env=CHOSEN)
    assert "config.yaml stays, and SQLMesh still reads it, not other.py." in done.stderr
    assert "Next: move config.yaml away, and other.py to config.py" in done.stderr


PYTHON = """\
from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig

raise SystemExit("it was run")
warehouse = DuckDBConnectionConfig(database="w.db")
config = Config(
    gateways={
        "dev": GatewayConfig(connection=warehouse),
        "prod": {"connection": {"type": "duckdb"}, "state_connection": {"type": "duckdb"}},
        "done": GatewayConfig(connection=warehouse, state_connection=get_state_connection("done")),
        NAME: GatewayConfig(connection=warehouse),
    },
    default_target_environment="dev",
)
other = Config(default_connection=warehouse, default_target_environment=TARGET)
"""


def test_of_a_config_py_the_lines_to_add_are_shown(run: Run, project: Path) -> None:
    (project / "config.yaml").unlink()
    (project / "config.py").write_text(PYTHON)
    done = run("config", "generate", cwd=project, env=CHOSEN)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "# config.py, at the imports",
        "from dagctl import get_state_connection",
        '# config.py, line 7: into the gateway "dev"',
        'state_connection=get_state_connection("dev", default_environment="dev", project="shop"),',
        '# config.py, line 8: into the gateway "prod", in place of line 8',
        '"state_connection": get_state_connection("prod", default_environment="dev", project="shop"),',
        "# config.py, line 10: into the gateway NAME",
        'state_connection=get_state_connection(NAME, default_environment="dev", project="shop"),',
        "# config.py, line 14: into Config, which has no gateways",
        'gateways={"": {"state_connection": get_state_connection(default_environment=TARGET, project="shop")}},',
    ]
    assert "carry it over" in done.stderr
    assert (project / "config.py").read_text() == PYTHON
    assert run("config", "generate", "--check", cwd=project, env=CHOSEN).returncode == 1


@pytest.mark.parametrize(
    "connecting",
    [
        "from dagctl import get_state_connection as connect; state = connect()",
        "state: object = get_state_connection()",
        "state = dagctl.get_state_connection()",
        "def state(): return get_state_connection()",
    ],
)
def test_the_state_connection_may_have_another_name(connecting: str) -> None:
    config = 'config = Config(gateways={"dev": GatewayConfig(state_connection=state)})'
    assert additions_to(f"{connecting}\n{config}\n", "shop") == ()


def test_sqlmeshs_classes_may_have_other_names() -> None:
    imports = "from sqlmesh.core.config import Config as C, GatewayConfig as G\n"
    config = 'config = C(gateways={"dev": G(connection=w)}, default_target_environment=G.x)\n'
    call = 'get_state_connection("dev", default_environment=G.x, project="shop")'
    assert [found.text for found in additions_to(imports + config, "shop") or ()] == [f"state_connection={call},"]


@pytest.mark.parametrize("number", [1, 3])
def test_a_config_py_that_uses_dagctl_has_nothing_to_add(number: int, run: Run, project: Path) -> None:
    gateways = "".join(f"  g{n}:\n    connection: {{type: duckdb}}\n" for n in range(number))
    (project / "config.yaml").write_text(f"gateways:\n{gateways}model_defaults: {{dialect: duckdb}}\n")
    assert run("config", "generate", cwd=project, env=CHOSEN).returncode == 0
    done = run("config", "generate", cwd=project, env=CHOSEN)
    assert (done.returncode, done.stdout) == (
        0,
        "config.py uses get_state_connection() in every gateway. There is nothing to add.\n",
    )
