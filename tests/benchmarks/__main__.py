"""The benchmark suite: `python -m tests.benchmarks [NAME…] [--write]`, in the repository's root."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import (
    bench_cache,
    bench_connection,
    bench_generation,
    bench_plan,
    bench_proxy,
    bench_stampede,
    bench_startup,
    reporting,
)
from tests.benchmarks.measuring import Missing, Row
from tests.benchmarks.pooler import Pooler
from tests.benchmarks.stage import PUBLISHED, Stage

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "performance.md"
BENCHES = {
    module.BENCH.name: module.BENCH
    for module in (
        bench_startup,
        bench_connection,
        bench_plan,
        bench_cache,
        bench_stampede,
        bench_proxy,
        bench_generation,
    )
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run some benches, or all, and print what they find."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Ratios from one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some only: {', '.join(BENCHES)}")
    parser.add_argument("--write", action="store_true", help=f"put all of it into {PAGE.name}")
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(BENCHES):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    if args.write and args.names:
        parser.error("--write is for a whole run: the page is of one run")
    measured = run(args.names or list(BENCHES))
    if args.write:
        PAGE.write_text(reporting.replaced(PAGE.read_text("utf-8"), measured), "utf-8")
        print(f"Written: docs/explanation/{PAGE.name}")
    return 0


def run(names: Sequence[str]) -> str:
    """Run benches; what is printed on the way is returned too."""
    found: list[Row | Missing] = []
    sections = []
    begin = time.monotonic()
    load = os.getloadavg()[0]
    with TemporaryDirectory(prefix="dagctl-bench-") as folder, ExitStack() as stack:
        stage = Stage(Path(folder).resolve(), stack)
        for name in names:
            rows = list(BENCHES[name].rows(stage))
            sections.append(reporting.section(BENCHES[name], rows))
            found += rows
            print(sections[-1], flush=True)
        facts = {**machine(), "load before the run": f"{load:.1f}", **versions(stage)}
    facts["date and duration"] = f"{datetime.now(timezone.utc):%Y-%m-%d}, {(time.monotonic() - begin) / 60:.0f} minutes"
    end = [reporting.tally(found), reporting.facts_table(facts)]
    print("\n\n".join(end))
    return "\n\n".join([end[0], *(section.strip() for section in sections), "### Where it was measured", end[1]])


def machine() -> dict[str, str]:
    """What it was measured on. No names of machines or people."""
    system = platform.system()
    with suppress(OSError):
        system = f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {system}"
    kernel = ".".join(platform.release().split(".")[:2])
    return {"processor": f"{_processor()}, {os.cpu_count()} cores", "system": f"{system} {kernel}"}


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions(stage: Stage) -> dict[str, str]:
    """The versions of what took part."""
    packages = ("dagctl", "sqlmesh", "psycopg2-binary", "urllib3", "uvicorn")
    found = {"Python": platform.python_version(), **{name: version(name) for name in packages}}
    found["published client"] = stage.published.why_not or PUBLISHED.partition("==")[2]
    found["PostgreSQL"] = _postgres(stage)
    for name in ("pgbench", "pgbouncer"):
        program = shutil.which(name, path=Pooler.PATH)
        found[name] = _first_line([program, "--version"]) if program else "not installed"
    return found


def _postgres(stage: Stage) -> str:
    import psycopg2

    connection = psycopg2.connect(**stage.sandbox.admin_dsn("shop"))
    try:
        return str(connection.info.parameter_status("server_version"))
    finally:
        connection.close()


def _first_line(command: Sequence[str]) -> str:
    told = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.split("\n")[0]
    return told.rpartition(") ")[2] if told.endswith(")") else told.split(" ")[-1]


if __name__ == "__main__":
    sys.exit(main())
