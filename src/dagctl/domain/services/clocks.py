"""A clock that is minutes off makes valid tokens look expired, and the reverse: dagctl says so instead of retrying."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define

from dagctl.domain.errors import ClockSkewed, PlatformError, TokenNotAccepted, TokenOutOfTime
from dagctl.domain.values.tokens import LEEWAY

if TYPE_CHECKING:
    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.clock import Clock


@define(eq=False, repr=False)
class ClockCheck:
    """Compares this machine's clock with the API's when something looks odd."""

    api: ApiGateway
    clock: Clock

    def now(self) -> datetime:
        """This machine's time; aware."""
        return self.clock.now()

    def ahead(self, api_url: str) -> timedelta | None:
        """How far this machine's clock is ahead of the API's, to the second; None if the API does not say."""
        try:
            theirs = self.api.server_date(api_url)
        except PlatformError:
            return None
        return None if theirs is None else self.now() - theirs

    def require(self, api_url: str) -> None:
        """Raise `ClockSkewed` if the API tells its time, and the clocks are further apart than `LEEWAY`."""
        ahead = self.ahead(api_url)
        if ahead is not None and abs(ahead) > LEEWAY:
            raise ClockSkewed(
                f"This machine's clock is {skew(ahead)} that of {api_url}, so dagctl cannot tell valid tokens from "
                "expired ones.",
                host=api_url,
                ahead=ahead,
            )

    @contextmanager
    def explaining(self, api_url: str) -> Iterator[None]:
        """Blame the clock for a refusal in the block, if the clock is wrong: raise `ClockSkewed` instead."""
        try:
            yield
        except (TokenOutOfTime, TokenNotAccepted):  # a 401 for a token that looks valid here
            self.require(api_url)
            raise


def skew(ahead: timedelta) -> str:
    """How two clocks differ, in words: "4 min 10 s ahead of", "2 h 0 min behind"."""
    seconds = round(abs(ahead.total_seconds()))
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    words = f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{words} {'ahead of' if ahead > timedelta() else 'behind'}"
