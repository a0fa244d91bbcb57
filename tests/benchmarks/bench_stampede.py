"""Many processes at once that all find the token about to expire."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen
from tests.benchmarks.measuring import Bench, Missing, Row, by_turns, compared, counted
from tests.benchmarks.stage import Stage, script

PROCESSES = 24
ROUNDS = 5


@frozen
class Herd:
    """So many processes, which run at once.

    Attributes:
        expiring: whether the token is about to expire when they set out.
    """

    stage: Stage
    home: Path
    command: Sequence[str]
    environ: Mapping[str, str]
    size: int = PROCESSES
    expiring: bool = True

    def run(self, refreshes: list[float], failures: list[float]) -> float:
        """Seconds until the last has ended; notes refreshes at the issuer, and how many have failed."""
        if self.expiring:
            self.stage.expire(self.home)
        before = self.stage.sandbox.observations.refreshes
        begin = time.perf_counter()
        processes = [
            subprocess.Popen(self.command, env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(self.size)
        ]
        codes = [process.wait(120) for process in processes]
        took = time.perf_counter() - begin
        refreshes.append(self.stage.sandbox.observations.refreshes - before)
        failures.append(sum(code != 0 for code in codes))
        return took


def rows(stage: Stage) -> Iterator[Row | Missing]:
    """24 processes that renew, one that does, and 24 that need not, by turns."""
    many = Herd(stage, stage.home, [script("dagctl"), "auth", "token"], stage.environ)
    one = Herd(stage, stage.home, many.command, many.environ, size=1)
    idle = Herd(stage, stage.home, many.command, many.environ, expiring=False)
    refreshes: list[float] = []
    failures: list[float] = []
    took, alone, unmoved = by_turns(
        lambda: many.run(refreshes, failures),
        lambda: one.run([], []),
        lambda: idle.run([], []),
        rounds=ROUNDS,
    )
    what = f"{PROCESSES} processes, a token about to expire"
    yield counted(f"{what}: refreshes in a round", "dagctl", refreshes, budget=1)
    yield counted(f"{what}: failures in a round", "dagctl", failures, budget=0)
    yield compared(f"{what}: until the last has ended", f"{PROCESSES} processes, a token that lives", took, unmoved)
    yield compared(f"{what}: until the last has ended", "one process that renews", took, alone)
    yield from _published(stage, what)


def _published(stage: Stage, what: str) -> Iterator[Row | Missing]:
    """The same with the published client, on a session of its own: it may not survive."""
    if stage.published.why_not:
        yield Missing("the published client", stage.published.why_not)
        return
    home = stage.folder / "herd" / ".dagctl"
    home.parent.mkdir()
    stage.sign_in(home)
    python = str(stage.published.folder / "bin" / "python")
    command = [python, "-c", "import dagctl; assert dagctl.get_fresh_token()"]
    refreshes: list[float] = []
    failures: list[float] = []
    Herd(stage, home, command, stage.environ_of_published(home.parent)).run(refreshes, failures)
    yield counted(f"{what}: refreshes", "the published client, once", refreshes)
    yield counted(f"{what}: failures", "the published client, once", failures)


BENCH = Bench(
    "stampede",
    "Refresh stampede",
    f"{PROCESSES} processes of `dagctl auth token` are started at once, on a token with a minute left. The sandbox\n"
    "counts refreshes; each further use of a refresh token would end the session. Counts are the most of any round.",
    rows,
)
