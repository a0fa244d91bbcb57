"""The whole matrix of ID tokens that fail OpenID Connect Core 1.0 section 3.1.3.7, or are none.

The ways in which an ID token comes in (a browser, a device code, a renewal) each show with a few of these that they
use the check: `tests/domain/services/test_login_answers.py`, `tests/e2e/refusals`, `tests/standards/test_id_token.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from tests.e2e.refusals.material import ABSENT, Material, told_by
from tests.tracebacks import variables_of

from dagctl.domain.errors import TokenOutOfTime, TokenRejected
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import checked_identity, claims_of, expiry_of, identity_of

NOW = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
SECONDS = int(NOW.timestamp())
ISSUER, API, CLIENT_ID, NONCE, STATE = "https://id.example/", "https://api.example", "the-client", "Nonce-n", "State-s"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT_ID,
    "sub": "auth0|ada",
    "email": "ada@acme.example",
    "nonce": NONCE,
    "iat": SECONDS,
    "exp": SECONDS + 86_400,
}


def b64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


Make = Callable[[Material], str]


def parts(change: Callable[[list[str]], list[str]]) -> Make:
    """A token in order, whose parts are changed."""
    return lambda it: it.note("ID token", ".".join(change(it.jwt("ID token", CLAIMS).split("."))))


def with_header(header: object) -> Make:
    return lambda it: it.jwt("ID token", CLAIMS, header=header)


def with_claims(claims: object) -> Make:
    return lambda it: it.jwt("ID token", claims)


def as_it_is(text: str) -> Make:
    return lambda it: it.note("ID token", text)


NOT_SIGNED, ILL_FORMED, NO_OBJECT = "not a signed JWT", "not a well-formed JWT", "claims are not a JSON object"
UNSECURED = r"an unsecured JWT \(alg: none\)"

MALFORMED: dict[str, tuple[Make, str]] = {
    "nothing": (as_it_is(""), NOT_SIGNED),
    "one part": (parts(lambda it: it[1:2]), NOT_SIGNED),
    "two parts": (parts(lambda it: it[:2]), NOT_SIGNED),
    "four parts": (parts(lambda it: [*it, it[2]]), NOT_SIGNED),
    "encrypted": (parts(lambda it: [*it, *it[1:]]), NOT_SIGNED),
    "opaque": (lambda it: it.new("ID token"), NOT_SIGNED),
    "no signature": (parts(lambda it: [*it[:2], ""]), NOT_SIGNED),
    "nothing but dots": (as_it_is(".."), NOT_SIGNED),
    "parts of one letter": (as_it_is("a.b.c"), ILL_FORMED),
    "no header": (parts(lambda it: ["", *it[1:]]), ILL_FORMED),
    "no claims": (parts(lambda it: [it[0], "", it[2]]), ILL_FORMED),
    "base64 cut short": (parts(lambda it: [it[0], it[1][:-3], it[2]]), ILL_FORMED),
    "base64 of an impossible length": (
        parts(lambda it: [it[0], it[1] + "A" * (5 - len(it[1]) % 4), it[2]]),
        ILL_FORMED,
    ),
    "base64 with signs in it": (parts(lambda it: [it[0], it[1][:20] + "@!@!" + it[1][20:], it[2]]), ILL_FORMED),
    "plain base64": (parts(lambda it: [it[0], f"{b64(b'{}')}+/", it[2]]), ILL_FORMED),
    "claims that are no JSON": (with_claims(b"sub=ada"), ILL_FORMED),
    "claims in UTF-16": (with_claims(json.dumps(CLAIMS).encode("utf-16")), ILL_FORMED),
    "claims that are not UTF-8": (with_claims(b'{"sub": "\xff"}'), ILL_FORMED),
    "claims nested deeply": (with_claims(b"[" * 200_000), ILL_FORMED),
    "a header nested deeply": (with_header(b"[" * 200_000), ILL_FORMED),
    "a list for claims": (with_claims([CLAIMS]), NO_OBJECT),
    "a string for claims": (with_claims("ada"), NO_OBJECT),
    "null for claims": (with_claims(b"null"), NO_OBJECT),
    "a list for a header": (with_header([{"alg": "RS256"}]), NO_OBJECT),
    "a header that is no JSON": (with_header(b"RS256"), ILL_FORMED),
    "alg none": (with_header({"alg": "none"}), UNSECURED),
    "alg None": (with_header({"alg": "None"}), UNSECURED),
    "alg NONE": (with_header({"alg": "NONE"}), UNSECURED),
    "alg nOnE": (with_header({"alg": "nOnE"}), UNSECURED),
    "alg null": (with_header({"alg": None}), UNSECURED),
    "alg absent": (with_header({"typ": "JWT"}), UNSECURED),
    "alg empty": (with_header({"alg": ""}), UNSECURED),
    "alg a number": (with_header({"alg": 0}), UNSECURED),
    "alg a list": (with_header({"alg": ["none"]}), UNSECURED),
    "alg with blanks": (with_header({"alg": " none "}), UNSECURED),
}


@pytest.mark.parametrize("token", MALFORMED)
def test_what_is_no_signed_jwt(token: str) -> None:
    make, words = MALFORMED[token]
    material = Material()
    sent = Secret(make(material))
    for read in (claims_of, identity_of, check):
        with pytest.raises(TokenRejected, match=words) as caught:
            read(sent)
        nothing_shows(material, caught.value)
    assert expiry_of(sent) is None


def check(token: Secret) -> object:
    """The check of a sign-in that has sent `NONCE`."""
    return checked_identity(token, issuer=ISSUER, client_id=CLIENT_ID, nonce=NONCE, now=NOW)


def nothing_shows(material: Material, error: TokenRejected) -> None:
    """Assert that an error tells a sentence and nothing of a token, nor does a traceback that shows variables."""
    assert error.message.isprintable()
    assert error.message.endswith(".")
    assert material.found_in(told_by(error)) == set()
    assert material.found_in(variables_of(error)) == set()


CLAIM: dict[str, tuple[str, object, str]] = {
    "iss of somebody else": ("iss", "https://evil.example/", "its issuer is not"),
    "iss without its slash": ("iss", ISSUER.rstrip("/"), "its issuer is not"),
    "iss with another slash": ("iss", f"{ISSUER}/", "its issuer is not"),
    "iss in capitals": ("iss", ISSUER.upper(), "its issuer is not"),
    "iss over http": ("iss", ISSUER.replace("https", "http"), "its issuer is not"),
    "iss on another port": ("iss", "https://id.example:8443/", "its issuer is not"),
    "iss with more behind": ("iss", f"{ISSUER}x", "its issuer is not"),
    "iss with a query": ("iss", f"{ISSUER}?", "its issuer is not"),
    "iss with a fragment": ("iss", f"{ISSUER}#", "its issuer is not"),
    "iss with a blank": ("iss", f"{ISSUER} ", "its issuer is not"),
    "iss absent": ("iss", ABSENT, "its issuer is not"),
    "iss null": ("iss", None, "its issuer is not"),
    "iss in a list": ("iss", [ISSUER], "its issuer is not"),
    "aud of another": ("aud", "another-client", "for another client"),
    "aud in capitals": ("aud", CLIENT_ID.upper(), "for another client"),
    "aud empty": ("aud", "", "for another client"),
    "aud absent": ("aud", ABSENT, "for another client"),
    "aud null": ("aud", None, "for another client"),
    "aud a number": ("aud", 7, "for another client"),
    "aud the API": ("aud", API, "for another client"),
    "aud an empty list": ("aud", [], "for another client"),
    "aud a list without us": ("aud", ["one", "two"], "for another client"),
    "aud a list in a list": ("aud", [[CLIENT_ID]], "for another client"),
    "aud an object": ("aud", {CLIENT_ID: 1}, "for another client"),
    "aud a list and no azp": ("aud", [CLIENT_ID, "another"], "azp"),
    "azp of another": ("azp", "another-client", "azp"),
    "azp null": ("azp", None, "azp"),
    "azp a list": ("azp", [CLIENT_ID], "azp"),
    "exp past": ("exp", SECONDS - 61, "has expired"),
    "exp at the epoch": ("exp", 0, "has expired"),
    "exp negative": ("exp", -1, "has expired"),
    "exp at the beginning of all time": ("exp", -62135596800, "has expired"),
    "exp absent": ("exp", ABSENT, "no expiry"),
    "exp null": ("exp", None, "no expiry"),
    "exp a string": ("exp", "2999999999", "no expiry"),
    "exp a boolean": ("exp", True, "no expiry"),
    "exp a list": ("exp", [2999999999], "no expiry"),
    "exp huge": ("exp", 10**30, "no expiry"),
    "exp hugely negative": ("exp", -(10**30), "no expiry"),
    "exp a huge fraction": ("exp", 1e300, "no expiry"),
    "exp NaN": ("exp", float("nan"), "no expiry"),
    "exp infinite": ("exp", float("inf"), "no expiry"),
    "iat absent": ("iat", ABSENT, "no time of issue"),
    "iat null": ("iat", None, "no time of issue"),
    "iat a string": ("iat", "now", "no time of issue"),
    "iat a boolean": ("iat", True, "no time of issue"),
    "iat huge": ("iat", 10**30, "no time of issue"),
    "iat in the future": ("iat", SECONDS + 61, "from the future"),
    "iat at the end of all time": ("iat", 253402300799, "from the future"),
    "nonce of another": ("nonce", "another", "another sign-in"),
    "nonce absent": ("nonce", ABSENT, "another sign-in"),
    "nonce null": ("nonce", None, "another sign-in"),
    "nonce empty": ("nonce", "", "another sign-in"),
    "nonce in a list": ("nonce", [NONCE], "another sign-in"),
    "nonce a number": ("nonce", 5, "another sign-in"),
    "nonce in capitals": ("nonce", NONCE.swapcase(), "another sign-in"),
    "nonce the state": ("nonce", STATE, "another sign-in"),
    "sub absent": ("sub", ABSENT, "identifies nobody"),
    "sub null": ("sub", None, "identifies nobody"),
    "sub empty": ("sub", "", "identifies nobody"),
    "sub a number": ("sub", 5, "identifies nobody"),
    "sub a list": ("sub", ["ada"], "identifies nobody"),
    "sub too long": ("sub", "a" * 256, "identifies nobody"),
    "sub with lines": ("sub", "ada\r\nX-Organization-ID: other", "identifies nobody"),
    "sub with escapes": ("sub", "\x1b[2Jada", "identifies nobody"),
    "sub with a NUL": ("sub", "ada\0", "identifies nobody"),
    "sub of a lone surrogate": ("sub", "\ud800", "identifies nobody"),
}


@pytest.mark.parametrize("case", CLAIM)
def test_a_claim_that_fails(case: str) -> None:
    claim, value, words = CLAIM[case]
    material = Material()
    with pytest.raises(TokenRejected, match=words) as caught:
        check(Secret(material.jwt("ID token", {**CLAIMS, claim: value})))
    assert isinstance(caught.value, TokenOutOfTime) is (words in ("has expired", "from the future"))
    nothing_shows(material, caught.value)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"aud": [CLIENT_ID]},
        {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID},
        {"exp": 253402300799},
        {"iat": -62135596800},
        {"exp": SECONDS + 0.5},
    ],
)
def test_what_is_odd_and_in_order(odd: dict[str, object]) -> None:
    found = checked_identity(
        Secret(Material().jwt("ID token", {**CLAIMS, **odd})), issuer=ISSUER, client_id=CLIENT_ID, nonce=NONCE, now=NOW
    )
    assert (found.subject, found.email) == ("auth0|ada", "ada@acme.example")


@pytest.mark.parametrize("email", [5, "", "\x1b[2Jada@acme.example", "ada@acme.example\ndagctl: Yes.", "a" * 255])
def test_an_address_that_cannot_be_shown_is_none(email: object) -> None:
    assert identity_of(Secret(Material().jwt("ID token", {**CLAIMS, "email": email}))).email is None
