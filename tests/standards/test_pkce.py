"""RFC 7636: the verifier, its challenge, and that nothing weaker is ever used."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from typing import TYPE_CHECKING

import pytest
from attrs import define, evolve, field

from dagctl.domain.errors import SignInFailed
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.testing import FollowingBrowser, MemoryPlatform, connected

if TYPE_CHECKING:
    from tests.standards.conftest import Somebody, TwoHosts

VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""RFC 7636 appendix B."""


def test_the_challenge_is_the_hash_of_the_verifier(somebody: Somebody, hosts: TwoHosts) -> None:
    somebody.signs_in()
    asked, (form,) = somebody.asked(), hosts.forms("/oauth/token")
    assert asked["code_challenge_method"] == "S256"
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert form["code_verifier"] not in somebody.browser.opened[0]


def test_the_standards_own_example(somebody: Somebody, hosts: TwoHosts) -> None:
    login = evolve(somebody.client._login, secret=lambda: VERIFIER)
    login.with_browser("acme", somebody.browser, api_url=hosts.api.url)
    assert somebody.asked()["code_challenge"] == CHALLENGE
    assert hosts.forms("/oauth/token")[0]["code_verifier"] == VERIFIER


@define(eq=False, slots=False)
class Noting(MemoryPlatform):
    """A platform that notes the verifiers that it gets."""

    verifiers: list[str] = field(factory=list)

    def exchange(self, platform: Platform, code: Secret, verifier: Secret, redirect_uri: str) -> TokenSet:
        self.verifiers.append(verifier.reveal())
        return super().exchange(platform, code, verifier, redirect_uri)


def _sign_ins(count: int) -> tuple[list[str], str]:
    """The verifiers, states and nonces of so many sign-ins, wired as in production; and all that was opened."""
    platform = Noting()
    browser = FollowingBrowser(platform)
    client = connected(platform, browser=browser, signed_in=False)
    for _ in range(count):
        random.seed(7)  # what is drawn from there can be foretold
        client.login("acme")
    opened = "\n".join(browser.opened)
    return platform.verifiers + re.findall(r"[?&](?:state|nonce)=([^&\s]*)", opened), opened


def test_verifier_state_and_nonce_are_long_and_cannot_be_foretold() -> None:
    values, opened = _sign_ins(20)
    assert len(set(values)) == 60
    for value in values:
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", value)
    assert all(len(set(column)) > 10 for column in zip(*values, strict=True))  # each place is random
    assert not any(verifier in opened for verifier in values[:20])


def test_an_issuer_that_refuses_the_method_is_not_offered_a_weaker_one(somebody: Somebody, hosts: TwoHosts) -> None:
    words = "transform algorithm not supported"  # RFC 7636 section 4.4.1
    hosts.callbacks = [lambda it: {**it, "code": None, "error": "invalid_request", "error_description": words}]
    with pytest.raises(SignInFailed, match=words):
        somebody.signs_in()
    assert len(somebody.browser.opened) == 1
    assert hosts.forms("/oauth/token") == []


@pytest.mark.parametrize("methods", [["plain"], [], None])
def test_what_the_metadata_says_of_methods_makes_nothing_weaker(
    somebody: Somebody, hosts: TwoHosts, methods: list[str] | None
) -> None:
    hosts.announced = {} if methods is None else {"code_challenge_methods_supported": methods}
    somebody.signs_in()
    assert somebody.asked()["code_challenge_method"] == "S256"
    assert somebody.asked()["state"]  # whoever knows no PKCE is still kept from forging answers
