"""What comes back from a sign-in is checked: the callback, and the ID token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from attrs import evolve
from tests.domain.conftest import World

from dagctl.domain.errors import (
    Refused,
    SignInFailed,
    SignInTimedOut,
    TokenRejected,
)
from dagctl.domain.values.settings import Settings
from dagctl.ports.browser import Query, TypedCode
from dagctl.testing import FollowingBrowser, MemoryPlatform


@pytest.mark.parametrize("error", ["login_required", "server_error", "<b>bad</b>\x1b[31m", "x" * 1000])
def test_every_error_of_the_issuer_is_shown_as_plain_text(world: World, error: str) -> None:
    browser = FollowingBrowser(_Answering({"error": error, "error_description": f"{error}\r\n{error}"}))
    with pytest.raises(SignInFailed, match="The issuer refused the sign-in") as caught:
        world.login(browser=browser)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 600
    assert world.recorded() == (None, Settings(), {})


CLIENT_ID = "JxXl18ostdRfEpnLkgcv2i2DfcdjOChI"
NOW = 1893499200  # FixedClock's noon of 2030-01-01

FORGED_CLAIMS = [
    pytest.param({"iss": "https://evil.example/"}, "its issuer is not", id="another issuer"),
    pytest.param({"aud": "another-client"}, "another client", id="another client"),
    pytest.param({"azp": "another-client"}, "azp", id="issued to another client"),
    pytest.param({"exp": None}, "no expiry", id="no expiry"),
    pytest.param({"exp": NOW - 61}, "has expired", id="expired"),
    pytest.param({"iat": None}, "no time of issue", id="no time of issue"),
    pytest.param({"iat": NOW + 61}, "from the future", id="from the future"),
    pytest.param({"nonce": "another"}, "nonce", id="another nonce"),
    pytest.param({"sub": ""}, "identifies nobody", id="an empty subject"),
]
"""One of each check; the whole matrix is in `test_id_tokens.py`."""


@pytest.mark.parametrize(("claims", "words"), FORGED_CLAIMS)
def test_an_id_token_that_fails_a_check(world: World, claims: dict[str, Any], words: str) -> None:
    world.platform.id_claims = claims
    with pytest.raises(TokenRejected, match=words):
        world.login()
    assert world.recorded() == (None, Settings(), {})
    assert len(world.platform.revoked_families) == 1


def test_clocks_may_be_a_minute_apart(world: World) -> None:
    world.platform.id_claims = {"iat": NOW + 59}
    assert world.login().organization.name == "Acme"


@pytest.mark.parametrize("claims", [{"exp": 253402300799}, {"iat": -62135596800}, {"aud": [CLIENT_ID]}])
def test_an_id_token_that_is_odd_and_in_order(
    world: World, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.platform.id_claims = claims
    monkeypatch.setattr(world.platform, "organization", lambda *_: world.platform.tenants[0].organization)
    assert world.login().identity.subject == "memory|ada"


@pytest.mark.parametrize("token", ["x", "eyJhbGciOiJub25lIn0.e30.c2ln"], ids=["opaque", "alg none"])
def test_what_is_no_signed_jwt_is_no_id_token(world: World, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = world.platform.exchange
    monkeypatch.setattr(world.platform, "exchange", lambda *args: evolve(exchange(*args), id_token=token))
    with pytest.raises(TokenRejected):
        world.login()
    assert world.recorded() == (None, Settings(), {})


def _forgeries(**changes: str) -> list[dict[str, str]]:
    return [{"code": "stolen", "state": "guessed", **changes}, {}, {"state": ""}, {"code": "stolen"}]


def test_forged_callbacks_are_turned_away_and_the_wait_goes_on(world: World) -> None:
    browser = FollowingBrowser(world.platform, forgeries=_forgeries(iss="https://dagctl-us-1.us.auth0.com/"))
    assert world.login(browser=browser).organization.name == "Acme"
    assert browser.turned_away == _forgeries(iss="https://dagctl-us-1.us.auth0.com/")


@pytest.mark.parametrize(
    ("announced", "changes", "accepted"),
    [
        (True, {}, True),
        (True, {"iss": None}, False),
        (True, {"iss": "https://evil.example/"}, False),
        (False, {}, True),
        (False, {"iss": None}, True),
        (False, {"iss": "https://evil.example/"}, False),
        (True, {"state": "another"}, False),
        (True, {"state": "ünïcödé"}, False),
        (True, {"state": None}, False),
        (True, {"code": ""}, False),
        (True, {"error": "access_denied"}, False),
    ],
)
def test_whose_answer_a_callback_is(
    world: World, announced: bool, changes: dict[str, str | None], accepted: bool
) -> None:
    world.platform.names_itself = announced
    browser = FollowingBrowser(_Tampering(world.platform, {"iss": world.platform.place.issuer, **changes}))
    if accepted:
        assert world.login(browser=browser).organization.name == "Acme"
    else:
        with pytest.raises(SignInTimedOut):
            world.login(browser=browser)
        assert world.platform.exchanges == 0
        assert world.recorded() == (None, Settings(), {})


class _Answering:
    """An issuer that sends everybody back with these parameters and the request's state."""

    def __init__(self, answer: dict[str, str]) -> None:
        self.answer = answer

    def authorize(self, url: str, **whom: object) -> str:
        request = parse_qs(urlsplit(url).query)
        answer = {
            "state": request["state"][0],
            "iss": "https://dagctl-us-1.us.auth0.com/",
            **self.answer,
        }
        return _address(request["redirect_uri"][0], answer)


class _Tampering:
    """Somebody on the way who changes the issuer's answer."""

    def __init__(self, platform: MemoryPlatform, changes: dict[str, str | None]) -> None:
        self.platform = platform
        self.changes = changes

    def authorize(self, url: str, **whom: Any) -> str:
        address, _, query = self.platform.authorize(url, **whom).partition("?")
        answer = {**{name: values[0] for name, values in parse_qs(query).items()}, **self.changes}
        return _address(address, {name: value for name, value in answer.items() if value is not None})


def _address(redirect_uri: str, answer: dict[str, str]) -> str:
    return f"{redirect_uri}?{urlencode(answer)}"


class _Typing(FollowingBrowser):
    """A person who types the code by hand, from this sign-in's page or from another's."""

    challenge: str | None = None

    def callbacks(self, url: str) -> Iterator[Query]:
        if self.challenge is not None:
            url = re.sub("code_challenge=[^&]+", f"code_challenge={self.challenge}", url)
        for query in super().callbacks(url):
            yield TypedCode(query["code"])


@pytest.mark.parametrize("announced", [False, True])
def test_a_code_that_is_typed_needs_no_state(world: World, announced: bool) -> None:
    world.platform.names_itself = announced
    assert world.login(browser=_Typing(world.platform)).organization.name == "Acme"


def test_a_code_that_is_typed_is_bound_by_its_challenge(world: World) -> None:
    browser = _Typing(world.platform)
    browser.challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636 appendix B
    with pytest.raises(Refused) as caught:
        world.login(browser=browser)
    assert caught.value.code == "invalid_grant"
    assert world.recorded() == (None, Settings(), {})


def test_a_code_that_came_over_a_network_alone_is_no_answer(world: World) -> None:
    with pytest.raises(SignInTimedOut):
        world.login(browser=FollowingBrowser(world.platform, idle=True, forgeries=[{"code": "x" * 32}]))
    assert world.platform.exchanges == 0
