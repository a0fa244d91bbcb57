"""What `get_state_connection()` adds to a command of SQLMesh."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import define, field
from tests.benchmarks.measuring import Bench, Missing, Row, by_turns, compared, counted, difference, took
from tests.benchmarks.stage import Stage, quoted, script

ROUNDS = 15
BUDGET = 15.0
"""Milliseconds on top of one round trip."""

CONFIG = """\
import os, sys, time
import psycopg2, ssl, urllib3
from sqlmesh.core.config import Config
{values}
begin = time.perf_counter()
{load}
loaded = time.perf_counter()
{work}
print(loaded - begin, time.perf_counter() - loaded, flush=True)
os._exit(0)
"""
IMPORT = "from dagctl import get_state_connection"
OURS = 'get_state_connection("g", default_environment="dev", project="shop")'
THEIRS = 'get_state_connection("g", default_environment="dev")'
BARE = """\
context = ssl.create_default_context(cafile=ca_file)
answer = urllib3.PoolManager(ssl_context=context).request("GET", url, headers=headers)
assert answer.json()["allowed"] is True
"""


@define
class Config:
    """A `config.py` that `sqlmesh plan dev` loads, each time in a new process."""

    stage: Stage
    folder: Path
    environ: Mapping[str, str]
    loads: list[float] = field(factory=list)

    def call(self) -> float:
        """Seconds of its work; notes those of the import before it."""
        told = self.stage.output([script("sqlmesh"), "plan", "dev"], self.environ, self.folder)
        load, work = map(float, told.split()[-2:])
        self.loads.append(load)
        return work

    def whole(self, calls: list[float]) -> list[float]:
        """The last calls with the imports before them."""
        return [load + call for load, call in zip(self.loads[-len(calls) :], calls, strict=True)]


def rows(stage: Stage) -> Iterator[Row | Missing]:
    """A cold call, while `sqlmesh plan dev` loads a `config.py`, against one bare request at the same place."""
    ours = _laid_out(stage, "call", load=IMPORT, work=OURS)
    bare = _laid_out(stage, "request", work=BARE, values=_request(stage))
    works = [ours.call, bare.call]
    published = stage.published
    if published.why_not:
        yield Missing("the published client", published.why_not)
    else:
        environ = {**stage.environ_of_published(), "PYTHONPATH": str(published.packages)}
        theirs = _laid_out(stage, "published-call", load=IMPORT, work=THEIRS, environ=environ)
        works.append(theirs.call)
    yield counted("requests of one `get_state_connection()`", "the API", [_requests(stage, ours)], budget=1)
    calls, requests, *others = by_turns(*works, rounds=ROUNDS)
    whole, what = ours.whole(calls), "`import dagctl` and `get_state_connection()`"
    for name, found, budget in (("`get_state_connection()`, a process's first", calls, BUDGET), (what, whole, None)):
        over = difference(found, requests, 1e3)
        yield Row(name, "one HTTPS request", took(found), took(requests), over, " ms more", budget)
    for other in others:
        yield compared(what, "the published client", whole, theirs.whole(other))


def _requests(stage: Stage, config: Config) -> int:
    """How often a call asks the API, once a first one has been made."""
    config.call()
    before = len(stage.sandbox.observations.api_calls)
    config.call()
    return len(stage.sandbox.observations.api_calls) - before


def _request(stage: Stage) -> str:
    """The very request that protects `dev`, spelled out."""
    token = json.loads((stage.home / "auth.json").read_text("utf-8"))["id_token"]
    query = "project_id=prj_shop&environment=dev"
    organization = stage.sandbox.options.organization_id
    return quoted(
        ca_file=str(stage.sandbox.ca_file),
        url=f"{stage.sandbox.api_url}/api/v1/environment-protections/check?{query}",
        headers={"Authorization": f"Bearer {token}", "X-Organization-ID": organization},
    )


def _laid_out(
    stage: Stage, name: str, *, work: str, load: str = "", values: str = "", environ: Mapping[str, str] | None = None
) -> Config:
    folder = stage.folder / name
    folder.mkdir()
    (folder / "config.py").write_text(CONFIG.format(load=load, work=work, values=values), "utf-8")
    return Config(stage, folder, environ or stage.environ)


BENCH = Bench(
    "connection",
    "`get_state_connection()`",
    "Timed inside of `config.py`, while a real `sqlmesh plan dev` loads it: finding the\n"
    "target, the check of its protection, and the connection's settings; each time in a new process. The other is\n"
    "the same request by hand at the same place, as cheaply as it can be made (urllib3, which SQLMesh has loaded\n"
    "already; a new TLS connection that trusts the sandbox's CA alone). psycopg2 is loaded in all: any state in\n"
    "PostgreSQL needs it. The budget is the call's. The import has none; most of it is attrs and its classes.",
    rows,
)
