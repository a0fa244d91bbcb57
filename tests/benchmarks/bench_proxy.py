"""The sandbox's proxy against PostgreSQL itself and against PgBouncer."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from attrs import frozen
from tests.benchmarks.measuring import Bench, Missing, Row, Spread, by_turns, ratio
from tests.benchmarks.pooler import Pooler
from tests.benchmarks.stage import Failed, Stage

ROUNDS = 7
LARGE = "SELECT id, body FROM large\n"
FILL = """\
CREATE TABLE large (id int PRIMARY KEY, body text);
ALTER TABLE large ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO large SELECT n, repeat('abcdefghij', 10000) FROM generate_series(1, 100) AS n;
"""
WORKLOADS = {
    "`pgbench -S`, 1 client": ("--select-only",),
    "`pgbench -S`, 8 clients": ("--select-only", "--client=8", "--jobs=2"),
    "100 rows of 100 kB, 1 client": ("--file=large.sql",),
}


@frozen
class Way:
    """A way to the database: keywords of libpq as environment variables."""

    stage: Stage
    settings: dict[str, str]

    def rate(self, *options: str) -> float:
        """Transactions in a second, the connecting left aside."""
        command = ["pgbench", "--no-vacuum", "--time=1", *options]
        told = self.stage.output(command, {**self.stage.environ, **self.settings})
        found = re.search(r"^tps = ([\d.]+)", told, re.MULTILINE)
        if found is None or float(found.group(1)) <= 0:
            raise Failed(told)
        return float(found.group(1))


def rows(stage: Stage) -> Iterator[Row | Missing]:
    """The three ways, by turns."""
    if shutil.which("pgbench") is None:
        yield Missing("the proxy", "there is no pgbench here")
        return
    direct, proxy = _direct(stage), _proxy(stage)
    _fill(stage)
    with ExitStack() as stack:
        ways = {"PostgreSQL itself": direct}
        if shutil.which("pgbouncer", path=Pooler.PATH) is None:
            yield Missing("PgBouncer", "it is not installed here")
        else:
            pooler = stack.enter_context(Pooler(stage.sandbox.admin_dsn("rows"), _role(stage)).running())
            ways["PgBouncer"] = Way(stage, {**direct.settings, **pooler})
        for name, options in WORKLOADS.items():
            yield from _compared(name, [partial(way.rate, *options) for way in (proxy, *ways.values())], list(ways))


def _compared(name: str, rates: list[Callable[[], float]], against: list[str]) -> Iterator[Row]:
    ours, *others = by_turns(*rates, rounds=ROUNDS)
    for other, found in zip(against, others, strict=True):
        yield Row(name, other, _per_second(ours), _per_second(found), ratio(ours, found))
    if len(others) > 1:
        yield Row(f"{name}: PgBouncer", "PostgreSQL itself", _per_second(others[1]), _per_second(others[0]),
                  ratio(others[1], others[0]))  # fmt: skip


def _per_second(rates: list[float]) -> str:
    median = Spread.of(rates).median
    return f"{median:,.0f}/s" if median >= 10 else f"{median:.1f}/s"


def _role(stage: Stage) -> str:
    return stage.sandbox.options.role_of("rows")


def _direct(stage: Stage) -> Way:
    """As the project's own role, on PostgreSQL's Unix socket."""
    dsn = stage.sandbox.admin_dsn("rows")
    settings = {"PGHOST": dsn["host"], "PGPORT": str(dsn["port"]), "PGDATABASE": dsn["dbname"], "PGUSER": _role(stage)}
    return Way(stage, settings)


def _proxy(stage: Stage) -> Way:
    host, port = stage.sandbox.proxy
    token = json.loads((stage.home / "auth.json").read_text("utf-8"))["access_token"]
    tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(stage.sandbox.ca_file)}
    place = {"PGHOST": host, "PGPORT": str(port), "PGPASSWORD": token}
    return Way(stage, {**_direct(stage).settings, **place, **tls})


def _fill(stage: Stage) -> None:
    import psycopg2

    environ = {**stage.environ, **_direct(stage).settings}
    stage.output(["pgbench", "--initialize", "--quiet", "--scale=1"], environ)
    Path(stage.folder, "large.sql").write_text(LARGE, "utf-8")
    dsn = {**stage.sandbox.admin_dsn("rows"), "user": _role(stage)}
    connection = psycopg2.connect(**dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute(FILL)
    connection.close()


BENCH = Bench(
    "proxy",
    "The sandbox's proxy",
    "Transactions per second, so more than 1× is better: through the sandbox's proxy (TLS, verified), on the\n"
    "PostgreSQL's own Unix socket without TLS, and through PgBouncer (session pooling, buffers of 64 KiB, TLS,\n"
    "verified too), which reaches PostgreSQL over the same socket. Client, proxy and server share the machine's cores.",
    rows,
)
