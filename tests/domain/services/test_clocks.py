"""A clock that is minutes off is named, and the API is what it is compared with."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import pytest
from tests.domain.conftest import World

from dagctl.domain.errors import (
    ClockSkewed,
    PlatformError,
    ProtectionUnknown,
    Refused,
    TokenNotAccepted,
    TokenRejected,
    Unreachable,
)
from dagctl.domain.services.clocks import ClockCheck, skew
from dagctl.domain.values.platform import ApiAccess
from dagctl.testing import FixedClock, MemoryPlatform


def off(world: World, **by: float) -> World:
    """The same world, on a machine whose clock is wrong."""
    world.machine = FixedClock(world.platform.clock.now() + timedelta(**by))
    return world


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ({"seconds": 4}, "4 s ahead of"),
        ({"minutes": 4, "seconds": 10}, "4 min 10 s ahead of"),
        ({"minutes": -61}, "1 h 1 min behind"),
        ({"days": 2}, "48 h 0 min ahead of"),
    ],
)
def test_words(by: dict[str, float], words: str) -> None:
    assert skew(timedelta(**by)) == words


@pytest.mark.parametrize(
    ("minutes", "words"), [(-90, "1 h 30 min behind"), (-5, "5 min 0 s behind"), (5, "5 min 0 s ahead of")]
)
def test_a_sign_in_names_the_clock(world: World, minutes: float, words: str) -> None:
    world.platform.access_lifetime = world.platform.id_lifetime = 240
    with pytest.raises(ClockSkewed, match=f"{words} that of https://api.dagctl.io"):
        off(world, minutes=minutes).login()
    assert world.tokens.load() is None
    assert world.platform.revoked_families  # tokens of a sign-in that came to nothing serve nobody


def test_a_token_that_is_out_of_time_by_a_right_clock_stays_the_issuers_fault(world: World) -> None:
    world.platform.id_claims = {"iat": int(world.clock.now().timestamp()) + 600}
    with pytest.raises(TokenRejected, match="from the future"):
        world.login()


def test_a_refresh_names_the_clock_and_keeps_the_new_tokens(signed_in: World) -> None:
    before = signed_in.kept()
    off(signed_in, minutes=58)  # of the new tokens' hour, two minutes are left by this clock
    signed_in.platform.clock.advance(3600)
    signed_in.clock.advance(3600)
    with pytest.raises(ClockSkewed, match="58 min 0 s ahead of"):
        signed_in.session.fresh()
    assert signed_in.platform.refreshes == 1
    assert signed_in.kept().refresh_token != before.refresh_token


def test_a_few_minutes_that_do_no_harm_stop_nobody(signed_in: World) -> None:
    off(signed_in, minutes=10)
    signed_in.clock.advance(3600)
    signed_in.platform.clock.advance(3600)
    assert signed_in.session.fresh() == signed_in.kept()


def test_a_refusal_of_a_token_that_looks_alive_names_the_clock(signed_in: World) -> None:
    off(signed_in, minutes=-30)
    signed_in.platform.clock.advance(3600)  # the API takes the token no more; this machine gives it half an hour
    signed_in.clock.advance(3600 - 1200)
    with pytest.raises(ClockSkewed, match="behind"):
        signed_in.projects.list()


def test_a_refusal_with_the_right_time_stays_a_refusal(signed_in: World) -> None:
    class Strict(MemoryPlatform):
        def projects(self, access: ApiAccess) -> NoReturn:
            raise TokenNotAccepted("No.")

    with pytest.raises(Refused, match="No"), ClockCheck(Strict(), signed_in.clock).explaining("https://api.dagctl.io"):
        Strict().projects(ApiAccess("https://api.dagctl.io", signed_in.kept().id_token))


def test_an_api_that_does_not_tell_the_time_hides_nothing(world: World) -> None:
    world.platform.api_trouble = Unreachable("down")
    check = ClockCheck(world.platform, FixedClock())
    assert check.ahead("https://api.dagctl.io") is None
    with pytest.raises(TokenRejected), check.explaining("https://api.dagctl.io"):
        raise TokenRejected("It answers another sign-in.")


def test_it_is_a_platform_error_so_that_the_guard_stays_closed() -> None:
    assert issubclass(ClockSkewed, PlatformError)
    assert not issubclass(ClockSkewed, ProtectionUnknown)
