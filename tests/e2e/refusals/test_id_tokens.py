"""A sign-in whose ID token fails OpenID Connect Core 1.0 section 3.1.3.7, or is none: one of each kind.

The whole matrix is in `tests/domain/values/test_id_tokens.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from tests.adapters.http.conftest import reply
from tests.adapters.http.far_platform import CLIENT_ID, METADATA, ONBOARDING, REVOKE, TOKEN
from tests.e2e.refusals.looking import nothing_shows, refused
from tests.e2e.refusals.material import ABSENT
from tests.e2e.refusals.platform import DAY, ScriptedPlatform
from tests.e2e.refusals.somebody import Somebody

Make = Callable[[ScriptedPlatform], str]

REFUSED = "The ID token from the issuer is refused: .*"

TOKENS: dict[str, tuple[Make, str]] = {
    "opaque": (lambda it: it.material.new("ID token"), "not a signed JWT"),
    "no signature": (lambda it: it.material.jwt("ID token", it.whole_claims(), signature=""), "not a signed JWT"),
    "claims that are no JSON": (lambda it: it.material.jwt("ID token", b"sub=ada"), "not a well-formed JWT"),
    "a list for claims": (lambda it: it.material.jwt("ID token", [it.whole_claims()]), "not a JSON object"),
    "alg none": (lambda it: it.material.jwt("ID token", it.whole_claims(), header={"alg": "none"}), "alg: none"),
    "another issuer": (lambda it: it.identity(iss="https://evil.example/"), f"{REFUSED}its issuer is not"),
    "another client": (lambda it: it.identity(aud="another-client"), f"{REFUSED}for another client"),
    "issued to another client": (lambda it: it.identity(azp="another-client"), f"{REFUSED}azp"),
    "expired": (lambda it: it.identity(exp=int(time.time()) - 61), f"{REFUSED}has expired"),
    "no expiry": (lambda it: it.identity(exp=ABSENT), f"{REFUSED}no expiry"),
    "an expiry that is no number": (lambda it: it.identity(exp=float("nan")), f"{REFUSED}no expiry"),
    "no time of issue": (lambda it: it.identity(iat=ABSENT), f"{REFUSED}no time of issue"),
    "from the future": (lambda it: it.identity(iat=int(time.time()) + 600), f"{REFUSED}from the future"),
    "the nonce of another sign-in": (lambda it: it.identity(nonce="another"), f"{REFUSED}another sign-in"),
    "the state for a nonce": (lambda it: it.identity(nonce=it.asked["state"]), f"{REFUSED}another sign-in"),
    "nobody": (lambda it: it.identity(sub=ABSENT), "identifies nobody"),
    "a hostile subject": (lambda it: it.identity(sub="\x1b[2Jada\r\nX-Organization-ID: other"), "identifies nobody"),
}


@pytest.mark.parametrize("token", TOKENS)
def test_an_id_token_that_is_refused(platform: ScriptedPlatform, somebody: Somebody, token: str) -> None:
    make, words = TOKENS[token]
    platform.answers[TOKEN] = lambda wire, seen: reply(200, platform.tokens(id_token=make(platform)))(wire, seen)
    refused(platform, somebody.signs_in(), words)
    assert ONBOARDING not in platform.paths(platform.api)
    assert platform.form(REVOKE)["token"]


@pytest.mark.parametrize(
    "claims", [{"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}, {"email": 5}]
)
def test_what_is_odd_and_in_order(platform: ScriptedPlatform, somebody: Somebody, claims: dict[str, Any]) -> None:
    platform.claims = claims
    ending = somebody.signs_in()
    assert ending.code == 0
    nothing_shows(platform, ending)


EMAILS = [
    "\x1b[2J\x1b[31mada@acme.example",
    "ada@acme.example\ndagctl: Signed in.",
    "\u202eada",
    "a" * 10_000,
    "<b>ada</b>",
]


@pytest.mark.parametrize("email", EMAILS, ids=lambda text: ascii(text)[:20])
def test_an_address_that_is_none_is_not_shown_as_it_is(
    platform: ScriptedPlatform, somebody: Somebody, email: str
) -> None:
    platform.claims = {"email": email}
    ending = somebody.signs_in()
    assert ending.code == 0
    assert ending.out.count("\n") == 1
    assert len(ending.out) < 400
    assert all(character.isprintable() or character == "\n" for character in ending.out + ending.err)
    assert "<b>ada" not in ending.pages[0][1]
    shown = somebody.runs("auth", "status")
    assert shown.code == 0
    assert all(character.isprintable() or character == "\n" for character in shown.out + shown.err)


def test_a_wrong_clock_is_named(platform: ScriptedPlatform, somebody: Somebody) -> None:
    issuer = {"authorization_servers": [platform.place], "dagctl_client_id": CLIENT_ID}
    metadata = {"resource": platform.api.url, **issuer}
    platform.answers[METADATA] = reply(200, metadata, Date=formatdate(time.time() + DAY, usegmt=True))
    platform.claims = {"exp": int(time.time()) - DAY}
    refused(platform, somebody.signs_in(), "This machine's clock is .* behind that of .*\n  Correct the clock")
