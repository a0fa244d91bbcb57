"""Signing in through a browser: what is recorded, and that nothing is where it fails."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from attrs import evolve

from dagctl.domain.errors import (
    DagctlError,
    FileUnusable,
    Malformed,
    OrganizationRefused,
    Refused,
    SignInFailed,
    SignInTimedOut,
    TokenRejected,
    Unreachable,
)
from dagctl.domain.platform import HOSTED_API_URL, StateProxy
from dagctl.domain.settings import Settings
from dagctl.domain.tokens import claims_of
from dagctl.testing import FollowingBrowser, MemoryPlatform, elsewhere


def test_a_sign_in(world: Any) -> None:
    signed_in = world.login()
    assert (signed_in.organization.id, signed_in.organization.name) == ("org_acme", "Acme")
    assert signed_in.identity.email == "ada@acme.example"
    assert signed_in.proxy == StateProxy("pg-proxy.acme.example", 6432)
    assert signed_in.project is None
    assert signed_in.expires_at == world.kept().expires_at
    assert (signed_in.expires_at - world.clock.now()).total_seconds() == 3600


def test_what_a_sign_in_records(world: Any) -> None:
    world.login()
    assert world.contexts.load() == Settings(
        current_org="org_acme",
        current_org_name="Acme",
        api_url=HOSTED_API_URL,
        auth0_domain="dagctl-us-1.us.auth0.com",
        auth0_client_id="JxXl18ostdRfEpnLkgcv2i2DfcdjOChI",
        pg_proxy_host="pg-proxy.acme.example",
        pg_proxy_port=6432,
    )
    kept = world.kept()
    assert claims_of(kept.id_token)["sub"] == "memory|ada"
    assert HOSTED_API_URL in claims_of(kept.access_token)["aud"]
    assert kept.refresh_token
    assert kept.extra["token_type"] == "Bearer"


@pytest.mark.parametrize("called", ["Acme", "acme", "ACME", "org_acme"])
def test_an_organization_goes_by_its_name_or_id(world: Any, called: str) -> None:
    assert world.login(called).organization.id == "org_acme"


def test_the_authorization_request(world: Any) -> None:
    browsers = [FollowingBrowser(world.platform) for _ in range(2)]
    requests = []
    for browser in browsers:
        world.login(browser=browser)
        address, _, query = browser.opened[0].partition("?")
        assert address == "https://dagctl-us-1.us.auth0.com/authorize"
        requests.append({name: values[0] for name, values in parse_qs(query).items()})
    first, second = requests
    fresh = ("state", "nonce", "code_challenge")
    assert {name: value for name, value in first.items() if name not in fresh} == {
        "client_id": "JxXl18ostdRfEpnLkgcv2i2DfcdjOChI",
        "response_type": "code",
        "redirect_uri": "http://localhost:8080/callback",
        "scope": "openid profile email offline_access",
        "audience": HOSTED_API_URL,
        "code_challenge_method": "S256",
    }
    for name in fresh:
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert len({first[name] for name in fresh}) == 3


def test_the_person_reads_that_it_is_done(world: Any) -> None:
    browser = FollowingBrowser(world.platform)
    world.login(browser=browser)
    (page,) = browser.pages
    assert page.ok
    assert "Acme" in page.text
    assert "ada@acme.example" in page.text


REFUSED = [
    pytest.param({"email": "bob@globex.example"}, OrganizationRefused, "bob@globex.example belongs to 'Globex'"),
    pytest.param({"email": "new@acme.example"}, OrganizationRefused, "new@acme.example has no organization"),
    pytest.param({"deny": True}, SignInFailed, r"The person refused \(access_denied\)"),
    pytest.param({"idle": True}, SignInTimedOut, "not finished within 300 seconds"),
    pytest.param({"redirect_uri": "http://localhost:9999/callback"}, SignInTimedOut, "redirect URI is not registered"),
]


@pytest.mark.parametrize(("browsing", "error", "words"), REFUSED)
@pytest.mark.parametrize("before", ["nobody", "grace"])
def test_a_refused_sign_in_records_nothing(
    world: Any, browsing: dict[str, Any], error: type[DagctlError], words: str, before: str
) -> None:
    if before == "grace":
        world.login(email="grace@acme.example")
        world.projects.choose("shop")
        world.state.credentials()
    recorded = world.recorded()
    with pytest.raises(error, match=words):
        world.login(**browsing)
    assert world.recorded() == recorded


@pytest.mark.parametrize("email", ["bob@globex.example", "new@acme.example"])
def test_the_tokens_of_a_person_who_is_turned_away_are_revoked(world: Any, email: str) -> None:
    with pytest.raises(OrganizationRefused):
        world.login(email=email)
    assert [family.person.email for family in world.platform.revoked_families] == [email]


def test_a_person_who_is_turned_away_reads_so(world: Any) -> None:
    browser = FollowingBrowser(world.platform, email="new@acme.example")
    with pytest.raises(OrganizationRefused):
        world.login(browser=browser)
    (page,) = browser.pages
    assert not page.ok
    assert "has no organization" in page.text


@pytest.mark.parametrize(
    "trouble",
    [
        Unreachable("The issuer cannot be reached."),
        Refused("The issuer answers 503.", status=503),
        Refused("The issuer refused (invalid_grant).", status=403, code="invalid_grant"),
        Malformed("The issuer answers with something that is no JSON."),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
@pytest.mark.parametrize("where", ["endpoints", "exchange"])
def test_trouble_at_the_issuer(world: Any, trouble: DagctlError, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(world.platform, where, fail)
    recorded = world.recorded()
    with pytest.raises(type(trouble)) as caught:
        world.login()
    assert caught.value is trouble
    assert world.recorded() == recorded


@pytest.mark.parametrize("error", ["login_required", "server_error", "<b>bad</b>\x1b[31m", "x" * 1000])
def test_every_error_of_the_issuer_is_shown_as_plain_text(world: Any, error: str) -> None:
    browser = FollowingBrowser(_Answering({"error": error, "error_description": f"{error}\r\n{error}"}))
    with pytest.raises(SignInFailed, match="The issuer refused the sign-in") as caught:
        world.login(browser=browser)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 600
    assert world.recorded() == (None, Settings(), {})


def test_trouble_at_the_api_while_membership_is_looked_up(world: Any) -> None:
    world.platform.api_trouble = Unreachable("The API cannot be reached.")
    with pytest.raises(Unreachable):
        world.login()
    assert world.recorded() == (None, Settings(), {})
    assert len(world.platform.revoked_families) == 1


def test_no_pg_proxy_is_no_reason_to_fail(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Refused("The API answers 500.", status=500)

    monkeypatch.setattr(world.platform, "state_proxy", fail)
    assert world.login().proxy is None
    assert world.contexts.load().pg_proxy_host is None
    assert world.kept()


def test_a_lost_answer_about_the_pg_proxy_leaves_the_known_one(signed_in: Any) -> None:
    signed_in.platform.proxy = None
    assert signed_in.login().proxy is None
    assert signed_in.contexts.load().pg_proxy_host == "pg-proxy.acme.example"


CLIENT_ID = "JxXl18ostdRfEpnLkgcv2i2DfcdjOChI"
NOW = 1893499200  # FixedClock's noon of 2030-01-01

FORGED_CLAIMS = [
    pytest.param({"iss": "https://evil.example/"}, "its issuer is not", id="another issuer"),
    pytest.param({"iss": None}, "its issuer is not", id="no issuer"),
    pytest.param({"aud": "another-client"}, "another client", id="another client"),
    pytest.param({"aud": None}, "another client", id="no client"),
    pytest.param({"aud": 7}, "another client", id="a number for a client"),
    pytest.param({"aud": {CLIENT_ID: 1}}, "another client", id="an object for a client"),
    pytest.param({"aud": [CLIENT_ID, "other"]}, "azp", id="several clients and no azp"),
    pytest.param({"azp": "another-client"}, "azp", id="issued to another client"),
    pytest.param({"exp": None}, "no expiry", id="no expiry"),
    pytest.param({"exp": "soon"}, "no expiry", id="an expiry in words"),
    pytest.param({"exp": True}, "no expiry", id="an expiry that is a boolean"),
    pytest.param({"exp": 1e300}, "no expiry", id="an expiry beyond all time"),
    pytest.param({"exp": -62135596800}, "has expired", id="an expiry at the beginning of all time"),
    pytest.param({"exp": NOW - 61}, "has expired", id="expired"),
    pytest.param({"iat": None}, "no time of issue", id="no time of issue"),
    pytest.param({"iat": "now"}, "no time of issue", id="a time of issue in words"),
    pytest.param({"iat": 253402300799}, "from the future", id="a time of issue at the end of all time"),
    pytest.param({"iat": NOW + 61}, "from the future", id="from the future"),
    pytest.param({"nonce": None}, "nonce", id="no nonce"),
    pytest.param({"nonce": "another"}, "nonce", id="another nonce"),
    pytest.param({"sub": None}, "names nobody", id="no subject"),
    pytest.param({"sub": ""}, "names nobody", id="an empty subject"),
    pytest.param({"sub": 7}, "names nobody", id="a number for a subject"),
]


@pytest.mark.parametrize(("claims", "words"), FORGED_CLAIMS)
def test_an_id_token_that_fails_a_check(world: Any, claims: dict[str, Any], words: str) -> None:
    world.platform.id_claims = claims
    with pytest.raises(TokenRejected, match=words):
        world.login()
    assert world.recorded() == (None, Settings(), {})
    assert len(world.platform.revoked_families) == 1


def test_clocks_may_be_a_minute_apart(world: Any) -> None:
    world.platform.id_claims = {"iat": NOW + 59}
    assert world.login().organization.name == "Acme"


@pytest.mark.parametrize("claims", [{"exp": 253402300799}, {"iat": -62135596800}, {"aud": [CLIENT_ID]}])
def test_an_id_token_that_is_odd_and_in_order(
    world: Any, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.platform.id_claims = claims
    monkeypatch.setattr(world.platform, "organization", lambda *_: world.platform.tenants[0].organization)
    assert world.login().identity.subject == "memory|ada"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b",
        "a.b.c",
        "e30.e30.",
        "e30.W10.c2ln",
        "eyJhbGciOiJub25lIn0.e30.c2ln",
        "eyJhbGciOiJOb05lIn0.e30.c2ln",
    ],
)
def test_what_is_no_signed_jwt_is_no_id_token(world: Any, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = world.platform.exchange
    monkeypatch.setattr(world.platform, "exchange", lambda *args: evolve(exchange(*args), id_token=token))
    with pytest.raises(TokenRejected):
        world.login()
    assert world.recorded() == (None, Settings(), {})


def _forgeries(**changes: str) -> list[dict[str, str]]:
    return [{"code": "stolen", "state": "guessed", **changes}, {}, {"state": ""}, {"code": "stolen"}]


def test_forged_callbacks_are_turned_away_and_the_wait_goes_on(world: Any) -> None:
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
    world: Any, announced: bool, changes: dict[str, str | None], accepted: bool
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


def test_the_same_organization_keeps_project_and_credentials(signed_in: Any) -> None:
    signed_in.projects.choose("shop")
    signed_in.state.credentials()
    kept = dict(signed_in.credentials.kept)
    assert signed_in.login().project == "shop"
    assert signed_in.contexts.load().current_project_id == "prj_shop"
    assert signed_in.credentials.kept == kept


def test_another_organization_clears_project_and_credentials(signed_in: Any) -> None:
    signed_in.projects.choose("shop")
    signed_in.state.credentials()
    signed_in.contexts.save(evolve(signed_in.contexts.load(), pg_proxy_sslmode="verify-full"))
    assert signed_in.login("Globex", email="bob@globex.example").project is None
    settings = signed_in.contexts.load()
    assert (settings.current_org, settings.current_org_name) == ("org_globex", "Globex")
    assert (settings.current_project, settings.current_project_id) == (None, None)
    assert settings.pg_proxy_sslmode == "verify-full"
    assert signed_in.credentials.kept == {}
    assert claims_of(signed_in.kept().id_token)["sub"] == "memory|bob"


def test_another_platform_clears_what_belongs_to_the_first(signed_in: Any) -> None:
    signed_in.projects.choose("shop")
    signed_in.contexts.save(evolve(signed_in.contexts.load(), pg_proxy_sslmode="disable"))
    signed_in.platform = MemoryPlatform(elsewhere(), proxy=None)
    signed_in.login()
    settings = signed_in.contexts.load()
    assert settings.api_url == "https://api.dagctl.test"
    assert settings.auth0_domain == "api.dagctl.test:8443"
    assert settings.current_project is None
    assert (settings.pg_proxy_host, settings.pg_proxy_port, settings.pg_proxy_sslmode) == (None, None, None)


def test_a_context_that_cannot_be_written_leaves_nobody_with_anothers_tokens(
    signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(settings: Settings) -> None:
        raise FileUnusable("config.yaml cannot be written.")

    monkeypatch.setattr(signed_in.contexts, "save", fail)
    with pytest.raises(FileUnusable):
        signed_in.login("Globex", email="bob@globex.example")
    assert signed_in.tokens.load() is None
    assert signed_in.contexts.load().current_org == "org_acme"


class _Answering:
    """An issuer that sends everybody back with these parameters and the request's state."""

    def __init__(self, answer: dict[str, str]) -> None:
        self.answer = answer

    def authorize(self, url: str, *, email: str | None = None, deny: bool = False) -> str:
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

    def authorize(self, url: str, *, email: str | None = None, deny: bool = False) -> str:
        address, _, query = self.platform.authorize(url, email=email, deny=deny).partition("?")
        answer = {**{name: values[0] for name, values in parse_qs(query).items()}, **self.changes}
        return _address(address, {name: value for name, value in answer.items() if value is not None})


def _address(redirect_uri: str, answer: dict[str, str]) -> str:
    return f"{redirect_uri}?{urlencode(answer)}"
