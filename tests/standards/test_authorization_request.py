"""RFC 6749 sections 3.1 and 4.1.1, OpenID Connect Core 3.1.2.1, RFC 8252: what a sign-in begins with."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from dagctl.adapters.system.loopback import LoopbackBrowser

if TYPE_CHECKING:
    from tests.standards.conftest import Somebody, TwoHosts


def test_every_required_parameter_is_there_once_and_no_secret_of_a_client(somebody: Somebody, hosts: TwoHosts) -> None:
    somebody.signs_in()
    asked = somebody.asked()
    assert (asked["response_type"], asked["client_id"]) == ("code", "the-client")
    assert "openid" in asked["scope"].split()
    assert asked["audience"] == hosts.api.url
    assert all(asked[name] for name in ("state", "nonce", "code_challenge"))
    assert not {"client_secret", "client_assertion", "request", "request_uri", "response_mode"} & asked.keys()
    assert somebody.browser.opened[0].startswith(f"{hosts.issuer.url}/authorize?")


def test_the_endpoints_own_query_stays(somebody: Somebody, hosts: TwoHosts) -> None:
    hosts.announced = {"authorization_endpoint": f"{hosts.issuer.url}/authorize?tenant=a%26b&x="}
    somebody.signs_in()
    opened = urlsplit(somebody.browser.opened[0])
    assert opened.query.startswith("tenant=a%26b&x=&client_id=the-client&")
    assert opened.query.count("?") == 0


@pytest.mark.parametrize("port", [0, 8080])
def test_the_redirect_uri_is_absolute_and_has_no_fragment(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if port:  # nobody has to have it
        monkeypatch.setattr("dagctl.adapters.system.loopback.listening", lambda port, answer: nullcontext(port))
    with LoopbackBrowser(port=port, announce=print).listen(lambda query: True) as visit:
        parts = urlsplit(visit.redirect_uri)
    assert (parts.scheme, parts.hostname, parts.path) == ("http", "localhost", "/callback")
    assert parts.port
    assert (parts.query, parts.fragment) == ("", "")


def test_the_token_request_repeats_the_redirect_uri(somebody: Somebody, hosts: TwoHosts) -> None:
    somebody.signs_in()
    (form,) = hosts.forms("/oauth/token")
    assert form["redirect_uri"] == somebody.asked()["redirect_uri"] == "http://localhost:8080/callback"
    assert form["client_id"] == somebody.asked()["client_id"]


def test_only_the_persons_browser_visits_the_issuers_pages(somebody: Somebody, hosts: TwoHosts) -> None:
    somebody.signs_in()
    assert hosts.issuer.seen
    assert not any(seen.target.startswith("/authorize") for seen in hosts.issuer.seen)


def test_nothing_of_a_sign_in_that_is_under_way_is_on_disk(somebody: Somebody, hosts: TwoHosts) -> None:
    found: list[str] = []
    somebody.browser.on_opening = lambda: found.append(somebody.kept())
    somebody.signs_in()
    assert [text.strip() for text in found] == [""]  # there is room for the tokens already
    secrets = [somebody.asked()[name] for name in ("state", "nonce")]
    assert not any(secret in somebody.kept().replace(hosts.tokens[0]["id_token"], "") for secret in secrets)
    assert hosts.forms("/oauth/token")[0]["code_verifier"] not in somebody.kept()
