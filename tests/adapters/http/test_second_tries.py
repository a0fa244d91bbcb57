"""What is tried again, how often, and what is not; and connections that were left alone for a while."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path

import pytest
from tests.adapters.http.conftest import HIDDEN, FarSide, Script, Seen, World, hang_up, reply, reset, send, until_cut

from dagctl.adapters.http.api import HttpApiGateway
from dagctl.adapters.http.identity import HttpIdentityProvider
from dagctl.adapters.http.transport import Limits
from dagctl.adapters.http.trust import Trust
from dagctl.domain.errors import PlatformError, Refused, TryLater, Unreachable
from dagctl.domain.values.platform import ApiAccess, Platform

TOKENS = {"access_token": "a", "id_token": "i", "token_type": "Bearer", "expires_in": 3600}
ALLOWED = reply(200, {"allowed": True})
USUAL = [0.5, 1.0, 2.0]


def in_turn(*scripts: Script) -> Script:
    """One script a request, and the last one for all that follow."""
    left = chain(scripts[:-1], repeat(scripts[-1]))

    def script(wire: socket.socket, seen: Seen) -> None:
        next(left)(wire, seen)

    return script


@pytest.fixture
def api(world: World) -> HttpApiGateway:
    return world.api()


@pytest.fixture
def identity(world: World) -> HttpIdentityProvider:
    return world.identity()


def allowed(api: HttpApiGateway, access: ApiAccess) -> bool:
    return api.protection(access, "prj_1", "prod").allowed


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_question_is_asked_again_of_who_is_busy(
    world: World, far: FarSide, api: HttpApiGateway, access: ApiAccess, status: int
) -> None:
    far.script = in_turn(reply(status), reply(status), ALLOWED)

    assert allowed(api, access)
    assert world.clock.slept == USUAL[:2]


@pytest.mark.parametrize("status", [400, 401, 404, 500, 501])
def test_an_answer_that_will_not_change_is_taken(
    world: World, far: FarSide, api: HttpApiGateway, access: ApiAccess, status: int
) -> None:
    far.script = in_turn(reply(status), ALLOWED)

    with pytest.raises(PlatformError):
        allowed(api, access)
    assert (len(far.seen), world.clock.slept) == (1, [])


def test_three_further_tries_are_enough(world: World, far: FarSide, api: HttpApiGateway, access: ApiAccess) -> None:
    far.script = reply(503)

    with pytest.raises(TryLater):
        allowed(api, access)
    assert (len(far.seen), world.clock.slept) == (4, USUAL)


def test_a_connection_that_is_lost_is_made_again(
    world: World, far: FarSide, api: HttpApiGateway, access: ApiAccess
) -> None:
    lost = send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", then=hang_up)
    far.script = in_turn(send(b"", then=reset), lost, ALLOWED)

    assert allowed(api, access)
    assert world.clock.slept == USUAL[:2]


@pytest.mark.parametrize(
    ("told", "slept"),
    [
        ({"Retry_After": "7"}, [7.0]),
        ({"Retry_After": "0"}, [0.5]),
        ({"Retry_After": "soon"}, [0.5]),
        ({"Retry_After": "Tue, 01 Jan 2030 12:00:09 GMT", "Date": "Tue, 01 Jan 2030 12:00:00 GMT"}, [9.0]),
    ],
)
def test_whoever_says_when_is_believed(
    world: World, far: FarSide, api: HttpApiGateway, access: ApiAccess, told: dict[str, str], slept: list[float]
) -> None:
    far.script = in_turn(reply(429, **told), ALLOWED)

    assert allowed(api, access)
    assert world.clock.slept == slept


def test_what_would_come_too_late_is_not_waited_for(
    world: World, far: FarSide, api: HttpApiGateway, access: ApiAccess
) -> None:
    far.script = in_turn(reply(503, Retry_After="100"), ALLOWED)

    with pytest.raises(TryLater) as caught:
        allowed(api, access)
    assert caught.value.retry_after == 100
    assert (len(far.seen), world.clock.slept) == (1, [])


def test_all_tries_together_keep_the_calls_deadline(world: World, far: FarSide, access: ApiAccess) -> None:
    api = world.api(world.transport(limits=Limits(connect=20, read=20, total=25)))
    far.script = reply(503, Retry_After="10")

    with pytest.raises(TryLater):
        allowed(api, access)
    assert world.clock.slept == [10, 10]


POSTS: dict[str, Callable[[HttpIdentityProvider, Platform], object]] = {
    "exchange": lambda it, place: it.exchange(place, HIDDEN["code"], HIDDEN["verifier"], "http://localhost/callback"),
    "refresh": lambda it, place: it.refresh(place, HIDDEN["refresh token"]),
    "revoke": lambda it, place: it.revoke(place, HIDDEN["refresh token"]),
}


@pytest.mark.parametrize("call", POSTS)
@pytest.mark.parametrize("status", [429, 503])
def test_what_was_not_done_is_asked_for_again(
    world: World, far: FarSide, identity: HttpIdentityProvider, place: Platform, call: str, status: int
) -> None:
    far.script = in_turn(reply(status), reply(200, TOKENS))

    POSTS[call](identity, place)

    assert len({seen.body for seen in far.seen}) == 1
    assert world.clock.slept == USUAL[:1]


@pytest.mark.parametrize("call", POSTS)
@pytest.mark.parametrize("answer", [reply(500), reply(502), reply(504), send(b"", then=reset), send(b"", then=hang_up)])
def test_what_may_have_been_done_is_not(
    world: World, far: FarSide, identity: HttpIdentityProvider, place: Platform, call: str, answer: Script
) -> None:
    far.script = in_turn(answer, reply(200, TOKENS))

    with pytest.raises(PlatformError):
        POSTS[call](identity, place)
    assert (len(far.seen), world.clock.slept) == (1, [])


@pytest.mark.parametrize("status", [429, 503])
def test_a_poll_is_left_to_whoever_keeps_its_interval(
    world: World, far: FarSide, identity: HttpIdentityProvider, place: Platform, status: int
) -> None:
    far.script = reply(status, {"error": "slow_down"}, Retry_After="3")

    with pytest.raises(TryLater) as caught:
        identity.poll_device(place, HIDDEN["device code"])
    assert (caught.value.code, caught.value.retry_after) == ("slow_down", 3)
    assert (len(far.seen), world.clock.slept) == (1, [])


# after lunch


@pytest.mark.parametrize(("idle", "connections"), [(19, 1), (21, 2)])
def test_a_connection_that_was_left_alone_is_not_used_again(
    world: World, far: FarSide, idle: float, connections: int
) -> None:
    transport = world.transport()
    transport.get(far.url)
    world.clock.set(world.clock.now() + timedelta(seconds=idle))  # the monotonic clock stands still in a laptop's sleep

    transport.get(far.url)
    assert far.connections == connections


def forgetful(wire: socket.socket, seen: Seen) -> None:
    """Answer the first request on a connection, and none that follows."""
    reply(200, {"allowed": True})(wire, seen)
    until_cut(wire)


def test_a_question_that_nobody_hears_is_asked_on_a_new_connection(world: World, far: FarSide) -> None:
    transport = world.transport(limits=Limits(connect=20, read=1, total=20))
    far.script = forgetful
    transport.get(far.url)

    assert transport.get(far.url).status == 200
    assert (far.connections, world.clock.slept) == (2, [0])


def test_on_a_new_connection_silence_is_an_answer(world: World, far: FarSide) -> None:
    far.script = send(b"", then=until_cut)

    with pytest.raises(Unreachable, match="did not answer within"):
        world.transport(limits=Limits(connect=20, read=1, total=20)).get(far.url)
    assert far.connections == 1


def test_a_renewal_that_nobody_seems_to_hear_is_not_sent_again(world: World, far: FarSide, place: Platform) -> None:
    transport = world.transport(limits=Limits(connect=20, read=1, total=20))
    far.script = forgetful
    transport.get(far.url)

    with pytest.raises(Unreachable, match="did not answer within"):
        world.identity(transport).refresh(place, HIDDEN["refresh token"])
    assert far.connections == 1


# what is waited for


def test_it_shows_who_is_waited_for_from_the_first_try_to_the_last(world: World, far: FarSide) -> None:
    shown: list[str] = []

    @contextmanager
    def waiting(host: str) -> Iterator[None]:
        shown.append(f"waiting for {host}")
        yield
        shown.append(f"over after {len(far.seen)}")

    far.script = in_turn(reply(503), reply(200))
    world.transport(waiting=waiting).get(far.url)

    assert shown == [f"waiting for {far.host}", "over after 2"]


def test_it_ends_with_a_failure_too(world: World, far: FarSide) -> None:
    shown: list[str] = []

    @contextmanager
    def waiting(host: str) -> Iterator[None]:
        try:
            yield
        finally:
            shown.append("over")

    far.script = send(b"", then=hang_up)
    with suppress(PlatformError):
        world.transport(waiting=waiting).get(far.url)

    assert shown == ["over"]


# a virus scanner's variable (https://github.com/python/cpython/issues/90480)


@pytest.mark.parametrize("bundled", [True, False])
def test_no_key_is_logged_and_a_log_that_cannot_be_opened_stops_nobody(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: bool
) -> None:
    for log in (tmp_path / "absent" / "keys.log", tmp_path / "keys.log"):
        monkeypatch.setenv("SSLKEYLOGFILE", str(log))
        trust = Trust(world.ca_file) if bundled else Trust()
        assert trust.context("localhost").keylog_filename is None
        assert not log.exists()


def test_an_exchange_with_such_a_variable(
    world: World, far: FarSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "absent" / "keys.log"))

    assert world.transport(trust=Trust(world.ca_file)).get(far.url).status == 200


def test_a_redirect_is_no_reason_to_ask_again(world: World, far: FarSide) -> None:
    far.script = reply(307, Location=f"{far.url}/elsewhere")

    with pytest.raises(Refused):
        world.transport().get(far.url)
    assert len(far.seen) == 1
