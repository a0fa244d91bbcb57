"""Config generation against SQLMesh's own loading of the same file, from 10 to 10,000 gateways.

Budgets: cost linear in the number of gateways, and under twice SQLMesh's own.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

SIZES = (10, 100, 1_000, 10_000)
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


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The best of some rounds: the machine's noise only ever adds."""
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def _convert(text: str) -> object:
    from dagctl.adapters.yaml.documents import RuamelReader
    from dagctl.domain.generation.emitter import Origin, module_of

    return module_of(RuamelReader().read(text, "config.yaml"), Origin("config.yaml", "Make it anew.", "shop"))


def main() -> None:
    """Print a line a size."""
    from dagctl.adapters.sqlmesh.project import loaded

    print("config generation: time per gateway, against 10 gateways, against SQLMesh's own loading")
    first = 0.0
    for size in SIZES:
        text, rounds = configuration(size), 1 if size > 1_000 else 3
        with TemporaryDirectory() as name:
            Path(name, "config.yaml").write_text(text, "utf-8")
            sqlmesh = seconds(partial(loaded, Path(name)), rounds)
        ours = seconds(partial(_convert, text), rounds)
        first = first or ours / size
        growth, ratio = ours / size / first, ours / sqlmesh
        print(f"{size:>7,} gateways  {ours / size * 1e3:6.3f} ms each  x{growth:4.2f}  x{ratio:4.2f}")


if __name__ == "__main__":
    main()
