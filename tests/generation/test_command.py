"""`dagctl config generate` as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.generation.test_equality import MINIMAL

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
    assert done.stderr == "Next: sqlmesh plan\n"
    assert sorted(os.listdir(project)) == ["config.py", "config.yaml.bak"]
    assert 'project="shop"' in (project / "config.py").read_text()


def test_json(run: Run, project: Path) -> None:
    done = run("config", "generate", "--json", cwd=project, env=CHOSEN)
    assert json.loads(done.stdout) == {
        "source": "config.yaml",
        "output": "config.py",
        "backup": "config.yaml.bak",
        "moved": True,
        "changes": True,
        "warnings": [],
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
    assert "config.py is there already." in refused.stderr
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
        MINIMAL.replace("{type: duckdb}\n", "{type: duckdb}\n    state_connection: {type: duckdb}\n", 1)
    )
    done = run("config", "generate", cwd=project, env=CHOSEN)
    assert "sqlmesh state export" in done.stderr
    assert "sqlmesh state" not in done.stdout
