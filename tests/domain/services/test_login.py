"""Signing in through a browser: what is recorded, and that nothing is where it fails."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from attrs import evolve
from tests.domain.conftest import World

from dagctl.domain.errors import (
    DagctlError,
    FileUnusable,
    Malformed,
    OrganizationRefused,
    Refused,
    SignInFailed,
    SignInTimedOut,
    TryLater,
    Unreachable,
)
from dagctl.domain.values.platform import HOSTED_API_URL, StateProxy
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import claims_of
from dagctl.testing import FollowingBrowser, MemoryPlatform, elsewhere


def test_a_sign_in(world: World) -> None:
    signed_in = world.login()
    assert (signed_in.organization.id, signed_in.organization.name) == ("org_acme", "Acme")
    assert signed_in.identity.email == "ada@acme.example"
    assert signed_in.proxy == StateProxy("pg-proxy.acme.example", 6432)
    assert signed_in.project is None
    assert signed_in.expires_at == world.kept().expires_at
    assert signed_in.expires_at is not None
    assert (signed_in.expires_at - world.clock.now()).total_seconds() == 3600


def test_what_a_sign_in_records(world: World) -> None:
    world.login()
    assert world.settings.load() == Settings(
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
def test_an_organization_goes_by_its_name_or_id(world: World, called: str) -> None:
    assert world.login(called).organization.id == "org_acme"


def test_the_authorization_request(world: World) -> None:
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
        "prompt": "select_account",
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


def test_the_person_reads_that_it_is_done(world: World) -> None:
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
    world: World, browsing: dict[str, Any], error: type[DagctlError], words: str, before: str
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
def test_the_tokens_of_a_person_who_is_turned_away_are_revoked(world: World, email: str) -> None:
    with pytest.raises(OrganizationRefused):
        world.login(email=email)
    assert [family.person.email for family in world.platform.revoked_families] == [email]


def test_tokens_that_cannot_be_revoked_do_not_hide_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Unreachable("The issuer cannot be reached.")

    monkeypatch.setattr(world.platform, "revoke", fail)
    with pytest.raises(OrganizationRefused):
        world.login(email="new@acme.example")


def test_a_person_who_is_turned_away_reads_so(world: World) -> None:
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
        TryLater("The issuer answers 503."),
        Refused("The issuer refused (invalid_grant).", code="invalid_grant"),
        Malformed("The issuer answers with something that is no JSON."),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
@pytest.mark.parametrize("where", ["endpoints", "exchange"])
def test_trouble_at_the_issuer(world: World, trouble: DagctlError, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(world.platform, where, fail)
    recorded = world.recorded()
    with pytest.raises(type(trouble)) as caught:
        world.login()
    assert caught.value is trouble
    assert world.recorded() == recorded


def test_trouble_at_the_api_while_membership_is_looked_up(world: World) -> None:
    world.platform.api_trouble = Unreachable("The API cannot be reached.")
    with pytest.raises(Unreachable):
        world.login()
    assert world.recorded() == (None, Settings(), {})
    assert len(world.platform.revoked_families) == 1


def test_no_pg_proxy_is_no_reason_to_fail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TryLater("The API answers 500.")

    monkeypatch.setattr(world.platform, "state_proxy", fail)
    assert world.login().proxy is None
    assert world.settings.load().pg_proxy_host is None
    assert world.kept()


def test_a_lost_answer_about_the_pg_proxy_leaves_the_known_one(signed_in: World) -> None:
    signed_in.platform.proxy = None
    assert signed_in.login().proxy is None
    assert signed_in.settings.load().pg_proxy_host == "pg-proxy.acme.example"


def test_the_same_organization_keeps_project_and_credentials(signed_in: World) -> None:
    signed_in.projects.choose("shop")
    signed_in.state.credentials()
    kept = dict(signed_in.kept_credentials)
    assert signed_in.login().project == "shop"
    assert signed_in.settings.load().current_project_id == "prj_shop"
    assert signed_in.kept_credentials == kept


def test_another_organization_clears_project_and_credentials(signed_in: World) -> None:
    signed_in.projects.choose("shop")
    signed_in.state.credentials()
    signed_in.settings.save(evolve(signed_in.settings.load(), pg_proxy_sslmode="verify-full"))
    assert signed_in.login("Globex", email="bob@globex.example").project is None
    settings = signed_in.settings.load()
    assert (settings.current_org, settings.current_org_name) == ("org_globex", "Globex")
    assert (settings.current_project, settings.current_project_id) == (None, None)
    assert settings.pg_proxy_sslmode == "verify-full"
    assert signed_in.kept_credentials == {}
    assert claims_of(signed_in.kept().id_token)["sub"] == "memory|bob"


def test_another_platform_clears_what_belongs_to_the_first(signed_in: World) -> None:
    signed_in.projects.choose("shop")
    signed_in.settings.save(evolve(signed_in.settings.load(), pg_proxy_sslmode="disable"))
    signed_in.platform = MemoryPlatform(elsewhere(), proxy=None)
    signed_in.login()
    settings = signed_in.settings.load()
    assert settings.api_url == "https://api.dagctl.test"
    assert settings.auth0_domain == "api.dagctl.test:8443"
    assert settings.current_project is None
    assert (settings.pg_proxy_host, settings.pg_proxy_port, settings.pg_proxy_sslmode) == (None, None, None)


def test_a_context_that_cannot_be_written_leaves_nobody_with_anothers_tokens(
    signed_in: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(settings: Settings) -> None:
        raise FileUnusable("config.yaml cannot be written.")

    monkeypatch.setattr(signed_in.settings, "save", fail)
    with pytest.raises(FileUnusable):
        signed_in.login("Globex", email="bob@globex.example")
    assert signed_in.tokens.load() is None
    assert signed_in.settings.load().current_org == "org_acme"
