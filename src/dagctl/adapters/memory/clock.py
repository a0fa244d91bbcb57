"""A clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from threading import RLock

from dagctl.adapters.platform_model.declared import DeclaredHere
from dagctl.ports.clock import Clock

NOON = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


class FixedClock(DeclaredHere, Clock):
    """The `Clock` of a test. A sleep takes no time: it moves the clock.

    Args:
        now: the time at first; aware.

    Attributes:
        slept: the length of each sleep, in seconds.
    """

    slept: list[float]

    def __init__(self, now: datetime = NOON) -> None:
        if now.tzinfo is None:
            raise ValueError("a clock shows aware times")
        self.slept = []
        self._begin = now.astimezone(timezone.utc)
        self._passed = 0.0
        self._shift = timedelta()
        self._planned: list[tuple[float, Callable[[], object]]] = []
        self._lock = RLock()

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=self._passed) + self._shift

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(max(seconds, 0.0))

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass. What `after` has planned until then happens.

        Raises:
            ValueError: they are not zero or more. `set` turns the wall clock back.
        """
        if not seconds >= 0:
            raise ValueError(f"{seconds!r} seconds cannot pass.")
        with self._lock:
            end = self._passed + seconds
            while due := [plan for plan in self._planned if plan[0] <= end]:
                plan = min(due, key=lambda plan: plan[0])
                self._planned.remove(plan)  # first: an action may sleep, and so advance the clock itself
                self._passed = max(self._passed, plan[0])
                plan[1]()
            self._passed = max(self._passed, end)

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Plan `action` for `seconds` from now."""
        self._planned.append((self._passed + seconds, action))

    def set(self, now: datetime) -> None:
        """Set the wall clock, forward or back; `monotonic` does not change."""
        self._shift = now - self._begin - timedelta(seconds=self._passed)
