"""Measured side by side: what is compared takes turns, so that the machine's noise hits all of it alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from tests.benchmarks.stage import Stage


@frozen
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of measured values, of which there is one at least."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@frozen
class Row:
    """A result.

    Attributes:
        ours, other: what the two sides took, for people.
        figure: how they compare, in `unit`.
        budget: what the median may be at most; None where nothing is promised.
    """

    what: str
    against: str
    ours: str
    other: str
    figure: Spread
    unit: str = "×"
    budget: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None where there is none."""
        return None if self.budget is None else self.figure.median <= self.budget


@frozen
class Missing:
    """A comparison that could not be made here."""

    what: str
    why: str


@frozen
class Bench:
    """Comparisons that belong together.

    Attributes:
        note: how it was measured, for people.
    """

    name: str
    title: str
    note: str
    rows: Callable[[Stage], Iterator[Row | Missing]]


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def by_turns(*works: Callable[[], float], rounds: int, warm: int = 1) -> list[list[float]]:
    """What each of `works` gives in each round: A B A B …, after `warm` rounds that do not count."""
    for work in works * warm:
        work()
    found: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for values, work in zip(found, works, strict=True):
            values.append(work())
    return found


def ratio(ours: Iterable[float], others: Iterable[float]) -> Spread:
    """Round by round, how many times the other's."""
    return Spread.of([one / other for one, other in zip(ours, others, strict=True)])


def difference(ours: Iterable[float], others: Iterable[float], scale: float = 1.0) -> Spread:
    """Round by round, how much more than the other's, times `scale`."""
    return Spread.of([(one - other) * scale for one, other in zip(ours, others, strict=True)])


def compared(
    what: str, against: str, ours: Sequence[float], others: Sequence[float], budget: float | None = None
) -> Row:
    """A row about two columns of seconds."""
    return Row(what, against, took(ours), took(others), ratio(ours, others), budget=budget)


def counted(what: str, against: str, values: Sequence[float], budget: float | None = None) -> Row:
    """A row about something that was counted in each round: the most of it is what counts."""
    most = max(values)
    return Row(what, against, f"{most:g}", "", Spread(most, min(values), most), unit="", budget=budget)


def took(values: Sequence[float]) -> str:
    """The median of some seconds, for people."""
    median = statistics.median(values)
    return f"{median:.2f} s" if median >= 1 else f"{median * 1e3:.3g} ms"
