"""No token in anything that is printed, logged, raised or shown, nor in a traceback that shows variables."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import define, evolve, field
from tests.domain.conftest import World
from tests.e2e.refusals.material import Material
from tests.tracebacks import variables_of

from dagctl.adapters.platform_model.grants import Granted
from dagctl.domain.errors import DagctlError, Refused, Unreachable
from dagctl.domain.values.platform import ApiAccess, Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.identity_provider import DeviceCode
from dagctl.testing import FollowingBrowser, MemoryPlatform


@define(eq=False, slots=False)
class Noting(MemoryPlatform):
    """A platform that notes every secret that it gives out.

    Attributes:
        nonces: those of the secrets that stand in the address that the person is shown.
    """

    secrets: set[str] = field(factory=set, repr=False)
    nonces: set[str] = field(factory=set, repr=False)

    def _tokens(self, granted: Granted, *, again: bool = False) -> dict[str, Any]:
        answer = super()._tokens(granted, again=again)
        given = {answer.get(name, "") for name in ("access_token", "id_token", "refresh_token")}
        self.nonces |= {granted.nonce} if granted.nonce else set()
        self.secrets |= self.nonces | given - {""}
        return answer

    def authorize(self, url: str, **whom: Any) -> str:
        address = super().authorize(url, **whom)
        self.secrets |= set(parse_qs(urlsplit(address).query).get("code", []))
        return address

    def begin_device(self, platform: Platform) -> DeviceCode:
        device = super().begin_device(platform)
        self.secrets.add(device.device_code.reveal())
        return device

    def exchange(self, platform: Platform, code: Secret, verifier: Secret, redirect_uri: str) -> TokenSet:
        self.secrets.add(verifier.reveal())
        return super().exchange(platform, code, verifier, redirect_uri)


@define
class Noted(World):
    """A world on whose platform every secret is noted.

    Attributes:
        shown: what a person or a program could see.
    """

    platform: Noting = field(factory=Noting)
    shown: list[str] = field(factory=list, repr=False)


def login(world: Noted) -> None:
    browser = FollowingBrowser(world.platform)
    world.login(browser=browser)
    world.shown += [repr(browser.pages), repr(browser)]


def refused_logins(world: Noted) -> None:
    for email in ("bob@globex.example", "new@acme.example"):
        browser = FollowingBrowser(world.platform, email=email)
        with suppress(DagctlError):
            world.login(browser=browser)
        world.shown.append(repr(browser.pages))
        world.login(browser=FollowingBrowser(world.platform, email=email))


def forged_id_token(world: Noted) -> None:
    world.platform.id_claims = {"aud": "another"}
    world.login()


def device(world: Noted) -> None:
    def show(code: DeviceCode) -> None:
        world.shown.append(repr(code))
        world.platform.finish_device(code.user_code)

    world.shown.append(repr(world.logins.with_device("acme", show)))


def state(world: Noted) -> None:
    world.login()
    state = world.state
    located = state.located(world.session.open("shop"))
    world.shown += [
        repr(located),
        repr(state.credentials_in(located)),
        repr(state.endpoint(located.context)),
        repr(state),
    ]


def checkup(world: Noted) -> None:
    world.login()
    world.shown += [repr(check) for check in world.client.doctor.checks()]


def logout(world: Noted) -> None:
    world.login()
    world.shown.append(repr(world.client.logout()))


def refresh(world: Noted) -> None:
    world.login()
    world.clock.advance(3600)
    world.shown += [repr(world.session.fresh()), repr(world.session.status())]


def somebody_elses_refresh(world: Noted) -> None:
    world.login()
    world.platform.id_claims = {"sub": "memory|bob"}
    world.clock.advance(3600)
    world.session.fresh()


def ended_session(world: Noted) -> None:
    world.login()
    refresh_token = world.kept().refresh_token
    assert refresh_token is not None
    world.platform.revoke(world.platform.place, refresh_token)
    world.clock.advance(3600)
    world.session.fresh()


def dead_far_side(world: Noted) -> None:
    world.login()
    world.clock.advance(3600)
    world.platform.issuer_trouble = Unreachable("The issuer cannot be reached.")
    world.session.fresh()


def wrong_token_at_the_api(world: Noted) -> None:
    world.login()
    access = ApiAccess(world.platform.place.api_url, world.kept().access_token, "org_acme")
    world.shown.append(repr(access))
    world.platform.projects(access)


def spent_refresh_token(world: Noted) -> None:
    world.login()
    old = world.kept()
    world.session.renewed()
    world.tokens.save(evolve(old, expires_at=None))
    world.session.fresh()


def used_code(world: Noted) -> None:
    browser = FollowingBrowser(world.platform)
    world.login(browser=browser)
    (code,) = (secret for secret in world.platform.secrets if world.platform._grants._codes.get(secret))
    world.platform.exchange(world.platform.place, Secret(code), Secret("v" * 43), "http://localhost:8080/callback")


FLOWS = [
    login,
    refused_logins,
    forged_id_token,
    device,
    state,
    refresh,
    checkup,
    logout,
    somebody_elses_refresh,
    ended_session,
    dead_far_side,
    wrong_token_at_the_api,
    spent_refresh_token,
    used_code,
]
FAILING = FLOWS[1:3] + FLOWS[8:]


@pytest.fixture
def noted(caplog: pytest.LogCaptureFixture) -> Noted:
    caplog.set_level(logging.DEBUG)
    return Noted()


@pytest.mark.parametrize("flow", FLOWS)
def test_no_flow_shows_a_secret(
    noted: Noted, flow: Callable[[Noted], None], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    variables = ""
    try:
        flow(noted)
    except DagctlError as error:
        noted.shown += ["".join(traceback.format_exception(type(error), error, error.__traceback__)), repr(error)]
        noted.shown.append(repr(vars(error)))
        variables = variables_of(error)
        assert flow in FAILING
    else:
        assert flow not in FAILING
    shown = "\n".join([*noted.shown, *capfd.readouterr(), caplog.text, repr(noted)])
    assert noted.platform.secrets
    assert "INFO     dagctl:" in caplog.text
    assert "DEBUG    dagctl:" in caplog.text
    assert pieces_of(noted.platform.secrets - noted.platform.nonces).found_in(variables) == set()
    leaked = {secret for secret in noted.platform.secrets if secret in shown or secret.rpartition(".")[2] in shown}
    assert not leaked


def pieces_of(secrets: set[str]) -> Material:
    material = Material()
    for secret in secrets:
        material.note(f"{secret[:8]}…", secret)
    return material


def test_the_search_finds_what_is_there(noted: Noted) -> None:
    login(noted)
    kept = noted.kept()
    assert kept.refresh_token is not None
    assert kept.id_token.reveal() in noted.platform.secrets
    assert kept.refresh_token.reveal() in noted.platform.secrets
    assert len(noted.platform.secrets) == 6  # code, verifier, nonce and three tokens


def test_an_oauth_error_repeats_nothing_that_was_sent(world: World) -> None:
    platform, sent = world.platform, Secret("SECRET")
    asks: list[Callable[[], object]] = [
        lambda: platform.refresh(platform.place, sent),
        lambda: platform.poll_device(platform.place, sent),
        lambda: platform.exchange(platform.place, sent, sent, sent.reveal()),
    ]
    for ask in asks:
        with pytest.raises(Refused) as caught:
            ask()
        assert "SECRET" not in f"{caught.value} {caught.value!r}"
