"""What the management API says of somebody whom the issuer has let in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.adapters.http.conftest import FarSide, Script, Seen, reply
from tests.adapters.http.far_platform import CLIENT_ID, INFO, METADATA, ONBOARDING, REVOKE
from tests.e2e.refusals.looking import nothing_shows, refused
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import Somebody

ACME = {"id": "org_acme", "name": "Acme"}

ANSWERS: dict[str, tuple[Script, str]] = {
    "not onboarded": (reply(200, {"onboarded": False}), "ada@acme.example has no organization .*\n.*web UI"),
    "onboarded nowhere": (reply(200, {"onboarded": True}), "has no organization"),
    "onboarded at null": (reply(200, {"onboarded": True, "organization": None}), "has no organization"),
    "half onboarded": (reply(200, {"onboarded": False, "organization": ACME}), "has no organization"),
    "an empty object": (reply(200, {}), "has no organization"),
    "another organization": (
        reply(200, {"onboarded": True, "organization": {"id": "org_globex", "name": "Globex"}}),
        r"ada@acme.example belongs to 'Globex', not to 'acme'\.\n.*--org Globex --api-url https://localhost:\d+$",
    ),
    "no id": (reply(200, {"onboarded": True, "organization": {"name": "Acme"}}), r"\$\.organization\.id"),
    "an empty id": (reply(200, {"onboarded": True, "organization": {**ACME, "id": ""}}), r"\$\.organization\.id"),
    "an id that is null": (
        reply(200, {"onboarded": True, "organization": {**ACME, "id": None}}),
        r"\$\.organization\.id",
    ),
    "an id that is true": (
        reply(200, {"onboarded": True, "organization": {**ACME, "id": True}}),
        r"\$\.organization\.id",
    ),
    "a name that is a list": (
        reply(200, {"onboarded": True, "organization": {**ACME, "name": ["Acme"]}}),
        r"\$\.organization\.name",
    ),
    "an organization in words": (reply(200, {"onboarded": True, "organization": "Acme"}), r"unexpected JSON"),
    "two organizations": (reply(200, {"onboarded": True, "organization": [ACME, ACME]}), r"unexpected JSON"),
    "onboarded in words": (reply(200, {"onboarded": "true", "organization": ACME}), r"\$\.onboarded"),
    "onboarded as a number": (reply(200, {"onboarded": 1, "organization": ACME}), r"\$\.onboarded"),
    "a list": (reply(200, [ACME]), "not a JSON object"),
    "null": (reply(200, None), "not a JSON object"),
    "no JSON": (reply(200, b"{"), "not JSON"),
    "nothing": (reply(200, b""), "not JSON"),
    "a web page": (reply(200, b"<!doctype html><h1>Welcome</h1>"), "not JSON"),
    "a member twice": (reply(200, b'{"onboarded": false, "onboarded": true}'), "not JSON"),
    "more than there may be": (reply(200, b" " * (2 << 20)), "more than 1024 KiB"),
    "400": (reply(400, {"message": "No such user."}), "HTTP status 400: No such user"),
    "401": (reply(401, {"message": "Bad token."}), "does not accept the tokens of .*\n  Check auth0_domain"),
    "401 without words": (reply(401), "does not accept the tokens of .*\n  Check auth0_domain"),
    "403": (reply(403, {"message": "Your seat was taken."}), "HTTP status 403: Your seat was taken"),
    "404": (reply(404, {"detail": "Not Found"}), "HTTP status 404"),
    "418": (reply(418), "HTTP status 418"),
    "429": (reply(429, Retry_After="60"), "HTTP status 429"),
    "500": (reply(500, b"<h1>Internal Server Error</h1>"), "HTTP status 500"),
    "503": (reply(503), "HTTP status 503"),
    "204": (reply(204), "HTTP status 204"),
    "206": (reply(206, {"onboarded": True, "organization": ACME}), "HTTP status 206"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer(platform: ScriptedPlatform, somebody: Somebody, answer: str) -> None:
    """The session that there was stays."""
    somebody.has_signed_in()
    platform.answers[ONBOARDING], words = ANSWERS[answer]
    ending = somebody.signs_in()
    refused(platform, ending, words)
    assert [status for status, _ in ending.pages] == [403]
    assert INFO not in platform.paths(platform.api)
    assert platform.form(REVOKE)["token"] != somebody.kept["refresh_token"]


@pytest.mark.parametrize("answer", ["not onboarded", "another organization", "no id", "401", "500"])
def test_an_answer_on_a_new_machine(platform: ScriptedPlatform, somebody: Somebody, answer: str) -> None:
    platform.answers[ONBOARDING], words = ANSWERS[answer]
    refused(platform, somebody.signs_in(), words)
    assert not (somebody.home / "auth.json").exists()
    assert not (somebody.home / "config.yaml").exists()


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("path", [METADATA, ONBOARDING])
def test_a_redirect_is_not_followed(platform: ScriptedPlatform, somebody: Somebody, path: str, status: int) -> None:
    elsewhere: FarSide = platform.world.serve()
    platform.answers[path] = reply(status, b"", Location=f"{elsewhere.url}{path}")
    refused(platform, somebody.signs_in(), f"{path} answers with a redirect, which dagctl does not follow")
    assert elsewhere.connections == 0


ECHOES: dict[str, Callable[[Seen], str]] = {
    "the header": lambda seen: seen.headers["authorization"],
    "the signature": lambda seen: seen.headers["authorization"].rpartition(".")[2],
    "the claims": lambda seen: seen.headers["authorization"].split(".")[1],
}


@pytest.mark.parametrize("member", ["message", "error"])
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("echo", ECHOES)
def test_an_api_that_repeats_the_token(
    platform: ScriptedPlatform, somebody: Somebody, echo: str, status: int, member: str
) -> None:
    platform.answers[ONBOARDING] = lambda wire, seen: reply(status, {member: f"Not with {ECHOES[echo](seen)}."})(
        wire, seen
    )
    refused(platform, somebody.signs_in(), "accept|Not with (Bearer )?…")


NAMES = ["\x1b[2J\x1b[31mAcme", "Acme\ndagctl: Signed in.", "\u202eAcme", "<b>Acme</b>", "A" * 10_000]


@pytest.mark.parametrize("name", NAMES, ids=lambda text: ascii(text)[:20])
@pytest.mark.parametrize("member", [True, False], ids=["a member", "no member"])
def test_a_name_is_not_shown_as_it_is(platform: ScriptedPlatform, somebody: Somebody, name: str, member: bool) -> None:
    organization = {"id": "acme" if member else "org_other", "name": name}
    platform.answers[ONBOARDING] = reply(200, {"onboarded": True, "organization": organization})
    ending = somebody.signs_in()
    shown = [ending, somebody.runs("auth", "status"), somebody.runs("config", "current")]
    for run in shown:
        assert all(character.isprintable() or character == "\n" for character in run.out + run.err)
        assert run.code != 70
    assert "<b>Acme" not in ending.pages[0][1]
    nothing_shows(platform, ending)


def _metadata(platform: ScriptedPlatform, **members: object) -> dict[str, object]:
    issuer = {"authorization_servers": [platform.place], "dagctl_client_id": CLIENT_ID}
    return {"resource": platform.api.url, **issuer, **members}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"resource": "https://evil.example"}, "speaks for another API"),
        ({"resource": None}, "unexpected JSON"),
        ({"authorization_servers": ["https://evil.example/"]}, "names evil.example as its issuer.*\n.*config.yaml"),
        ({"authorization_servers": ["http://localhost/"]}, "not an https host"),
        ({"authorization_servers": ["https://localhost/\x1b[2J"]}, "not an https host"),
        ({"authorization_servers": {"https://localhost/": 1}}, "unexpected JSON|not an https host"),
        ({"authorization_servers": [5]}, "unexpected JSON"),
        ({"authorization_servers": 5}, "unexpected JSON"),
        ({"dagctl_client_id": 5}, "unexpected JSON"),
    ],
)
def test_metadata_that_cannot_be(
    platform: ScriptedPlatform, somebody: Somebody, members: dict[str, Any], words: str
) -> None:
    platform.answers[METADATA] = reply(200, _metadata(platform, **members))
    refused(platform, somebody.signs_in(), words)
    assert platform.issuer.seen == []


@pytest.mark.parametrize(
    "script", [reply(500), reply(200, b"<h1>Hello</h1>"), reply(401), reply(200, {"state_proxy": 5})]
)
def test_the_proxy_is_no_reason_to_fail(platform: ScriptedPlatform, somebody: Somebody, script: Script) -> None:
    platform.answers[INFO] = script
    ending = somebody.signs_in()
    assert ending.code == 0
    assert "does not say where its PG proxy is" in ending.err
    nothing_shows(platform, ending)
