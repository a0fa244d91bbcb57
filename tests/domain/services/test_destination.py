"""Where a sign-in goes, and as whom the browser is to be taken."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from attrs import evolve
from tests.domain.conftest import World

from dagctl.domain.errors import OrganizationRefused, SettingUnusable
from dagctl.domain.values.context import Origin, Overrides, Sourced
from dagctl.domain.values.settings import Settings
from dagctl.testing import FollowingBrowser, MemoryPlatform, elsewhere

THERE = Sourced("https://api.there.example", Origin.VARIABLE, "DAGCTL_API_URL")


def asked(browser: FollowingBrowser) -> dict[str, str]:
    """The last authorization request."""
    return dict(parse_qsl(urlsplit(browser.opened[-1]).query))


def sign_in(world: World, organization: str | None = None, *, select_account: bool = False) -> dict[str, str]:
    browser = FollowingBrowser(world.platform)
    world.logins.with_browser(organization, browser, select_account=select_account)
    return asked(browser)


def test_where_nobody_says_anything_it_goes_to_the_hosted_platform(world: World) -> None:
    goal = world.logins.destination("acme")
    assert goal.api_url == Sourced("https://api.dagctl.io", Origin.BUILT_IN)


@pytest.mark.parametrize(
    ("option", "variable", "url", "origin"),
    [
        (None, None, "https://api.recorded.example", Origin.RECORDED),
        (None, THERE, "https://api.there.example", Origin.VARIABLE),
        ("https://API.option.example/", THERE, "https://api.option.example", Origin.CALLER),
    ],
)
def test_the_platform(option: str | None, variable: Sourced[str] | None, url: str, origin: Origin) -> None:
    world = World(overrides=Overrides(api_url=variable))
    world.settings.save(Settings(api_url="https://api.recorded.example"))
    goal = world.logins.destination("acme", option)
    assert (goal.api_url.value, goal.api_url.origin) == (url, origin)


def test_a_second_sign_in_goes_where_the_first_went() -> None:
    world = World(MemoryPlatform(elsewhere()))
    world.login()
    world.accounts.sign_out()
    sign_in(world)  # neither --org nor --api-url
    assert world.settings.load().api_url == world.platform.place.api_url


def test_an_organization_has_to_be_said_once(world: World) -> None:
    assert world.logins.destination().organization is None
    with pytest.raises(SettingUnusable, match="names no organization"):
        sign_in(world)


def test_the_surroundings_may_name_the_organization() -> None:
    pin = Sourced("Acme", Origin.PIN_FILE, "/project/.dagctl.yaml")
    assert World(overrides=Overrides(organization=pin)).logins.destination().organization == pin


def test_the_issuer_asks_for_the_account_unless_it_was_the_last_one(world: World) -> None:
    assert sign_in(world, "Acme")["prompt"] == "select_account"
    again = sign_in(world, "acme")
    assert "prompt" not in again
    assert again["login_hint"] == "ada@acme.example"
    assert sign_in(world, "acme", select_account=True)["prompt"] == "select_account"


def test_after_another_organization_was_refused_the_next_try_asks(world: World) -> None:
    with pytest.raises(OrganizationRefused):
        sign_in(world, "Globex")
    browser = FollowingBrowser(world.platform, email="bob@globex.example")
    world.logins.with_browser("Globex", browser)
    assert asked(browser)["prompt"] == "select_account"


def test_another_platform_is_another_account(world: World) -> None:
    sign_in(world, "Acme")
    world.settings.save(evolve(world.settings.load(), api_url="https://api.recorded.example"))
    goal = world.logins.destination("Acme", "https://api.dagctl.io")
    assert (goal.select_account, goal.login_hint) == (True, None)
