"""Config generation against SQLMesh's own loading of the same file, from 10 to 10,000 gateways."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import partial

from tests.benchmarks.measuring import Bench, Missing, Row, Spread, by_turns, compared, seconds, took
from tests.benchmarks.stage import Stage

SIZES = {100: 7, 1_000: 3, 10_000: 1}
"""Gateways, and in how many rounds."""

LINEAR = 2.0
AGAINST_SQLMESH = 2.0
GATEWAY = """\
  gateway_{number}:  # number {number}
    connection:
      type: duckdb
      database: "{{{{ env_var('FOLDER', 'db') }}}}/{number}.db"
      concurrent_tasks: 1
    # where the state was
    state_schema: sqlmesh_{number}
    variables: {{region: r{number}, limit: {number}}}
"""


def configuration(size: int) -> str:
    """A configuration with so many gateways, comments and Jinja among them."""
    gateways = "".join(GATEWAY.format(number=number) for number in range(size))
    return f"gateways:\n{gateways}default_target_environment: dev\nmodel_defaults: {{dialect: duckdb}}\n"


def rows(stage: Stage) -> Iterator[Row | Missing]:
    """Ours and SQLMesh's, by turns, for each size."""
    from dagctl.adapters.sqlmesh.project import loaded

    each: dict[int, Spread] = {}
    for size, rounds in SIZES.items():
        folder, text = stage.folder / f"gateways-{size}", configuration(size)
        folder.mkdir()
        (folder / "config.yaml").write_text(text, "utf-8")
        works = partial(_collected, partial(_convert, text)), partial(_collected, partial(loaded, folder))
        ours, theirs = by_turns(*works, rounds=rounds, warm=int(rounds > 1))
        each[size] = Spread.of([value / size for value in ours])
        yield compared(f"{size:,} gateways", "SQLMesh's own loading", ours, theirs, AGAINST_SQLMESH)
    small, *_, large = each.values()
    growth = Spread(large.median / small.median, large.low / small.high, large.high / small.low)
    sizes = f"a gateway of {max(SIZES):,}", f"a gateway of {min(SIZES):,}"
    yield Row(*sizes, took([large.median]), took([small.median]), growth, budget=LINEAR)


def _collected(work: partial[object]) -> float:
    gc.collect()
    return seconds(work)


def _convert(text: str) -> object:
    from dagctl.adapters.yaml.documents import RuamelReader
    from dagctl.domain.generation.emitter import Provenance, module_of

    return module_of(RuamelReader().read(text, "config.yaml"), Provenance("config.yaml", "Make it anew.", "shop"))


BENCH = Bench(
    "generation",
    "`config generate`",
    "Converting a `config.yaml` (comments and Jinja in each gateway) against SQLMesh's own loading of the same file,\n"
    "in one process. Linear means that a gateway among ten thousand costs no more than twice one among a hundred.",
    rows,
)
