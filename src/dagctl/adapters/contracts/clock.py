"""What a `Clock` has to do."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta

from dagctl.adapters.contracts.base import Contract
from dagctl.ports.clock import Clock


class ClockContract(Contract):
    """The suite of a `Clock`. Define `make`."""

    @abstractmethod
    def make(self) -> Clock:
        """A clock."""

    def test_the_time_is_aware_and_utc(self) -> None:
        assert self.make().now().utcoffset() == timedelta(0)

    def test_monotonic_time_never_goes_back(self) -> None:
        clock = self.make()
        seen = [clock.monotonic() for _ in range(1000)]
        assert seen == sorted(seen)

    def test_a_sleep_lasts_no_less_than_was_asked_for(self) -> None:
        clock = self.make()
        before = clock.monotonic()
        clock.sleep(0.02)
        assert clock.monotonic() - before >= 0.0199

    def test_no_sleep_is_too_short(self) -> None:
        clock = self.make()
        before = clock.monotonic()
        clock.sleep(0)
        assert clock.monotonic() >= before
