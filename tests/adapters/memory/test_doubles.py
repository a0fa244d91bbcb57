"""What the doubles do beyond their suites."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from attrs import evolve

from dagctl.domain.errors import (
    DagctlError,
    FileBusy,
    FileCorrupt,
    FileUnusable,
    NotFound,
    PortTaken,
    Refused,
    TokenNotAccepted,
    Unreachable,
)
from dagctl.domain.values.platform import ApiAccess, Organization, Platform, Project
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.targets import Targets
from dagctl.domain.values.tokens import TokenSet, identity_of
from dagctl.testing import (
    FixedClock,
    FixedCommandLine,
    FollowingBrowser,
    MemoryFileSystem,
    MemoryPlatform,
    MemoryTokenStore,
    NullTokenStore,
    Tenant,
    connected,
)

VERIFIER = Secret("v" * 43)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()


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
def test_a_store_that_fails(error: DagctlError) -> None:
    store = MemoryTokenStore(trouble=error)
    for use in (store.load, lambda: store.save(TokenSet("a", "i")), store.clear, store.lock):
        with pytest.raises(type(error)) as caught:
            use()
        assert caught.value is error


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
    for attempt in (
        lambda: platform.finish_device(code, email="eve@evil.example"),
        lambda: connected(platform, email="eve@evil.example"),
        lambda: connected(platform, browser=FollowingBrowser(platform, email="eve@evil.example")),
    ):
        with pytest.raises(ValueError, match=r"no person 'eve@evil\.example'; there are ada@acme\.example, "):
            attempt()


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


def _request(platform: MemoryPlatform, **changes: str) -> str:
    query = {
        "client_id": platform.place.client_id,
        "response_type": "code",
        "redirect_uri": platform.redirect_uris[0],
        "scope": "openid",
        "audience": platform.place.api_url,
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        **changes,
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


@pytest.mark.parametrize("project", ["shop", "prj_shop"])
def test_a_project_is_protected_by_name_or_id(project: str) -> None:
    platform = MemoryPlatform()
    access = ApiAccess(platform.place.api_url, connected(platform).session.open().tokens.id_token, "org_acme")
    platform.protect(project, "staging")
    assert platform.protection(access, "prj_shop", "staging").allowed is False
    platform.unprotect(project)
    assert platform.protection(access, "prj_shop", "prod").allowed is True


@pytest.mark.parametrize("project", ["shopp", "PRJ_SHOP", "org_acme", ""])
def test_a_project_that_is_not_there_cannot_be_protected(project: str) -> None:
    with pytest.raises(ValueError, match=r"shop \(prj_shop\), web-analytics \(prj_web\), ledger \(prj_ledger\)"):
        MemoryPlatform().protect(project, "prod")
    with pytest.raises(ValueError, match="no project 'shop'"):
        Tenant(Organization("org_1", "One"), (Project("prj_shop", "shop"),), {"shop": {"prod"}})


def test_a_name_that_two_organizations_have_is_no_answer() -> None:
    tenants = tuple(Tenant(Organization(name, name), (Project(f"prj_{name}", "shop"),)) for name in ("one", "two"))
    platform = MemoryPlatform(tenants=tenants, people=())
    with pytest.raises(ValueError, match="no one project 'shop'"):
        platform.protect("shop", "prod")
    platform.protect("prj_two", "prod")
    assert [tenant.protected for tenant in platform.tenants] == [{}, {"prj_two": {"prod"}}]


def test_only_a_question_that_is_answered_is_noted() -> None:
    platform = MemoryPlatform()
    tokens = connected(platform).session.open().tokens
    access = ApiAccess(platform.place.api_url, tokens.id_token, "org_acme")
    for wrong in (evolve(access, id_token=tokens.access_token), evolve(access, organization_id=None)):
        with pytest.raises(Refused):
            platform.protection(wrong, "prj_shop", "prod")
    with pytest.raises(Refused):
        platform.protection(access, "prj_none", "prod")
    assert platform.checks == []


@pytest.mark.parametrize("deny", [True, False])
def test_what_was_decided_about_a_device_is_final(deny: bool) -> None:
    platform = MemoryPlatform()
    code = platform.begin_device(platform.place).user_code
    platform.finish_device(code, deny=deny)
    with pytest.raises(Refused, match="unknown, or has expired"):
        platform.finish_device(code, deny=not deny)


def test_no_refresh_token_without_the_scope_for_it() -> None:
    platform = MemoryPlatform()
    code = parse_qs(urlsplit(platform.authorize(_request(platform, code_challenge=CHALLENGE))).query)["code"][0]
    tokens = platform.exchange(platform.place, Secret(code), VERIFIER, platform.redirect_uris[0])
    assert tokens.refresh_token is None
    assert tokens.extra["scope"] == "openid"


class Sittings:
    """A browser in which one person after another is to sign in."""

    def __init__(self, platform: MemoryPlatform) -> None:
        self._platform = platform
        self._cookies: dict[str, str] = {}

    def who(self, email: str | None = None, **asked: str) -> str:
        """Who is signed in after a request, or the error that came back."""
        address = self._platform.authorize(
            _request(self._platform, code_challenge=CHALLENGE, **asked), email=email, cookies=self._cookies
        )
        answer = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
        if "error" in answer:
            return answer["error"]
        code, uri = Secret(answer["code"]), self._platform.redirect_uris[0]
        return identity_of(self._platform.exchange(self._platform.place, code, VERIFIER, uri).id_token).subject


def test_whoever_has_signed_in_goes_on_as_the_same_person() -> None:
    platform = MemoryPlatform()
    sittings = Sittings(platform)
    assert sittings.who("bob@globex.example") == "memory|bob"
    assert sittings.who("ada@acme.example") == "memory|bob"
    assert sittings.who("ada@acme.example", login_hint="ada@acme.example") == "memory|bob"
    assert sittings.who(prompt="none") == "memory|bob"
    assert Sittings(platform).who() == "memory|ada"


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
def test_a_request_can_ask_for_another_choice(prompt: str) -> None:
    sittings = Sittings(MemoryPlatform())
    sittings.who("bob@globex.example")
    assert sittings.who("ada@acme.example", prompt=prompt) == "memory|ada"
    assert sittings.who() == "memory|ada"
    assert sittings.who(prompt=prompt, login_hint="grace@acme.example") == "memory|grace"


def test_a_browsers_session_ends() -> None:
    platform = MemoryPlatform()
    sittings = Sittings(platform)
    assert sittings.who(prompt="none") == "login_required"
    sittings.who("bob@globex.example")
    platform.clock.advance(3 * 86_400)
    assert sittings.who(prompt="none") == "login_required"
    sittings.who("bob@globex.example")
    platform.people = platform.people[:2]
    assert sittings.who() == "memory|ada"


def test_the_following_browser_keeps_the_session() -> None:
    platform = MemoryPlatform()
    browser = FollowingBrowser(platform, email="grace@acme.example")
    client = connected(platform, browser=browser)
    platform.people = platform.people[::-1]
    assert client.login("acme").identity.email == "grace@acme.example"
