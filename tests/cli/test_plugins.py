"""Commands that another package brings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

COMMAND = '''"""Look at the models for mistakes."""

def configure(parser):
    parser.add_argument("--strict", action="store_true")

def run(args, app):
    app.show({"strict": args.strict}, f"strict: {args.strict}")
    return 5
'''

ENTRY_POINTS = """[dagctl.commands]
lint = linter.lint
config.lint = linter.lint
auth.login = linter.lint
sick = linter.sick
empty = linter
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, environ: dict[str, str]) -> None:
    """A package that brings commands."""
    site = tmp_path / "site"
    (site / "linter").mkdir(parents=True)
    (site / "linter" / "__init__.py").write_text("")
    (site / "linter" / "lint.py").write_text(COMMAND)
    (site / "linter" / "sick.py").write_text("raise RuntimeError('s3cr3t')\n")
    info = site / "linter-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: linter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    environ["PYTHONPATH"] = str(site)


def test_a_command_of_anothers(run: Any) -> None:
    done = run("lint", "--strict")
    assert (done.returncode, done.stdout) == (5, "strict: True\n")
    assert json.loads(run("config", "lint", "--json").stdout) == {
        "schema": 1,
        "command": "config lint",
        "data": {"strict": False},
    }
    assert "Look at the models for mistakes." in run("lint", "--help").stdout


def test_ours_cannot_be_replaced(run: Any) -> None:
    assert "Sign in to an organization" in run("auth", "login", "--help").stdout
    done = run("plugins")
    assert "Ignored linter.lint (added by linter): there is a command 'auth login' already." in done.stderr


def test_a_broken_one_is_reported_and_stops_nothing_else(run: Any) -> None:
    done = run("plugins", "--json")
    assert done.returncode == 0
    problems = {entry["command"]: entry["problem"] for entry in json.loads(done.stdout)["data"]["plugins"]}
    assert problems.keys() == {"config lint", "empty", "lint", "sick"}
    assert problems["lint"] is problems["config lint"] is None
    assert "RuntimeError" in problems["sick"]
    assert "s3cr3t" not in done.stdout
    for words in ("sick", "empty"):
        broken = run(words)
        assert broken.returncode == 1
        assert "does not load" in broken.stderr
        assert "Traceback" not in broken.stderr
    assert run("auth", "status").returncode == 4


def test_our_own_commands_look_for_no_plugins(run: Any, environ: dict[str, str], tmp_path: Path) -> None:
    done = run("auth", "status", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 4
    assert "importlib.metadata" not in done.stderr
    assert "importlib.metadata" in run("plugins", env={"PYTHONPROFILEIMPORTTIME": "1"}).stderr
