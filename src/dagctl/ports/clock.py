"""The time, and waiting."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits. The domain uses no other clock."""

    def now(self) -> datetime:
        """The wall clock's time, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds from some fixed point; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
