"""Everything that the demo shows, as processes: real SQLMesh, its state in real PostgreSQL behind the proxy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Done, Person, Program, Run

    from dagctl.adapters.sandbox import Sandbox


pytest.importorskip("sqlmesh", reason="SQLMesh is not installed")


@pytest.fixture
def sqlmesh(person: Person, tmp_path: Path) -> Program:
    """Run `sqlmesh ARGS…` as a process in the project's folder."""
    folder = tmp_path / "project"
    folder.mkdir()

    def run(*args: str, **env: str) -> Done:
        quiet = {"PYTHONWARNINGS": "ignore", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"}
        return subprocess.run(
            [str(Path(sys.executable).parent / "sqlmesh"), *args],
            env={**person.environ, **quiet, **env},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )

    return run


def test_the_whole_story(run: Run, person: Person, sqlmesh: Program, sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    assert person.signs_in(run).returncode == 0
    assert run("use-project", "shop").returncode == 0
    assert sqlmesh("init", "duckdb").returncode == 0
    original = (folder / "config.yaml").read_text()

    done = run("config", "generate", cwd=folder, env={"PYTHONWARNINGS": "ignore"})
    assert done.returncode == 0, done.stderr
    assert (folder / "config.yaml.bak").read_text() == original
    assert not (folder / "config.yaml").exists()
    assert (folder / "config.py").stat().st_mode & 0o777 == 0o600

    before = len(sandbox.observations.pg_logins)
    plan = sqlmesh("plan", "dev", "--auto-apply", "--no-prompts")
    assert plan.returncode == 0, plan.stdout + plan.stderr
    tables = dict(sandbox.tables("shop"))
    assert tables["sqlmesh._snapshots"] == 3
    assert tables["sqlmesh._environments"] == 1
    assert {(login.user, login.refusal) for login in sandbox.observations.pg_logins[before:]} == {("acme/shop", None)}
    assert completed("dagctl protection check d", person.environ, tmp_path / "words") == "dev "

    for words in (["plan", "prod"], ["plan", "--skip-tests", "PROD"], ["run"], ["destroy"], ["invalidate", "prod"]):
        refused = sqlmesh(*words)
        assert refused.returncode == 1, words
        assert "The environment 'prod' of project 'shop' is protected" in refused.stdout + refused.stderr, words
        assert "Traceback" not in refused.stdout + refused.stderr
    assert dict(sandbox.tables("shop")) == tables

    assert run("auth", "logout").returncode == 0
    stateless = sqlmesh("format")
    assert stateless.returncode == 0, stateless.stdout + stateless.stderr
    signed_out = sqlmesh("plan", "dev")
    assert signed_out.returncode == 1
    assert "not signed in" in signed_out.stdout + signed_out.stderr


def test_the_functions_in_a_config_of_ones_own(run: Run, person: Person, sandbox: Sandbox) -> None:
    person.signs_in(run)
    run("use-project", "shop")
    call = "dict(dagctl.get_state_connection(gateway='g', default_environment={!r}, project='shop'))"
    # a program is asked about its fallback; without one, whoever takes the settings with them is asked about prod
    for fallback in ("prod", None):
        refused = _python(f"import dagctl; {call.format(fallback)}", person.environ)
        assert "is protected" in refused.stderr
    script = f"import dagctl, psycopg2\nconnection = {call.format('dev')}\n"
    sandbox.platform.protect("shop")
    try:
        script += (
            "assert connection.pop('type') == 'postgres'\n"
            "connection['dbname'] = connection.pop('database')\n"
            "keys = ('host', 'port', 'user', 'password', 'dbname', 'sslmode')\n"
            "opened = psycopg2.connect(**{key: connection[key] for key in keys})\n"
            "cursor = opened.cursor(); cursor.execute('select current_database()'); print(cursor.fetchone()[0])\n"
            "opened.close()\n"
            "dagctl.check_environment_protection(environment='prod', project_id='prj_shop')\n"
            "print(dagctl.get_fresh_token() == connection['password'])\n"
        )
        done = _python(script, person.environ)
    finally:
        sandbox.platform.protect("shop", "prod")
    assert done.stdout.splitlines() == ["org_acme_shop", "True"], done.stderr


def completed(line: str, environ: dict[str, str], answer: Path) -> str:
    """What a shell is told to complete `line` with, by argcomplete's protocol."""
    asked = {
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": answer,
    }
    script = "from dagctl.cli import completing as c, main as m; c.PATIENCE = 60.0; m.entry_point()"
    _python(script, {**environ, **{name: str(value) for name, value in asked.items()}})
    return answer.read_text()


def _python(script: str, environ: dict[str, str]) -> Done:
    environ = {**environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=120, cwd=os.getcwd()
    )
