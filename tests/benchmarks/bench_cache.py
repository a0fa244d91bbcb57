"""Whether SQLMesh's model cache survives a change of tokens."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import define, field
from tests.benchmarks.measuring import Bench, Missing, Row, Spread, compared
from tests.benchmarks.stage import Failed, Stage

MODELS = 300
CHANGES = 3
CONFIG = """\
from dagctl import get_state_connection
from sqlmesh.core.config import Config

config = Config(
    gateways={{
        "g": {{
            "connection": {{"type": "duckdb"}},
            "state_connection": get_state_connection({arguments}),
        }}
    }},
    default_target_environment="dev",
    model_defaults={{"dialect": "duckdb", "start": "2024-01-01"}},
)
"""
OURS = 'gateway="g", default_environment="dev", project="shop"'
THEIRS = 'gateway="g", default_environment="dev"'
MODEL = """\
MODEL (name shop.m{number}, kind FULL);
WITH recent AS (SELECT id, COUNT(*) AS n, MAX(at) AS latest FROM {source} WHERE at > '2024-01-01' GROUP BY id)
SELECT r.id, r.n + {number} AS n, r.latest AS at FROM recent AS r LEFT JOIN raw.items AS i ON i.id = r.id
"""
LOAD = f"""\
import sys, time
from sqlmesh.core.context import Context
sys.argv = ["sqlmesh", "plan", "dev"]
begin = time.perf_counter()
context = Context(paths=".")
print(time.perf_counter() - begin)
assert len(context.models) == {MODELS}
"""


@define
class Project:
    """A project that is loaded again and again, with what its loads have taken."""

    stage: Stage
    folder: Path
    environ: Mapping[str, str]
    first: float = 0.0
    again: list[float] = field(factory=list)
    parsed: list[int] = field(factory=list)

    def load(self) -> float:
        """Load it in a process of its own; returns seconds, the import of SQLMesh left aside."""
        return float(self.stage.output([sys.executable, "-c", LOAD], self.environ, self.folder).split()[-1])

    def load_with_new_tokens(self) -> None:
        """Load it when the tokens are about to expire: the load renews them."""
        renewed, known = self.stage.sandbox.observations.refreshes, self._cached()
        self.stage.expire()
        self.again.append(self.load())
        self.parsed.append(len(self._cached() - known))
        if self.stage.sandbox.observations.refreshes != renewed + 1:
            raise Failed("The load has not renewed the tokens.")

    def _cached(self) -> set[str]:
        """SQLMesh's cached models: a file each, named by the model's path and the configuration's fingerprint."""
        return {path.name for path in (self.folder / ".cache" / "model_definition").iterdir()}


def rows(stage: Stage) -> Iterator[Row | Missing]:
    """Load, and after each change of tokens load again; the two clients by turns."""
    ours = Project(stage, _laid_out(stage.folder / "cache", OURS), stage.environ)
    projects = {"dagctl": ours}
    if stage.published.why_not:
        yield Missing("the published client", stage.published.why_not)
    else:
        environ = {**stage.environ_of_published(), "PYTHONPATH": str(stage.published.packages)}
        folder = _laid_out(stage.folder / "cache-published", THEIRS)
        projects["the published client"] = Project(stage, folder, environ)
    for project in projects.values():
        project.first = project.load()
    for _ in range(CHANGES):
        for project in projects.values():
            project.load_with_new_tokens()
    yield from _told(projects)


def _told(projects: Mapping[str, Project]) -> Iterator[Row]:
    ours = projects["dagctl"]
    for who, project in projects.items():
        yield _parsed(who, project.parsed, budget=0 if project is ours else None)
    for who, project in projects.items():
        yield compared(f"loading after a token change, {who}", "its first", project.again, [project.first] * CHANGES)
    for who, project in projects.items():
        if project is not ours:
            yield compared("loading after a token change, dagctl", who, ours.again, project.again)


def _parsed(who: str, parsed: Sequence[int], budget: float | None) -> Row:
    what = f"models parsed again after {CHANGES} token changes, {who}"
    return Row(what, f"{MODELS} models", " + ".join(map(str, parsed)), "", Spread.of([sum(parsed)]), "", budget)


def _laid_out(project: Path, arguments: str) -> Path:
    (project / "models").mkdir(parents=True)
    (project / "config.py").write_text(CONFIG.format(arguments=arguments), "utf-8")
    for number in range(MODELS):
        source = f"shop.m{number - 1}" if number % 10 else "raw.events"
        (project / "models" / f"m{number}.sql").write_text(MODEL.format(number=number, source=source), "utf-8")
    return project


BENCH = Bench(
    "cache",
    "The model cache",
    f"A project of {MODELS} SQL models, loaded (`Context`) in a process of its own each time; in between, the\n"
    "tokens come to their end and are renewed by the load itself, three times. SQLMesh keeps a file for each parsed\n"
    "model; those that a load adds are models that it had to parse.",
    rows,
)
