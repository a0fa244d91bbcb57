"""The token endpoint's refusals, and answers of it that no tokens can be taken from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime

import pytest
from tests.adapters.http.conftest import FarSide, Script, hang_up, reply, send, until_cut
from tests.adapters.http.far_platform import DISCOVERY, REVOKE, TOKEN
from tests.e2e.refusals.looking import nothing_shows, refused
from tests.e2e.refusals.material import ABSENT
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import Somebody

from dagctl.adapters.http.identity import HttpIdentityProvider
from dagctl.adapters.http.transport import Limits
from dagctl.adapters.system.clock import SystemClock
from dagctl.domain.values.platform import Platform
from dagctl.ports.identity_provider import Endpoints

OAUTH = [
    (400, "invalid_request", ""),
    (400, "invalid_grant", "  Start the sign-in again: a code works once"),
    (403, "invalid_grant", "  Start the sign-in again: a code works once"),
    (400, "invalid_client", "  Check auth0_domain and auth0_client_id"),
    (401, "invalid_client", "  Check auth0_domain and auth0_client_id"),
    (400, "unauthorized_client", "  Check auth0_domain and auth0_client_id"),
    (401, "unauthorized_client", "  Check auth0_domain and auth0_client_id"),
    (400, "unsupported_grant_type", "  Check auth0_domain and auth0_client_id"),
    (400, "invalid_scope", "  Check auth0_domain and auth0_client_id"),
    (403, "access_denied", "  If you did not refuse it yourself"),
    (429, "too_many_requests", "  Try again"),
    (503, "temporarily_unavailable", "  Try again"),
    (400, "an_error_of_its_own", ""),
]


@pytest.mark.parametrize(("status", "error", "cure"), OAUTH)
def test_an_oauth_error(platform: ScriptedPlatform, somebody: Somebody, status: int, error: str, cure: str) -> None:
    platform.answers[TOKEN] = reply(status, {"error": error})
    ending = somebody.signs_in()
    refused(
        platform, ending, rf"{platform.issuer.host}/oauth/token answers with HTTP status {status}: {error}\.\n{cure}"
    )
    assert [status for status, _ in ending.pages] == [403]
    assert platform.paths(platform.issuer).count(TOKEN) == (4 if status in (429, 503) else 1)


def test_an_oauth_error_in_the_issuers_own_words(platform: ScriptedPlatform, somebody: Somebody) -> None:
    platform.answers[TOKEN] = reply(403, {"error": "invalid_grant", "error_description": "The issuer's own words."})
    refused(platform, somebody.signs_in(), r"HTTP status 403: The issuer's own words\.\n  Start the sign-in again")


@pytest.mark.parametrize(
    ("status", "body"), [(404, b""), (500, b"<!doctype html><h1>Sorry</h1>"), (403, b'{"error": 5}')]
)
def test_a_status(platform: ScriptedPlatform, somebody: Somebody, status: int, body: bytes) -> None:
    platform.answers[TOKEN] = reply(status, body)
    refused(platform, somebody.signs_in(), rf"/oauth/token answers with HTTP status {status}\.")


BODIES: dict[str, Callable[[ScriptedPlatform], bytes]] = {
    "half of it": lambda it: json.dumps(it.tokens()).encode()[:-40],
    "a member twice": lambda it: json.dumps(it.tokens()).encode()[:-1] + b', "access_token": "another"}',
    "UTF-16": lambda it: json.dumps(it.tokens()).encode("utf-16"),
    "not UTF-8": lambda it: json.dumps(it.tokens()).encode()[:-1] + b', "x": "\xff"}',
    "a form": lambda it: b"access_token=" + it.material.new("access token").encode() + b"&token_type=bearer",
    "a list": lambda it: json.dumps([it.tokens()]).encode(),
    "a string": lambda it: json.dumps(json.dumps(it.tokens())).encode(),
}
"""Answers that hold tokens and give none. Other faults are in `tests/adapters/http/test_faults.py`."""


@pytest.mark.parametrize("body", BODIES)
def test_what_is_no_json_object(platform: ScriptedPlatform, somebody: Somebody, body: str) -> None:
    platform.answers[TOKEN] = lambda wire, seen: reply(200, BODIES[body](platform))(wire, seen)
    refused(platform, somebody.signs_in(), r"/oauth/token answers with something that is not (a )?JSON( object)?\.")


WRONG: dict[str, object] = {
    "access_token": ABSENT,
    "id_token": "two words",
    "refresh_token": {"x": 1},
    "token_type": "\x1b[31m",
}
"""One of each; `tests/adapters/http/test_identity.py` has the others."""


@pytest.mark.parametrize("name", WRONG)
def test_a_member_that_cannot_be(platform: ScriptedPlatform, somebody: Somebody, name: str) -> None:
    platform.members = {name: WRONG[name]}
    refused(
        platform, somebody.signs_in(), rf"/oauth/token answers with .*(\$\.{name}\.|a token that is not a bearer token)"
    )


@pytest.mark.parametrize("value", [0, 10**400, "3600", ABSENT], ids=["none", "for ever", "text", "absent"])
def test_a_life_that_cannot_be_is_read_from_the_tokens(
    platform: ScriptedPlatform, somebody: Somebody, value: object
) -> None:
    platform.members = {"expires_in": value}
    ending = somebody.signs_in("--json")
    assert ending.code == 0
    assert abs(time.time() + 86_400 - _death(ending.out)) < 600
    nothing_shows(platform, ending)


def _death(record: str) -> float:
    return datetime.strptime(json.loads(record)["data"]["expires_at"], "%Y-%m-%dT%H:%M:%S%z").timestamp()


def test_an_answer_that_is_too_large(platform: ScriptedPlatform, somebody: Somebody) -> None:
    platform.members = {"x": "y" * (2 << 20)}
    refused(platform, somebody.signs_in(), "/oauth/token answers with more than 1024 KiB.")


def _cut(platform: ScriptedPlatform, head: bytes, body: Callable[[bytes], bytes]) -> Script:
    return lambda wire, seen: send(head + body(json.dumps(platform.tokens()).encode()), then=hang_up)(wire, seen)


BROKEN: dict[str, tuple[bytes, Callable[[bytes], bytes], str]] = {
    "half a chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        lambda body: b"%x\r\n" % len(body) + body[:-40],
        "broke off the connection before its answer was complete",
    ),
    "less than was promised": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        lambda body: body,
        "broke off the connection before its answer was complete",
    ),
    "a status line that is the answer": (b"", lambda body: body, "answers with something that is not HTTP"),
    "a header that is the answer": (b"HTTP/1.1 200 OK\r\n", lambda body: body + b"\r\n\r\n", "is not JSON"),
    "headers that are none": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        lambda body: b"no header\r\n\x1b[31m: \r\n\r\n{}",
        "access_token",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer(platform: ScriptedPlatform, somebody: Somebody, fault: str) -> None:
    head, body, words = BROKEN[fault]
    platform.answers[TOKEN] = _cut(platform, head, body)
    refused(platform, somebody.signs_in(), words)
    assert platform.paths(platform.issuer).count(TOKEN) == 1


def test_an_answer_that_does_not_come(platform: ScriptedPlatform, somebody: Somebody) -> None:
    platform.answers[TOKEN] = send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{", then=until_cut)
    patient, hasty = platform.world.transport(), platform.world.transport(limits=Limits(connect=60, read=1, total=60))

    class OnlyHastyAboutTokens(HttpIdentityProvider):
        def endpoints(self, platform: Platform) -> Endpoints:
            return HttpIdentityProvider(patient, SystemClock()).endpoints(platform)

    somebody.ports["identity"] = OnlyHastyAboutTokens(hasty, SystemClock())
    refused(platform, somebody.signs_in(), rf"{platform.issuer.host} did not answer within [\d.]+ seconds")


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("path", [DISCOVERY, TOKEN])
def test_a_redirect_is_not_followed(platform: ScriptedPlatform, somebody: Somebody, path: str, status: int) -> None:
    elsewhere: FarSide = platform.world.serve()
    platform.answers[path] = reply(status, b"", Location=f"{elsewhere.url}{path}", Set_Cookie="a=b")
    refused(platform, somebody.signs_in(), f"{path} answers with a redirect, which dagctl does not follow")
    assert elsewhere.connections == 0


NO_TOKENS = "eyJeyJeyJ" * 20_000 + "a" * 100_000 + ".Aa0-" * 20_000
"""What takes long to look through for whoever looks for tokens in the wrong way."""

ECHOES: dict[str, Callable[[ScriptedPlatform, str], object]] = {
    "the form as it came": lambda it, body: f"Cannot take {body}",
    "the form's values": lambda it, body: " ".join(it.form().values()),
    "the tokens that there would have been": lambda it, body: str(it.tokens()),
    "much that is like a token": lambda it, body: NO_TOKENS,
    "half a token": lambda it, body: it.tokens()["id_token"].rpartition(".")[0],
    "a secret at the edge of what is shown": lambda it, body: "y" * 190 + it.form()["code_verifier"],
}


@pytest.mark.parametrize("member", ["error", "error_description"])
@pytest.mark.parametrize("echo", ECHOES)
def test_an_issuer_that_repeats_secrets(platform: ScriptedPlatform, somebody: Somebody, echo: str, member: str) -> None:
    platform.answers[TOKEN] = lambda wire, seen: reply(400, {member: ECHOES[echo](platform, seen.body)})(wire, seen)
    refused(platform, somebody.signs_in(), "/oauth/token answers with HTTP status 400: ")


HARMLESS = [
    "The keyJsonAttributeName is missing.",
    "Trace 123e4567-e89b-12d3-a456-426614174000.",
    "InvalidOAuth2GrantTypeException",
    "Commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "some_table_of_somebody_with_a_very_long_name",
    "https://example.com/Errors/2026/How-to-mend-it",
]


@pytest.mark.parametrize("words", HARMLESS)
def test_what_only_looks_like_a_secret_is_shown(platform: ScriptedPlatform, somebody: Somebody, words: str) -> None:
    platform.answers[TOKEN] = reply(400, {"error_description": words})
    refused(platform, somebody.signs_in(), f"HTTP status 400: {words.rstrip('.')}\\.\n")


def test_secrets_in_headers(platform: ScriptedPlatform, somebody: Somebody) -> None:
    secret = platform.material.new("cookie")
    noise = {"Set_Cookie": f"session={secret}; Domain=localhost", "WWW_Authenticate": f'Bearer error="{secret}"'}
    for path in (DISCOVERY, TOKEN, REVOKE):
        platform.answers[path] = reply(401 if path == TOKEN else 404, {"error": "invalid_client"}, **noise)
    refused(platform, somebody.signs_in(), "invalid_client")
    assert not any("cookie" in seen.headers for seen in platform.issuer.seen)


def test_a_reason_is_shown_without_its_sting(platform: ScriptedPlatform, somebody: Somebody) -> None:
    hostile = "\x1b[31mNo.\r\ndagctl: Really\u202e\u2028<script>" + "y" * 10_000
    platform.answers[TOKEN] = reply(400, {"error": "invalid_grant", "error_description": hostile})
    ending = somebody.signs_in()
    refused(platform, ending, r"\[31mNo\. dagctl: Really <script>y+…")
    assert "<script" not in ending.pages[0][1]
