"""`sqlmesh plan` with state behind the proxy, and with state in a PostgreSQL that is reached directly."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.measuring import Bench, Missing, Row, by_turns, compared, seconds
from tests.benchmarks.stage import Stage

ROUNDS = 9
BUDGET = 1.05

CONFIG = """\
from sqlmesh.core.config import Config
{imports}
config = Config(
    gateways={{
        "g": {{
            "connection": {{"type": "duckdb", "database": "warehouse.db"}},
            "state_connection": {state},
        }}
    }},
    default_target_environment="dev",
    model_defaults={{"dialect": "duckdb", "start": "2024-01-01"}},
)
"""
IMPORT = "from dagctl import get_state_connection"
OURS = 'get_state_connection("g", default_environment="dev", project="shop")'
MODEL = "MODEL (name shop.{name}, kind FULL);\nSELECT id + 1 AS id FROM {source}\n"
SQLMESH = """\
import os, sys, time
from sqlmesh.cli.main import cli
begin = time.perf_counter()
try:
    cli()
finally:
    with open(os.environ["SECONDS_FILE"], "w") as file:
        file.write(str(time.perf_counter() - begin))
"""
PLAN = ("plan", "dev", "--auto-apply", "--no-prompts", "--skip-tests")


def rows(stage: Stage) -> Iterator[Row | Missing]:
    """The same plan that changes nothing, by turns."""
    project, direct = stage.folder / "plan", stage.folder / "plan-direct"
    lay_out(project, CONFIG.format(imports=IMPORT, state=OURS))
    lay_out(direct, CONFIG.format(imports="", state=_postgres(stage)))
    inner: list[float] = []
    inner_direct: list[float] = []
    works = _plan(stage, project, inner), _plan(stage, direct, inner_direct)
    whole, whole_direct = by_turns(*works, rounds=ROUNDS, warm=2)
    against = "the same with PostgreSQL itself"
    yield compared("`sqlmesh plan dev`, nothing to do", against, whole, whole_direct, BUDGET)
    after = inner[-ROUNDS:], inner_direct[-ROUNDS:]
    yield compared("the same, from after the import of SQLMesh", against, *after)


def lay_out(project: Path, config: str) -> None:
    """A small project: a chain of five models."""
    (project / "models").mkdir(parents=True)
    (project / "config.py").write_text(config, "utf-8")
    for number in range(5):
        source = f"shop.m{number - 1}" if number else "(SELECT 1 AS id)"
        (project / "models" / f"m{number}.sql").write_text(MODEL.format(name=f"m{number}", source=source), "utf-8")


def _postgres(stage: Stage) -> str:
    dsn = stage.sandbox.admin_dsn("direct")
    role = stage.sandbox.options.role_of("direct")
    place = {"host": dsn["host"], "port": dsn["port"], "database": dsn["dbname"]}
    return repr({"type": "postgres", **place, "user": role, "password": "none"})


def _plan(stage: Stage, project: Path, inner: list[float]) -> Callable[[], float]:
    told = project / "seconds"
    environ = {**stage.environ, "SECONDS_FILE": str(told)}

    def plan() -> float:
        whole = seconds(lambda: stage.output([sys.executable, "-c", SQLMESH, *PLAN], environ, project))
        inner.append(float(told.read_text("utf-8")))
        os.unlink(told)
        return whole

    return plan


BENCH = Bench(
    "plan",
    "`sqlmesh plan`",
    "A project of five models on DuckDB, its `dev` up to date: whole processes, by turns. On the one side dagctl's\n"
    "`config.py`, the check of protection, and state through the sandbox's proxy (TLS, the access token for a\n"
    "password); on the other SQLMesh's own `type: postgres` on the Unix socket of the PostgreSQL behind that proxy.",
    rows,
)
