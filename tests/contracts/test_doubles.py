"""What the doubles do beyond their suites."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode

import pytest

from dagctl.domain.errors import (
    FileBusy,
    FileCorrupt,
    FileUnusable,
    NotFound,
    PortTaken,
    Refused,
    TokenNotAccepted,
    Unreachable,
)
from dagctl.domain.values.platform import ApiAccess, Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.targets import Targets
from dagctl.domain.values.tokens import TokenSet
from dagctl.testing import (
    FailingTokenStore,
    FixedClock,
    FixedCommandLine,
    FollowingBrowser,
    MemoryFileSystem,
    MemoryPlatform,
    NullTokenStore,
    connected,
)


def test_a_clock_stands_still_until_somebody_sleeps() -> None:
    clock = FixedClock(datetime(2030, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == clock.now() == datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
    clock.sleep(90)
    assert clock.now() == datetime(2030, 1, 1, 12, 1, 30, tzinfo=timezone.utc)
    assert clock.monotonic() == 90
    assert clock.slept == [90]


def test_a_wall_clock_can_be_set_and_monotonic_time_cannot() -> None:
    clock = FixedClock()
    clock.set(clock.now() - timedelta(days=1))
    assert clock.monotonic() == 0
    clock.advance(10)
    assert clock.now() == datetime(2029, 12, 31, 12, 0, 10, tzinfo=timezone.utc)


def test_what_is_planned_happens_in_its_order_and_at_its_time() -> None:
    clock, seen = FixedClock(), []
    clock.after(20, lambda: seen.append(("late", clock.monotonic())))
    clock.after(10, lambda: clock.after(5, lambda: seen.append(("nested", clock.monotonic()))))
    clock.after(300, lambda: seen.append(("never", clock.monotonic())))
    clock.sleep(60)
    assert seen == [("nested", 15), ("late", 20)]
    assert clock.monotonic() == 60


def test_a_clock_shows_no_naive_time() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2030, 1, 1))


def test_a_store_that_keeps_nothing() -> None:
    store = NullTokenStore()
    with store.lock():
        store.save(TokenSet("a", "i"))
    assert store.load() is None
    store.clear()
    assert store.describe() == "nowhere"


@pytest.mark.parametrize("error", [FileUnusable("x"), FileCorrupt("x"), FileBusy("x")])
def test_a_store_that_fails(error: Any) -> None:
    store = FailingTokenStore(error)
    for use in (store.load, lambda: store.save(TokenSet("a", "i")), store.clear, store.lock):
        with pytest.raises(type(error)) as caught:
            use()
        assert caught.value is error
    assert store.describe() == "a store that always fails"


@pytest.mark.parametrize(
    ("environments", "default", "targets"),
    [
        ((), "dev", Targets.none("dev", "a test")),
        (("Prod-EU",), "dev", Targets.exactly(["prod_eu"], "dev", "a test")),
        (("",), "Dev", Targets.exactly(["dev"], "dev", "a test")),
        (("",), None, Targets.exactly(["prod"], "prod", "a test")),
        ((None,), "Dev", Targets.of_program("dev", "dev", "a test")),
        ((None,), None, Targets.of_program(None, "prod", "a test")),
    ],
)
def test_a_command_line(environments: tuple[Any, ...], default: str | None, targets: Targets) -> None:
    assert FixedCommandLine(*environments).targets(default) == targets


def test_relative_paths_begin_in_the_working_directory() -> None:
    files = MemoryFileSystem({"config.yaml": "a", "/project/models/x.sql": b"b"})
    assert files.read(PurePosixPath("models/../config.yaml")) == "a"
    assert files.names(PurePosixPath(".")) == ["config.yaml", "models"]
    assert files.names(PurePosixPath("/")) == ["project"]
    files.write(PurePosixPath("new"), "c")
    assert files.read(PurePosixPath("/project/new")) == "c"
    files.make_folder(PurePosixPath("a/b"))
    files.write(PurePosixPath("a/b/c"), "d")
    with pytest.raises(FileUnusable, match="a folder"):
        files.write(PurePosixPath("a"), "e", replace=True)
    with pytest.raises(FileUnusable, match="a folder"):
        files.remove(PurePosixPath("a"))


def test_one_listener_at_a_time() -> None:
    browser = FollowingBrowser(MemoryPlatform())
    with browser.listen(lambda query: True), pytest.raises(PortTaken), browser.listen(lambda query: True):
        raise AssertionError("two listen")
    with browser.listen(lambda query: True) as visit:
        assert visit.redirect_uri


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://dagctl-us-1.us.auth0.com/elsewhere", 404),
        ("https://dagctl-us-1.us.auth0.com/authorize?client_id=stranger", 400),
        ("https://dagctl-us-1.us.auth0.com/authorize?client_id=JxXl18ostdRfEpnLkgcv2i2DfcdjOChI", 400),
    ],
)
def test_a_page_that_sends_nobody_back(url: str, status: int) -> None:
    with pytest.raises(Refused) as caught:
        MemoryPlatform().authorize(url)
    assert isinstance(caught.value, NotFound) is (status == 404)


def test_a_stranger_cannot_sign_in() -> None:
    platform = MemoryPlatform()
    code = platform.begin_device(platform.place).user_code
    with pytest.raises(Refused, match=r"no account eve@evil\.example"):
        platform.finish_device(code, email="eve@evil.example")


def test_a_code_of_no_device() -> None:
    with pytest.raises(Refused, match="unknown"):
        MemoryPlatform().finish_device("NONE-NONE")


def test_other_places_are_not_there() -> None:
    platform = MemoryPlatform()
    with pytest.raises(Unreachable):
        platform.endpoints(Platform(issuer_host="elsewhere.example"))
    with pytest.raises(Unreachable):
        platform.advertisement("https://elsewhere.example")


def test_the_api_knows_when_a_token_dies_and_where_it_comes_from() -> None:
    platform, other = MemoryPlatform(), MemoryPlatform()
    client, stranger = connected(platform), connected(other)
    access = ApiAccess(platform.place.api_url, client.session.open().tokens.id_token, "org_acme")
    assert platform.projects(access)
    foreign = ApiAccess(platform.place.api_url, stranger.session.open().tokens.id_token, "org_acme")
    with pytest.raises(Refused, match="not one of this issuer's"):
        platform.projects(foreign)
    assert isinstance(platform.clock, FixedClock)
    platform.clock.advance(3600)
    with pytest.raises(TokenNotAccepted, match="has expired"):
        platform.projects(access)


def test_a_person_who_is_no_longer_there_is_not_served() -> None:
    platform = MemoryPlatform()
    client = connected(platform)
    platform.people = platform.people[1:]
    with pytest.raises(Refused, match="for nobody here"):
        client.projects.list()


def test_a_code_dies_after_a_minute() -> None:
    platform = MemoryPlatform()
    browser = FollowingBrowser(platform)
    with browser.listen(lambda query: True) as visit:
        visit.open(_request(platform))
        code = visit.wait(1)["code"]
    assert isinstance(platform.clock, FixedClock)
    platform.clock.advance(60)
    with pytest.raises(Refused, match="has expired"):
        platform.exchange(platform.place, Secret(code), Secret("v" * 43), "http://localhost:8080/callback")


def _request(platform: MemoryPlatform) -> str:
    query = {
        "client_id": platform.place.client_id,
        "response_type": "code",
        "redirect_uri": platform.redirect_uris[0],
        "scope": "openid",
        "audience": platform.place.api_url,
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    return f"{platform.place.issuer}authorize?{urlencode(query)}"


def test_protection_can_be_changed() -> None:
    platform = MemoryPlatform()
    access = ApiAccess(platform.place.api_url, connected(platform).session.open().tokens.id_token, "org_acme")
    platform.protect("prj_web", "staging")
    assert platform.protection(access, "prj_web", "staging").allowed is False
    assert platform.protection(access, "prj_web", "prod").allowed is True
    assert platform.protection(access, "prj_shop", None).allowed is False
    platform.protect("prj_shop")
    assert platform.protection(access, "prj_shop", "prod").allowed is True
    assert platform.checks == [
        ("prj_web", "staging"),
        ("prj_web", "prod"),
        ("prj_shop", None),
        ("prj_shop", "prod"),
    ]
