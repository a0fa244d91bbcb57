"""Which platform `--api-url` leads to, and whose word is taken for its issuer."""

from __future__ import annotations

import pytest
from tests.domain.conftest import World

from dagctl.domain.errors import DagctlError, SettingUnusable, Unreachable
from dagctl.domain.values.platform import Advertisement, Platform
from dagctl.domain.values.settings import Settings
from dagctl.testing import MemoryPlatform, elsewhere

URL = "https://api.dagctl.test"
HOSTED = Platform()


def found(world: World, api_url: str | None = None) -> Platform:
    """The platform that a sign-in with `--api-url` would begin at."""
    platform: Platform
    _, platform = world.logins._begin(world.logins.destination("acme", api_url))
    return platform


def test_without_a_url_it_is_the_hosted_platform_and_nobody_is_asked(world: World) -> None:
    world.platform.api_trouble = Unreachable("nobody is to be asked")
    assert found(world) == HOSTED
    assert found(world, "https://API.dagctl.io/") == HOSTED


def test_an_issuer_on_the_apis_own_host_is_taken(elsewhere_world: World) -> None:
    assert found(elsewhere_world, URL) == elsewhere()


def test_the_url_may_end_in_a_slash(elsewhere_world: World) -> None:
    assert found(elsewhere_world, f"{URL}/") == elsewhere()


def test_a_sign_in_elsewhere(elsewhere_world: World) -> None:
    assert elsewhere_world.login().platform == elsewhere()
    assert elsewhere_world.context.current().platform == elsewhere()


@pytest.mark.parametrize(
    "host",
    ["evil.example", "api.dagctl.test.evil.example", "evil.example:443", "dagctl.test", "x.api.dagctl.test"],
)
def test_an_issuer_on_another_host_needs_somebody_to_vouch_for_it(elsewhere_world: World, host: str) -> None:
    elsewhere_world.platform.advertises = Advertisement(host, "client")
    with pytest.raises(SettingUnusable, match="that you have not approved") as caught:
        found(elsewhere_world, URL)
    assert (caught.value.api_url, caught.value.issuer_host) == (URL, host)


def test_an_issuer_that_was_set_by_hand_is_vouched_for(elsewhere_world: World) -> None:
    elsewhere_world.platform.advertises = Advertisement("issuer.example", "client")
    elsewhere_world.settings.save(Settings(auth0_domain="issuer.example"))
    assert found(elsewhere_world, URL) == Platform(URL, "issuer.example", "client")


def test_a_client_id_that_is_not_advertised_is_the_recorded_one_of_that_issuer(elsewhere_world: World) -> None:
    elsewhere_world.platform.advertises = Advertisement("api.dagctl.test:8443")
    ours = Settings(api_url=URL, auth0_domain="api.dagctl.test:8443", auth0_client_id="by hand")
    elsewhere_world.settings.save(ours)
    assert found(elsewhere_world, URL).client_id == "by hand"


def test_a_client_id_of_one_issuer_is_not_shown_to_another(elsewhere_world: World) -> None:
    elsewhere_world.platform.advertises = Advertisement("api.dagctl.test:8443")
    elsewhere_world.settings.save(Settings(auth0_domain="issuer.example", auth0_client_id="by hand"))
    assert found(elsewhere_world, URL).client_id == HOSTED.client_id


def test_an_api_without_metadata_has_the_issuer_that_is_recorded(elsewhere_world: World) -> None:
    elsewhere_world.platform.advertises = None
    assert found(elsewhere_world, URL) == Platform(URL)
    elsewhere_world.settings.save(Settings(auth0_domain="issuer.example", auth0_client_id="by hand"))
    assert found(elsewhere_world, URL) == Platform(URL, "issuer.example", "by hand")


def test_an_api_that_cannot_be_asked_is_said_to_be_so(elsewhere_world: World) -> None:
    with pytest.raises(Unreachable, match=r"other\.example"):
        found(elsewhere_world, "https://other.example")


def test_the_hosted_platform_after_a_sign_in_elsewhere(elsewhere_world: World) -> None:
    elsewhere_world.login()
    assert found(elsewhere_world, HOSTED.api_url) == HOSTED
    elsewhere_world.platform = MemoryPlatform()
    elsewhere_world.login()
    assert elsewhere_world.context.current().platform == HOSTED


def test_an_issuer_set_by_hand_for_the_hosted_platform_stays(world: World) -> None:
    world.settings.save(Settings(auth0_domain="login.dagctl.io", auth0_client_id="by hand"))
    assert found(world) == Platform(HOSTED.api_url, "login.dagctl.io", "by hand")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("api.dagctl.test", "not an https URL"),
        ("ftp://api.dagctl.test", "not an https URL"),
        ("https://", "not an https URL"),
        ("https://api.dagctl.test?x=1", "not an https URL"),
        ("https://api.dagctl.test#x", "not an https URL"),
        ("http://api.dagctl.test", "in the clear"),
        ("http://localhost.evil.example", "in the clear"),
        ("https://ada:secret@api.dagctl.test", "must not hold a user name"),
    ],
)
def test_an_unusable_url_is_refused_before_anybody_is_asked(elsewhere_world: World, url: str, words: str) -> None:
    with pytest.raises(DagctlError, match=words) as caught:
        found(elsewhere_world, url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_plain_http_is_for_this_machine(elsewhere_world: World, url: str) -> None:
    elsewhere_world.platform.place = Platform(url, "localhost:1", "client")
    elsewhere_world.platform.advertises = None
    assert found(elsewhere_world, url).api_url == url
