"""Signing in with a code that is typed in on another device (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.domain.conftest import World

from dagctl.domain.errors import (
    DagctlError,
    DeviceGrantRefused,
    OrganizationRefused,
    PlatformError,
    Refused,
    SignInCancelled,
    SignInFailed,
    SignInTimedOut,
    TokenRejected,
    TryLater,
    Unreachable,
)
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.settings import Settings
from dagctl.ports.identity_provider import DeviceCode

NOTHING: tuple[object, ...] = (None, Settings(), {})


def _after(
    world: World, seconds: float, *, email: str | None = None, deny: bool = False
) -> Callable[[DeviceCode], None]:
    """A person who types the code in after so many seconds."""

    def show(code: DeviceCode) -> None:
        world.clock.after(seconds, lambda: world.platform.finish_device(code.user_code, email=email, deny=deny))

    return show


def _ignore(code: DeviceCode) -> None:
    assert code.user_code
    assert code.verification_uri


def test_a_sign_in(world: World) -> None:
    signed_in = world.logins.with_device("acme", _after(world, 12))
    assert signed_in.identity.email == "ada@acme.example"
    assert world.settings.load().current_org == "org_acme"
    assert world.kept().refresh_token
    assert world.clock.slept == [5, 5, 5]


def test_the_code_is_shown_once_before_the_wait(world: World) -> None:
    shown: list[DeviceCode] = []

    def show(code: DeviceCode) -> None:
        assert world.clock.slept == []
        shown.append(code)
        world.platform.finish_device(code.user_code)

    world.logins.with_device("acme", show)
    (code,) = shown
    assert code.user_code in (code.verification_uri_complete or "")
    assert code.verification_uri == "https://dagctl-us-1.us.auth0.com/activate"


@pytest.mark.parametrize("interval", [1, 5, 30])
def test_the_issuers_interval_is_kept(world: World, interval: int) -> None:
    world.platform.device_interval = interval
    world.logins.with_device("acme", _after(world, interval * 2.5))
    assert world.clock.slept == [interval] * 3


def test_slow_down_adds_five_seconds_for_good(world: World) -> None:
    def show(code: DeviceCode) -> None:
        def ask_too() -> None:
            with pytest.raises(Refused):
                world.platform.poll_device(world.platform.place, code.device_code)

        world.clock.after(3, ask_too)
        world.clock.after(22, lambda: world.platform.finish_device(code.user_code))

    world.logins.with_device("acme", show)
    assert world.clock.slept == [5, 10, 10]


def test_lost_answers_are_waited_out(world: World) -> None:
    def show(code: DeviceCode) -> None:
        world.platform.finish_device(code.user_code)
        world.platform.issuer_trouble = Unreachable("The issuer cannot be reached.")
        world.clock.after(12, lambda: setattr(world.platform, "issuer_trouble", None))

    world.logins.with_device("acme", show)
    assert world.clock.slept == [5, 10]


@pytest.mark.parametrize("trouble", [Unreachable("The issuer cannot be reached."), TryLater("The issuer answers 503.")])
def test_an_outage_is_waited_out_for_as_long_as_the_code_lives(world: World, trouble: PlatformError) -> None:
    def show(code: DeviceCode) -> None:
        world.platform.finish_device(code.user_code)
        world.platform.issuer_trouble = trouble
        world.clock.after(270, lambda: setattr(world.platform, "issuer_trouble", None))

    world.logins.with_device("acme", show)
    assert world.kept().refresh_token
    assert max(world.clock.slept) <= 20


@pytest.mark.parametrize("trouble", [Unreachable("The issuer cannot be reached."), TryLater("The issuer answers 503.")])
def test_an_outage_that_outlives_the_code_is_what_went_wrong(world: World, trouble: PlatformError) -> None:
    def show(code: DeviceCode) -> None:
        world.platform.issuer_trouble = trouble

    with pytest.raises(type(trouble)):
        world.logins.with_device("acme", show)
    assert sum(world.clock.slept) > 270
    assert world.recorded() == NOTHING


@pytest.mark.parametrize("code", ["slow_down", None])
def test_an_issuer_that_says_when_to_ask_is_believed(world: World, code: str | None) -> None:
    def show(device: DeviceCode) -> None:
        world.platform.finish_device(device.user_code)
        world.platform.issuer_trouble = TryLater("The issuer answers 429.", code=code, retry_after=60.0)
        world.clock.after(30, lambda: setattr(world.platform, "issuer_trouble", None))

    world.logins.with_device("acme", show)
    assert world.clock.slept == [5, 60]


def test_after_an_outage_the_interval_is_the_issuers_again(world: World) -> None:
    def show(code: DeviceCode) -> None:
        world.platform.issuer_trouble = Unreachable("The issuer cannot be reached.")
        world.clock.after(12, lambda: setattr(world.platform, "issuer_trouble", None))
        world.clock.after(22, lambda: world.platform.finish_device(code.user_code))

    world.logins.with_device("acme", show)
    assert world.clock.slept == [5, 10, 5, 5]


@pytest.mark.parametrize(("timeout", "most"), [(300.0, 300), (10_000.0, 600), (7.0, 7)])
def test_the_wait_ends_with_the_code_or_with_the_patience(world: World, timeout: float, most: int) -> None:
    with pytest.raises(SignInTimedOut):
        world.logins.with_device("acme", _ignore, timeout=timeout)
    assert most - 10 <= sum(world.clock.slept) < most
    assert world.recorded() == NOTHING


def test_the_program_can_cancel_it(world: World) -> None:
    with pytest.raises(SignInCancelled, match="cancelled"):
        world.logins.with_device("acme", _ignore, cancelled=lambda: len(world.clock.slept) == 3)
    assert world.clock.slept == [5, 5, 5]
    assert world.recorded() == NOTHING


def test_an_issuer_that_calls_the_code_expired_ends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = world.platform.begin_device

    def begun_long_ago(place: Platform) -> DeviceCode:
        code: DeviceCode = begin(place)
        world.clock.advance(code.expires_in)
        return code

    monkeypatch.setattr(world.platform, "begin_device", begun_long_ago)
    with pytest.raises(SignInTimedOut, match="expired"):
        world.logins.with_device("acme", _ignore)
    assert world.clock.slept == [5]


def test_a_client_without_that_grant_is_told_another_way(world: World) -> None:
    world.platform.device = False
    with pytest.raises(SignInFailed, match="does not let this client sign in with a device code") as caught:
        world.logins.with_device("acme", _ignore)
    assert isinstance(caught.value, DeviceGrantRefused)
    assert caught.value.issuer_host == world.platform.place.issuer_host
    assert world.clock.slept == []


REFUSALS = [
    ({"deny": True}, SignInFailed, "the person refused"),
    ({"email": "bob@globex.example"}, OrganizationRefused, "belongs to 'Globex'"),
    ({"email": "new@acme.example"}, OrganizationRefused, "has no organization"),
]


@pytest.mark.parametrize(("decision", "error", "words"), REFUSALS)
def test_a_refused_sign_in_records_nothing(
    world: World, decision: dict[str, Any], error: type[DagctlError], words: str
) -> None:
    with pytest.raises(error, match=words):
        world.logins.with_device("acme", _after(world, 1, **decision))
    assert world.recorded() == NOTHING


def test_the_id_token_is_checked_here_too(world: World) -> None:
    world.platform.id_claims = {"aud": "another-client"}
    with pytest.raises(TokenRejected, match="another client"):
        world.logins.with_device("acme", _after(world, 1))
    assert world.recorded() == NOTHING
    assert len(world.platform.revoked_families) == 1


def test_an_issuer_that_refuses_to_begin_is_said_to(world: World) -> None:
    world.platform.issuer_trouble = TryLater("The issuer answers 500.")
    with pytest.raises(Refused, match="500"):
        world.logins.with_device("acme", _ignore)
