"""Signing in with a code on another device (RFC 8628), refused."""

from __future__ import annotations

import json
import socket
import ssl
from typing import Any

import pytest
from tests.adapters.http.conftest import Script, Seen, hang_up, new_ca, reply, send
from tests.adapters.http.far_platform import DEVICE, ONBOARDING, REVOKE, TOKEN
from tests.e2e.refusals.looking import nothing_shows, refused
from tests.e2e.refusals.material import ABSENT
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import Ending, Somebody

OTHERWISE = "does not let this client sign in with a device code.\n  Use --no-browser"


def signs_in(somebody: Somebody, *options: str) -> Ending:
    """`dagctl auth login --device`; what tells of the code is taken from the talk, once it is seen to be there."""
    ending = somebody.signs_in("--device", *options)
    page = f"{somebody.platform.issuer.url}/activate"
    ending.err = ending.err.removeprefix(f"Open {page} on any device and enter the code ABCD-EFGH\n")
    return ending


BEGINNINGS: dict[str, tuple[Script, str]] = {
    "unauthorized_client": (reply(403, {"error": "unauthorized_client"}), OTHERWISE),
    "unauthorized_client, 400": (reply(400, {"error": "unauthorized_client"}), OTHERWISE),
    "unsupported_grant_type": (reply(400, {"error": "unsupported_grant_type"}), OTHERWISE),
    "404": (reply(404, b"<h1>Not found</h1>"), OTHERWISE),
    "405": (reply(405), OTHERWISE),
    "invalid_client": (reply(401, {"error": "invalid_client"}), "HTTP status 401: invalid_client"),
    "invalid_scope": (reply(400, {"error": "invalid_scope"}), "HTTP status 400: invalid_scope"),
    "invalid_request": (reply(400, {"error": "invalid_request"}), "HTTP status 400: invalid_request"),
    "access_denied": (reply(403, {"error": "access_denied"}), "HTTP status 403: access_denied"),
    "429": (reply(429), r"HTTP status 429\.\n  Try again"),
    "500": (reply(500), r"HTTP status 500\.\n  Try again"),
    "a web page": (reply(200, b"<h1>Hello</h1>"), "not JSON"),
    "a redirect": (reply(302, Location="https://evil.example/"), "a redirect, which dagctl does not follow"),
    "hung up": (send(b"", then=hang_up), "broke off the connection"),
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_beginning(platform: ScriptedPlatform, somebody: Somebody, beginning: str) -> None:
    platform.answers[DEVICE], words = BEGINNINGS[beginning]
    refused(platform, signs_in(somebody), words)
    assert somebody.clock.slept == ([0.5, 1.0, 2.0] if beginning == "429" else [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device_code": ABSENT}, r"\$\.device_code"),
        ({"device_code": ""}, r"\$\.device_code"),
        ({"user_code": "A\x1b[2J"}, r"\$\.user_code"),
        ({"user_code": None}, r"\$\.user_code"),
        ({"verification_uri": "http://localhost/activate"}, "not an https URL"),
        ({"verification_uri": "javascript:alert(1)"}, "not an https URL"),
        ({"verification_uri": "https://localhost/\x1b[2J"}, r"not an https URL|\$\.verification_uri"),
        ({"verification_uri_complete": "file:///etc/passwd"}, "not an https URL"),
        ({"expires_in": ABSENT}, r"\$\.expires_in"),
        ({"expires_in": "900"}, r"\$\.expires_in"),
        ({"expires_in": True}, r"\$\.expires_in"),
        ({"interval": "5"}, r"\$\.interval"),
        ({"interval": None}, r"\$\.interval"),
    ],
)
def test_a_code_that_cannot_be(
    platform: ScriptedPlatform, somebody: Somebody, change: dict[str, Any], words: str
) -> None:
    platform.device = change
    refused(platform, signs_in(somebody), words)
    assert somebody.clock.slept == []


def in_turn(*scripts: Script) -> Script:
    """One answer after the other; the last one again and again."""
    left = list(scripts)
    return lambda wire, seen: (left.pop(0) if len(left) > 1 else left[0])(wire, seen)


def error(status: int, code: str, **more: str) -> Script:
    return reply(status, {"error": code, **more})


PENDING, SLOWER = error(403, "authorization_pending"), error(429, "slow_down")

POLLS: dict[str, tuple[Script, str]] = {
    "access_denied": (
        in_turn(PENDING, error(403, "access_denied", error_description="The person refused.")),
        r"The sign-in was refused: .*: The person refused\.\n  If you did not refuse it yourself",
    ),
    "access_denied without words": (
        error(403, "access_denied"),
        r"The sign-in was refused: .*: access_denied\.\n  If you did not refuse it yourself",
    ),
    "expired_token": (
        in_turn(PENDING, SLOWER, error(400, "expired_token")),
        "The device code expired before .*\n  Start the sign-in again, and use its new code",
    ),
    "invalid_grant": (error(400, "invalid_grant"), "The sign-in was refused: .*: invalid_grant"),
    "invalid_request": (error(400, "invalid_request"), "The sign-in was refused: .*: invalid_request"),
    "invalid_client": (error(401, "invalid_client"), "The sign-in was refused: .*: invalid_client"),
    "unauthorized_client": (error(403, "unauthorized_client"), OTHERWISE),
    "unsupported_grant_type": (error(400, "unsupported_grant_type"), OTHERWISE),
    "an error of its own": (error(400, "an_error_of_its_own"), "The sign-in was refused: .*: an_error_of_its_own"),
    "hostile": (
        error(400, "\x1b[31mx", error_description="\x1b[2J<b>No.</b>\r\ndagctl: Signed in.\u202e" + "y" * 10_000),
        r"The sign-in was refused: .*: \[2J<b>No\.</b> dagctl: Signed in\. y+…",
    ),
    "403 without words": (reply(403), r"/oauth/token answers with HTTP status 403\."),
    "404": (reply(404), r"/oauth/token answers with HTTP status 404\."),
    "500": (in_turn(PENDING, reply(500)), r"/oauth/token answers with HTTP status 500\.\n  Try again"),
    "a web page": (in_turn(PENDING, reply(200, b"<h1>Hello</h1>")), "not JSON"),
    "a redirect": (reply(302, Location="https://evil.example/"), "a redirect, which dagctl does not follow"),
    "pending for ever": (PENDING, "The sign-in was not finished within 300 seconds.*\n.*--timeout"),
    "slower and slower": (SLOWER, "The sign-in was not finished within 300 seconds"),
    "never an answer": (send(b"", then=hang_up), "broke off the connection"),
}


@pytest.mark.parametrize("poll", POLLS)
def test_a_poll(platform: ScriptedPlatform, somebody: Somebody, poll: str) -> None:
    platform.answers[TOKEN], words = POLLS[poll]
    refused(platform, signs_in(somebody), words)
    assert platform.form()["device_code"]
    assert sum(somebody.clock.slept) <= 300


def test_a_code_that_dies_before_the_patience_does(platform: ScriptedPlatform, somebody: Somebody) -> None:
    platform.answers[TOKEN], platform.device = PENDING, {"expires_in": 60}
    ending = signs_in(somebody, "--timeout", "100")
    refused(platform, ending, "The device code expired before .*\n  Start the sign-in again")
    assert 50 < sum(somebody.clock.slept) < 60


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "another-client"}, "for another client"),
        ({"sub": ""}, "identifies nobody"),
    ],
)
def test_an_id_token_that_fails(
    platform: ScriptedPlatform, somebody: Somebody, claims: dict[str, Any], words: str
) -> None:
    platform.claims = claims
    platform.answers[TOKEN] = in_turn(PENDING, lambda wire, seen: reply(200, platform.tokens())(wire, seen))
    refused(platform, signs_in(somebody), words)
    assert platform.form(REVOKE)["token"]


def test_an_issuer_that_becomes_somebody_else(platform: ScriptedPlatform, somebody: Somebody) -> None:
    """Its certificate is refused at once, not taken for a lost answer and waited out."""

    def changes(wire: socket.socket, seen: Seen) -> None:
        platform.issuer.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        new_ca().issue_cert("localhost").configure_cert(platform.issuer.context)
        reply(403, {"error": "authorization_pending"}, Connection="close")(wire, seen)
        hang_up(wire)

    platform.answers[TOKEN] = changes
    refused(platform, signs_in(somebody), "The TLS certificate of .* is refused: .*\n  If the certificate comes from")
    assert len(somebody.clock.slept) == 2


def test_another_organization(platform: ScriptedPlatform, somebody: Somebody) -> None:
    somebody.has_signed_in()
    platform.answers[TOKEN] = lambda wire, seen: reply(200, platform.tokens())(wire, seen)
    platform.answers[ONBOARDING] = reply(
        200, {"onboarded": True, "organization": {"id": "org_globex", "name": "Globex Corp"}}
    )
    command = f"--org 'Globex Corp' --api-url {platform.api.url}$"
    refused(platform, signs_in(somebody), f"belongs to 'Globex Corp', not to 'acme'.\n.*{command}")


def test_an_issuer_that_repeats_the_device_code(platform: ScriptedPlatform, somebody: Somebody) -> None:
    def echo(wire: socket.socket, seen: Seen) -> None:
        error(400, seen.body, error_description=f"Cannot take {seen.body}", message=json.dumps(seen.body))(wire, seen)

    platform.answers[TOKEN] = echo
    ending = signs_in(somebody)
    refused(platform, ending, "Cannot take client_id")
    assert "device code" in platform.material.kinds()


def test_a_code_is_shown_and_nothing_of_the_other(platform: ScriptedPlatform, somebody: Somebody) -> None:
    platform.answers[TOKEN] = in_turn(PENDING, SLOWER, lambda wire, seen: reply(200, platform.tokens())(wire, seen))
    ending = somebody.signs_in("--device")
    assert ending.code == 0
    assert "enter the code ABCD-EFGH" in ending.err
    nothing_shows(platform, ending)
