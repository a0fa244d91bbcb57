"""How long a command takes that needs no network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from tests.benchmarks.measuring import Bench, Missing, Row, by_turns, compared, seconds
from tests.benchmarks.stage import Stage, script

BUDGETS: dict[str, float | None] = {
    "--version": 3,
    "--help": 3,
    "auth status": 8,
    "auth token": None,
    "config current": None,
    "auth list": None,
    "completion bash": None,
    "use-project --help": None,
    "config generate --help": None,
}
THEIRS = ("--version", "--help", "auth status", "config current", "use-project --help", "config generate --help")
ROUNDS = 15


def rows(stage: Stage) -> Iterator[Row | Missing]:
    """Ours, a bare interpreter, and the published client, by turns."""
    published = stage.published
    if published.why_not:
        yield Missing("the published client", published.why_not)
    for words, budget in BUDGETS.items():
        bare = _run(stage, sys.executable, "-c", "pass")
        ours = _run(stage, script("dagctl"), *words.split())
        if words not in THEIRS or published.why_not:
            took, nothing = by_turns(ours, bare, rounds=ROUNDS)
            yield compared(f"`dagctl {words}`", "`python -c pass`", took, nothing, budget)
            continue
        environ = stage.environ_of_published()
        command = [str(published.folder / "bin" / "dagctl"), *words.split()]
        theirs = partial(seconds, partial(stage.output, command, environ))
        took, nothing, other = by_turns(ours, bare, theirs, rounds=ROUNDS)
        yield compared(f"`dagctl {words}`", "`python -c pass`", took, nothing, budget)
        yield compared(f"`dagctl {words}`", "the published client", took, other)


def _run(stage: Stage, *command: str) -> partial[float]:
    return partial(seconds, partial(stage.output, command))


BENCH = Bench(
    "startup",
    "Start-up",
    "Whole processes: the installed script against the interpreter that it names, started in the same way (`python -c\n"
    "pass`, no flags, the same environment), and against the published client (0.4.1) in an environment of its own.\n"
    "Somebody is signed in; no command of these needs the network.",
    rows,
)
