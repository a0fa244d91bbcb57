"""The suite's arithmetic and its page: whoever reads the figures has to be able to rely on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.benchmarks import reporting
from tests.benchmarks.__main__ import BENCHES, PAGE
from tests.benchmarks.measuring import Bench, Missing, Row, Spread, by_turns, compared, counted, difference, ratio

PAGE_BEFORE = f"# Title\n\nBefore.\n\n{reporting.BEGIN}\nold\n{reporting.END}\n\nAfter.\n"


def test_a_spread_is_median_and_quartiles() -> None:
    assert Spread.of([5, 1, 4, 2, 3]) == Spread(3, 2, 4)
    assert Spread.of([7.0]) == Spread(7, 7, 7)


def test_works_take_turns_and_the_first_rounds_do_not_count() -> None:
    order: list[str] = []

    def work(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = by_turns(lambda: work("a"), lambda: work("b"), rounds=2, warm=1)
    assert "".join(order) == "ababab"
    assert found == [[3, 5], [4, 6]]


def test_rounds_are_compared_one_by_one() -> None:
    assert ratio([2, 30, 4], [1, 10, 4]) == Spread(2, 1.5, 2.5)
    assert difference([0.03, 0.05], [0.01, 0.01], 1e3).median == pytest.approx(30)
    with pytest.raises(ValueError, match="argument 2"):
        ratio([1, 2], [1])


@pytest.mark.parametrize(("budget", "met"), [(3.0, True), (2.0, True), (1.9, False), (None, None)])
def test_a_budget_is_met_by_the_median(budget: float | None, met: bool | None) -> None:
    assert compared("ours", "theirs", [2.0, 2.0, 9.0], [1.0, 1.0, 1.0], budget).met is met


def test_of_counts_the_most_counts() -> None:
    row = counted("refreshes", "dagctl", [1, 1, 2], budget=1)
    assert (row.met, reporting.shown(row)) == (False, ("2 (1–2)", "≤ 1", "**missed**"))


def test_a_table_has_a_line_a_row() -> None:
    met = Row("ours", "theirs", "2 s", "1 s", Spread(2, 1.5, 2.5), budget=3)
    bench = Bench("b", "The title", "The note.", lambda stage: iter(()))
    lines = reporting.section(bench, [met, Missing("PgBouncer", "it is not installed")]).splitlines()
    assert lines[0] == "### The title"
    assert lines[-2] == "| ours | theirs | 2 s | 1 s | 2.00× (1.50–2.50) | ≤ 3× | met |"
    assert lines[-1].startswith("| PgBouncer | not measured: it is not installed |")
    assert len({line.count("|") for line in lines[4:]}) == 1


def test_the_tally_names_what_is_missed() -> None:
    met, missed = counted("a", "", [1], budget=1), counted("b", "", [3], budget=2)
    assert reporting.tally([met, missed, Missing("c", "why"), counted("d", "", [9])]) == (
        "1 of 2 budgets met. Missed: b (3, budget ≤ 2)."
    )
    assert reporting.tally([met]) == "1 of 1 budgets met."


def test_only_what_is_between_the_marks_is_replaced() -> None:
    once = reporting.replaced(PAGE_BEFORE, "new\n")
    assert once == PAGE_BEFORE.replace("\nold\n", "\n\nnew\n\n")
    assert reporting.replaced(once, "new") == once


@pytest.mark.parametrize(
    "page",
    [
        "nothing",
        reporting.BEGIN,
        f"{reporting.END}\n{reporting.BEGIN}",
        PAGE_BEFORE + reporting.END,
        PAGE_BEFORE + reporting.BEGIN,
    ],
)
def test_a_page_without_marks_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="both marks"):
        reporting.replaced(page, "new")


def test_the_page_in_the_repository_has_marks_and_every_bench() -> None:
    page = Path(PAGE).read_text("utf-8")
    assert reporting.replaced(page, "new").count("new") >= 1
    assert [f"### {bench.title}" in page for bench in BENCHES.values()] == [True] * len(BENCHES)
