"""ID tokens that fail OpenID Connect Core 1.0 section 3.1.3.7, or are none."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from tests.http.conftest import reply
from tests.refusals.looking import nothing_shows, refused
from tests.refusals.material import ABSENT
from tests.refusals.platform import CLIENT_ID, DAY, METADATA, ONBOARDING, REVOKE, TOKEN, ScriptedPlatform
from tests.refusals.somebody import Somebody


def b64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


Make = Callable[[ScriptedPlatform], str]


def parts(change: Callable[[list[str]], list[str]]) -> Make:
    """A token in order, whose parts are changed."""
    return lambda it: it.material.note("ID token", ".".join(change(it.identity().split("."))))


def with_header(header: Any) -> Make:
    return lambda it: it.material.jwt("ID token", it.whole_claims(), header=header)


def with_claims(claims: Callable[[ScriptedPlatform], Any]) -> Make:
    return lambda it: it.material.jwt("ID token", claims(it))


MALFORMED: dict[str, tuple[Make, str]] = {
    "one part": (parts(lambda it: it[1:2]), "not a signed JWT"),
    "two parts": (parts(lambda it: it[:2]), "not a signed JWT"),
    "four parts": (parts(lambda it: [*it, it[2]]), "not a signed JWT"),
    "encrypted": (parts(lambda it: [*it, *it[1:]]), "not a signed JWT"),
    "opaque": (lambda it: it.material.new("ID token"), "not a signed JWT"),
    "no signature": (parts(lambda it: [*it[:2], ""]), "not a signed JWT"),
    "nothing but dots": (lambda it: "..", "not a signed JWT"),
    "no header": (parts(lambda it: ["", *it[1:]]), "not a well-formed JWT"),
    "no claims": (parts(lambda it: [it[0], "", it[2]]), "not a well-formed JWT"),
    "base64 cut short": (parts(lambda it: [it[0], it[1][:-3], it[2]]), "not a well-formed JWT"),
    "base64 of an impossible length": (
        parts(lambda it: [it[0], it[1] + "A" * (5 - len(it[1]) % 4), it[2]]),
        "not a well-formed JWT",
    ),
    "base64 with signs in it": (
        parts(lambda it: [it[0], it[1][:20] + "@!@!" + it[1][20:], it[2]]),
        "not a well-formed JWT",
    ),
    "plain base64": (lambda it: it.material.note("ID token", f"{b64(b'{}')}.{b64(b'{}')}+/.sig"), "JWT"),
    "claims that are no JSON": (with_claims(lambda it: b"sub=ada"), "not a well-formed JWT"),
    "claims in UTF-16": (
        with_claims(lambda it: json.dumps(it.whole_claims()).encode("utf-16")),
        "not a well-formed JWT",
    ),
    "claims that are not UTF-8": (with_claims(lambda it: b'{"sub": "\xff"}'), "not a well-formed JWT"),
    "claims nested deeply": (with_claims(lambda it: b"[" * 200_000), "not a well-formed JWT"),
    "a list for claims": (with_claims(lambda it: [it.whole_claims()]), "not a JSON object"),
    "a string for claims": (with_claims(lambda it: "ada"), "not a JSON object"),
    "null for claims": (with_claims(lambda it: b"null"), "not a JSON object"),
    "a list for a header": (with_header([{"alg": "RS256"}]), "not a JSON object"),
    "a header that is no JSON": (with_header(b"RS256"), "not a well-formed JWT"),
    "alg none": (with_header({"alg": "none"}), "alg: none"),
    "alg None": (with_header({"alg": "None"}), "alg: none"),
    "alg NONE": (with_header({"alg": "NONE"}), "alg: none"),
    "alg nOnE": (with_header({"alg": "nOnE"}), "alg: none"),
    "alg null": (with_header({"alg": None}), "alg: none"),
    "alg absent": (with_header({"typ": "JWT"}), "alg: none"),
    "alg empty": (with_header({"alg": ""}), "alg: none"),
    "alg a number": (with_header({"alg": 0}), "alg: none"),
    "alg a list": (with_header({"alg": ["none"]}), "alg: none"),
    "alg with blanks": (with_header({"alg": " none "}), "alg: none"),
}


@pytest.mark.parametrize("token", MALFORMED)
def test_what_is_no_signed_jwt(platform: ScriptedPlatform, somebody: Somebody, token: str) -> None:
    make, words = MALFORMED[token]
    platform.answers[TOKEN] = _answering(platform, make)
    refused(platform, somebody.signs_in(), words)
    assert ONBOARDING not in platform.paths(platform.api)
    assert REVOKE in platform.paths(platform.issuer)


def _answering(platform: ScriptedPlatform, make: Make) -> Any:
    return lambda wire, seen: reply(200, platform.tokens(id_token=make(platform)))(wire, seen)


def now(seconds: int) -> Callable[[ScriptedPlatform], int]:
    return lambda it: int(time.time()) + seconds


CLAIMS: dict[str, tuple[str, Any, str]] = {
    "iss of somebody else": ("iss", "https://evil.example/", "its issuer is not"),
    "iss without its slash": ("iss", lambda it: it.place.rstrip("/"), "its issuer is not"),
    "iss in capitals": ("iss", lambda it: it.place.upper(), "its issuer is not"),
    "iss over http": ("iss", lambda it: it.place.replace("https", "http"), "its issuer is not"),
    "iss on another port": ("iss", "https://localhost/", "its issuer is not"),
    "iss with more behind": ("iss", lambda it: it.place + "x", "its issuer is not"),
    "iss absent": ("iss", ABSENT, "its issuer is not"),
    "iss null": ("iss", None, "its issuer is not"),
    "iss in a list": ("iss", lambda it: [it.place], "its issuer is not"),
    "aud of another": ("aud", "another-client", "for another client"),
    "aud in capitals": ("aud", CLIENT_ID.upper(), "for another client"),
    "aud empty": ("aud", "", "for another client"),
    "aud absent": ("aud", ABSENT, "for another client"),
    "aud null": ("aud", None, "for another client"),
    "aud the API": ("aud", lambda it: it.api.url, "for another client"),
    "aud an empty list": ("aud", [], "for another client"),
    "aud a list without us": ("aud", ["one", "two"], "for another client"),
    "aud a list in a list": ("aud", [[CLIENT_ID]], "for another client"),
    "aud an object": ("aud", {CLIENT_ID: 1}, "for another client"),
    "aud a list and no azp": ("aud", [CLIENT_ID, "another"], "azp"),
    "azp of another": ("azp", "another-client", "azp"),
    "azp null": ("azp", None, "azp"),
    "azp a list": ("azp", [CLIENT_ID], "azp"),
    "exp past": ("exp", now(-61), "has expired"),
    "exp at the beginning of time": ("exp", 0, "has expired"),
    "exp negative": ("exp", -1, "has expired"),
    "exp absent": ("exp", ABSENT, "no expiry"),
    "exp null": ("exp", None, "no expiry"),
    "exp a string": ("exp", "2999999999", "no expiry"),
    "exp a boolean": ("exp", True, "no expiry"),
    "exp a list": ("exp", [2999999999], "no expiry"),
    "exp huge": ("exp", 10**30, "no expiry"),
    "exp hugely negative": ("exp", -(10**30), "no expiry"),
    "exp a huge fraction": ("exp", 1e300, "no expiry"),
    "exp NaN": ("exp", float("nan"), "no expiry|not a well-formed JWT"),
    "exp infinite": ("exp", float("inf"), "no expiry|not a well-formed JWT"),
    "iat absent": ("iat", ABSENT, "no time of issue"),
    "iat null": ("iat", None, "no time of issue"),
    "iat a string": ("iat", "now", "no time of issue"),
    "iat a boolean": ("iat", True, "no time of issue"),
    "iat huge": ("iat", 10**30, "no time of issue"),
    "iat in the future": ("iat", now(600), "from the future"),
    "nonce of another": ("nonce", "another", "another sign-in"),
    "nonce absent": ("nonce", ABSENT, "another sign-in"),
    "nonce null": ("nonce", None, "another sign-in"),
    "nonce empty": ("nonce", "", "another sign-in"),
    "nonce in a list": ("nonce", lambda it: [it.asked["nonce"]], "another sign-in"),
    "nonce a number": ("nonce", 5, "another sign-in"),
    "nonce in capitals": ("nonce", lambda it: it.asked["nonce"].swapcase(), "another sign-in"),
    "nonce the state": ("nonce", lambda it: it.asked["state"], "another sign-in"),
    "sub absent": ("sub", ABSENT, "names nobody"),
    "sub null": ("sub", None, "names nobody"),
    "sub empty": ("sub", "", "names nobody"),
    "sub a number": ("sub", 5, "names nobody"),
    "sub a list": ("sub", ["ada"], "names nobody"),
    "sub with lines": ("sub", "ada\r\nX-Organization-ID: other", "names nobody"),
    "sub with escapes": ("sub", "\x1b[2Jada", "names nobody"),
    "sub with a NUL": ("sub", "ada\0", "names nobody"),
    "sub of a lone surrogate": ("sub", "\ud800", "names nobody"),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_a_claim_that_fails(platform: ScriptedPlatform, somebody: Somebody, case: str) -> None:
    claim, value, words = CLAIMS[case]
    value_of = value if callable(value) else lambda it: value
    platform.answers[TOKEN] = _answering(platform, lambda it: it.identity(**{claim: value_of(it)}))
    refused(platform, somebody.signs_in(), f"The ID token from the issuer is refused: .*({words})|{words}")
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
    refused(platform, somebody.signs_in(), "This machine's clock is .* behind that of .*\n  Set the clock")
