"""Results as a table, and the table's place in the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.benchmarks.measuring import Bench, Missing, Row

BEGIN = "<!-- measured: what is between these two marks is written by `make bench` -->"
END = "<!-- /measured -->"
HEAD = ("measured", "against", "ours", "the other", "median (quartiles)", "budget", "")


def section(bench: Bench, rows: Iterable[Row | Missing]) -> str:
    """A bench's part of the page."""
    lines = [HEAD, ("---",) * len(HEAD), *map(_cells, rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"### {bench.title}\n\n{bench.note}\n\n{table}\n"


def _cells(row: Row | Missing) -> Sequence[str]:
    if isinstance(row, Missing):
        return (row.what, f"not measured: {row.why}", "", "", "", "", "")
    figure, budget, verdict = shown(row)
    return (row.what, row.against, row.ours, row.other, figure, budget, verdict)


def shown(row: Row) -> tuple[str, str, str]:
    """Figure, budget and verdict of a row, for people."""
    budget = "" if row.budget is None else f"≤ {row.budget:g}{row.unit}"
    return _figure(row), budget, {None: "", True: "met", False: "**missed**"}[row.met]


def _figure(row: Row) -> str:
    low, median, high = (f"{value:.{_digits(row)}f}" for value in (row.figure.low, row.figure.median, row.figure.high))
    spread = f" ({low}–{high})" if low != high else ""
    return f"{median}{row.unit}{spread}"


def _digits(row: Row) -> int:
    if row.unit == "×":
        return 2
    return 1 if row.unit else 0


def facts_table(facts: Mapping[str, str]) -> str:
    """Where and with what it was measured."""
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in facts.items())]) + "\n"


def tally(rows: Iterable[Row | Missing]) -> str:
    """How many budgets are met, and which are not."""
    budgeted = [row for row in rows if isinstance(row, Row) and row.met is not None]
    missed = [f"{row.what} ({shown(row)[0]}, budget {shown(row)[1]})" for row in budgeted if not row.met]
    told = f"{len(budgeted) - len(missed)} of {len(budgeted)} budgets met."
    return f"{told} Missed: {'; '.join(missed)}." if missed else told


def replaced(page: str, measured: str) -> str:
    """The page with what is between the marks replaced.

    Raises:
        ValueError: it has not each mark exactly once, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in after or END in before + after:
        raise ValueError("The page needs both marks, once each.")
    return f"{before}{BEGIN}\n\n{measured.strip()}\n\n{END}{after}"
