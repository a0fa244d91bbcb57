"""A session whose renewal is refused: what is kept stays, and what is told is one sentence."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from tests.adapters.http.conftest import FarSide, Script, Seen, hang_up, reply, send
from tests.adapters.http.far_platform import TOKEN
from tests.e2e.refusals.looking import nothing_shows, refused
from tests.e2e.refusals.material import ABSENT
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import Ending, Somebody

LIVE, DUE, DEAD = timedelta(hours=8), timedelta(minutes=2), timedelta(hours=-1)

Renew = tuple[timedelta, Callable[[Somebody], Ending]]

LIVELY: Renew = (LIVE, lambda it: it.runs("auth", "refresh"))
AS_A_COMMAND: Renew = (DEAD, lambda it: it.runs("auth", "token"))
AS_A_FUNCTION: Renew = (DEAD, lambda it: it.fresh_token())
ALL: dict[str, Renew] = {
    "auth refresh, live": LIVELY,
    "auth token, dead": AS_A_COMMAND,
    "get_fresh_token, dead": AS_A_FUNCTION,
}

Make = Callable[[ScriptedPlatform], object]


def everywhere(cases: Iterable[str], *some: str) -> list[tuple[str, str]]:
    """Each case where tokens are renewed that live, and some of them at every way to renew."""
    return [(case, way) for case in cases for way in ALL if case in some or ALL[way] is LIVELY]


def tokens(**members: object) -> Make:
    return lambda it: it.tokens(**members)


def claims(**claims: object) -> Make:
    return lambda it: it.tokens(id_token=it.identity(**claims))


def encoded(token: str) -> str:
    return base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


NOT_YOURS = "answered a refresh with tokens that are not yours.\n  Sign in again"

ANSWERS: dict[str, tuple[Make, str]] = {
    "another subject": (claims(sub="auth0|bob"), NOT_YOURS),
    "no subject": (claims(sub=ABSENT), NOT_YOURS),
    "another audience": (claims(aud="another-client"), NOT_YOURS),
    "not a JWT": (lambda it: it.tokens(id_token=it.material.new("ID token")), "not a signed JWT"),
    "alg none": (
        lambda it: it.tokens(id_token=it.material.jwt("ID token", it.whole_claims(), header={"alg": "none"})),
        "alg: none",
    ),
    "no access token": (tokens(access_token=ABSENT), r"\$\.access_token"),
    "an ID token that is a number": (tokens(id_token=5), r"\$\.id_token"),
    "a refresh token that is a list": (tokens(refresh_token=["x"]), r"\$\.refresh_token"),
    "mac": (tokens(token_type="mac"), "a token that is not a bearer token"),
    "a list": (lambda it: [it.tokens()], "not a JSON object"),
    "a web page": (lambda it: b"<!doctype html><title>Hello</title>", "not JSON"),
    "a member twice": (lambda it: json.dumps(it.tokens()).encode()[:-1] + b', "scope": 1, "scope": 2}', "not JSON"),
}


@pytest.mark.parametrize(("answer", "way"), everywhere(ANSWERS, "another subject", "alg none", "no access token"))
def test_an_answer_that_no_tokens_are_taken_from(
    platform: ScriptedPlatform, somebody: Somebody, answer: str, way: str
) -> None:
    left, does = ALL[way]
    somebody.has_signed_in(left=left)
    make, words = ANSWERS[answer]
    platform.answers[TOKEN] = lambda wire, seen: reply(200, make(platform))(wire, seen)
    refused(platform, does(somebody), words)
    assert platform.paths(platform.issuer) == [TOKEN]


ERRORS: dict[str, tuple[Script, str]] = {
    "invalid_request": (reply(400, {"error": "invalid_request"}), "HTTP status 400: invalid_request"),
    "invalid_client": (reply(401, {"error": "invalid_client"}), "HTTP status 401: invalid_client"),
    "unauthorized_client": (
        reply(403, {"error": "unauthorized_client", "error_description": "Refresh tokens are off."}),
        r"HTTP status 403: Refresh tokens are off\.",
    ),
    "access_denied": (reply(403, {"error": "access_denied"}), "HTTP status 403: access_denied"),
    "unsupported_grant_type": (reply(400, {"error": "unsupported_grant_type"}), "unsupported_grant_type"),
    "invalid_grant in another member": (reply(400, {"code": "invalid_grant"}), r"HTTP status 400\."),
    "invalid_grant of a web page": (reply(400, b"<h1>invalid_grant</h1>"), r"HTTP status 400\."),
    "invalid_grant in a list": (reply(400, {"error": ["invalid_grant"]}), r"HTTP status 400\."),
    "invalid_grant, and all is well": (reply(200, {"error": "invalid_grant"}), r"\$\.access_token"),
    "404": (reply(404), r"HTTP status 404\."),
    "429": (reply(429, Retry_After="30"), r"HTTP status 429\."),
    "500": (reply(500, b"<h1>Sorry</h1>"), r"HTTP status 500\."),
    "503": (reply(503), r"HTTP status 503\."),
    "hung up": (send(b"", then=hang_up), "broke off the connection"),
}


@pytest.mark.parametrize(("error", "way"), everywhere(ERRORS, "invalid_client", "429", "hung up"))
def test_an_error(platform: ScriptedPlatform, somebody: Somebody, error: str, way: str) -> None:
    left, does = ALL[way]
    somebody.has_signed_in(left=left)
    platform.answers[TOKEN], words = ERRORS[error]
    refused(platform, does(somebody), words)
    assert platform.paths(platform.issuer) == [TOKEN] * (4 if error == "503" else 1)


AGAIN = r"\n  Run: dagctl auth login --org Acme --api-url https://localhost:\d+$"
GONE, SIGNED_OUT = rf"dagctl: Your session has ended\.{AGAIN}", rf"dagctl: You are not signed in\.{AGAIN}"


@pytest.mark.parametrize("status", [400, 401, 403])
def test_invalid_grant_on_live_tokens_keeps_them(platform: ScriptedPlatform, somebody: Somebody, status: int) -> None:
    somebody.has_signed_in(left=LIVE)
    platform.answers[TOKEN] = reply(status, {"error": "invalid_grant", "error_description": "Unknown refresh token."})
    refused(platform, somebody.runs("auth", "refresh"), GONE, code=4)


@pytest.mark.parametrize(
    "does",
    [AS_A_COMMAND[1], AS_A_FUNCTION[1], LIVELY[1]],
    ids=["auth token", "get_fresh_token", "auth refresh"],
)
def test_invalid_grant_on_dead_tokens_removes_them(
    platform: ScriptedPlatform, somebody: Somebody, does: Callable[[Somebody], Ending]
) -> None:
    somebody.has_signed_in(left=DEAD)
    platform.answers[TOKEN] = reply(403, {"error": "invalid_grant"})
    ending = does(somebody)
    assert ending.before.pop("auth.json")
    refused(platform, ending, GONE, code=4)
    refused(platform, does(somebody), SIGNED_OUT, code=4)
    assert platform.paths(platform.issuer) == [TOKEN]


@pytest.mark.parametrize(
    "script",
    [
        *(script for script, _ in ERRORS.values()),
        reply(400, {"error": "invalid_grant"}),
        reply(200, {"access_token": "two words"}),
    ],
)
def test_a_refusal_while_the_tokens_live_stops_nobody(
    platform: ScriptedPlatform, somebody: Somebody, script: Script
) -> None:
    somebody.has_signed_in(left=DUE)
    platform.answers[TOKEN] = script
    for ending in (somebody.runs("auth", "token"), somebody.fresh_token()):
        assert (ending.code, ending.out.strip(), ending.err) == (0, somebody.kept["access_token"], "")
        assert ending.after == ending.before
        ending.out = ""
        nothing_shows(platform, ending)


def test_somebody_elses_tokens_are_not_taken_while_ones_own_live(
    platform: ScriptedPlatform, somebody: Somebody
) -> None:
    somebody.has_signed_in(left=DUE)
    platform.claims = {"sub": "auth0|bob"}
    ending = somebody.runs("auth", "token")
    assert ending.out.strip() == somebody.kept["access_token"]
    assert ending.after == ending.before


@pytest.mark.parametrize("value", [ABSENT, None, ""], ids=["absent", "null", "empty"])
@pytest.mark.parametrize("name", ["id_token", "refresh_token"])
def test_what_a_refresh_leaves_out_is_kept(
    platform: ScriptedPlatform, somebody: Somebody, name: str, value: object
) -> None:
    somebody.has_signed_in(left=LIVE)
    platform.members = {name: value}
    ending = somebody.runs("auth", "refresh")
    assert ending.code == 0
    nothing_shows(platform, ending)
    renewed = json.loads(ending.after.pop("auth.json")[1])
    ending.before.pop("auth.json")
    assert ending.after == ending.before
    assert renewed[name] == somebody.kept[name]
    assert renewed["access_token"] != somebody.kept["access_token"]
    assert renewed["theirs"] == somebody.kept["theirs"]


def test_tokens_that_are_dead_on_arrival_are_kept_for_what_renews_them(
    platform: ScriptedPlatform, somebody: Somebody
) -> None:
    """The refresh token that was there is spent, so the new one must not be lost."""
    somebody.has_signed_in(left=DEAD)
    platform.claims = {"iat": 1, "exp": 2}
    ending = somebody.runs("auth", "token")
    renewed = json.loads(ending.after.pop("auth.json")[1])
    assert ending.before.pop("auth.json")
    refused(platform, ending, "By this machine's clock, new tokens from .* have already expired.\n  Check this machine")
    assert renewed["refresh_token"] != somebody.kept["refresh_token"]


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed(platform: ScriptedPlatform, somebody: Somebody, status: int) -> None:
    elsewhere: FarSide = platform.world.serve()
    somebody.has_signed_in(left=DEAD)
    platform.answers[TOKEN] = reply(status, b"", Location=f"{elsewhere.url}{TOKEN}")
    refused(platform, somebody.fresh_token(), "answers with a redirect, which dagctl does not follow")
    assert elsewhere.connections == 0


@pytest.mark.parametrize("error", ["invalid_request", "server_error"])
def test_an_issuer_that_repeats_the_refresh_token(platform: ScriptedPlatform, somebody: Somebody, error: str) -> None:
    somebody.has_signed_in(left=DEAD)

    def echo(wire: socket.socket, seen: Seen) -> None:
        said = f"Cannot take {seen.body}, nor {somebody.kept['id_token']}"
        reply(400, {"error": error, "error_description": said})(wire, seen)

    platform.answers[TOKEN] = echo
    for ending in (somebody.runs("auth", "token"), somebody.fresh_token()):
        refused(platform, ending, "HTTP status 400: Cannot take ")


@pytest.mark.parametrize("words", ["auth status", "projects", "use-project shop", "protection check prod", "state url"])
def test_other_commands_say_the_same(platform: ScriptedPlatform, somebody: Somebody, words: str) -> None:
    somebody.has_signed_in(left=DEAD)
    platform.answers[TOKEN] = reply(400, {"error": "invalid_client"})
    ending = somebody.runs(*words.split())
    nothing_shows(platform, ending)
    assert ending.after == ending.before
    assert ending.code == (0 if words == "auth status" else 3 if words.startswith("protection") else 1)
