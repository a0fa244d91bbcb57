"""The machine's own clock."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from dagctl.ports.clock import Clock


class SystemClock(Clock):
    """The `Clock` of this machine."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
