"""The issuer: what it grants, and each thing that it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.adapters.sandbox.conftest import Answer, Client, form_fields

from dagctl.adapters.sandbox import Sandbox, SandboxOptions, running_sandbox

REDIRECT = "http://localhost:8080/callback"


def test_discovery_announces_what_there_is(client: Client) -> None:
    found = client.send(f"{client.issuer}/.well-known/openid-configuration").json

    assert found["issuer"] == f"{client.issuer}/"
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert client.send(found["jwks_uri"]).status == 200
    assert client.send(found["authorization_endpoint"]).status == 400  # it is there, and wants parameters
    for endpoint in ("token_endpoint", "revocation_endpoint", "device_authorization_endpoint"):
        assert client.send(found[endpoint], b"").status in (400, 401)


def test_the_published_key_verifies_the_tokens_and_is_not_the_private_one(
    client: Client, tokens: dict[str, Any]
) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    published = client.send(f"{client.issuer}/.well-known/jwks.json").json

    decoded = jwt.decode(tokens["id_token"], KeySet.import_key_set(published), algorithms=["ES256"])
    assert decoded.claims["email"] == "ada@acme.example"
    assert all("d" not in key for key in published["keys"])


def test_a_sign_in_brings_state_and_issuer_back(client: Client) -> None:
    answer = client.sign_in()

    assert answer.headers["Location"].startswith(f"{REDIRECT}?")
    assert answer.query["state"] == "a state & more"
    assert answer.query["iss"] == f"{client.issuer}/"  # RFC 9207
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_tokens_are_what_the_protocol_says(
    client: Client, sandbox: Sandbox, read_claims: Callable[[str], dict[str, Any]]
) -> None:
    answer = client.exchange(client.code())

    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.json
    assert (found["token_type"], found["expires_in"]) == ("Bearer", 3600)
    identity, access = read_claims(found["id_token"]), read_claims(found["access_token"])
    assert (identity["iss"], identity["aud"]) == (f"{client.issuer}/", sandbox.client_id)
    assert (identity["sub"], identity["nonce"]) == ("sandbox|ada", "a nonce")
    assert identity["exp"] > identity["iat"]
    assert sandbox.api_url in access["aud"]


def test_whom_the_page_names_is_who_signs_in(client: Client, read_claims: Callable[[str], dict[str, Any]]) -> None:
    assert read_claims(client.tokens("grace@acme.example")["id_token"])["sub"] == "sandbox|grace"


@pytest.mark.parametrize("who", ["eve@elsewhere.example", ""])
def test_nobody_else_can_sign_in(client: Client, who: str) -> None:
    assert client.post("/authorize", **client.request(), decision="allow", email=who).query["error"] == "access_denied"


def test_a_refusal_goes_back_to_the_client(client: Client) -> None:
    query = client.sign_in(decision="deny").query

    assert (query["error"], query["state"]) == ("access_denied", "a state & more")
    assert "code" not in query


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "http://localhost:8080/callback/"},
        {"redirect_uri": "http://localhost:8081/callback"},
        {"redirect_uri": "http://127.0.0.1:8080/callback"},
        {"redirect_uri": "https://elsewhere.example/callback"},
        {"redirect_uri": None},
        {"client_id": "somebody"},
        {"client_id": None},
    ],
)
def test_nothing_is_sent_to_an_address_that_is_not_registered(client: Client, change: dict[str, str | None]) -> None:
    posted = client.post("/authorize", **client.request(**change), decision="allow", email="ada@acme.example")

    for answer in (client.authorize(**change), posted):
        assert answer.status == 400
        assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"audience": "https://api.elsewhere.example"}, "invalid_request"),
        ({"audience": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
    ],
)
def test_a_request_that_is_not_in_order_is_told_so(client: Client, change: dict[str, str | None], code: str) -> None:
    query = client.authorize(**change).query

    assert (query["error"], query["state"]) == (code, "a state & more")
    posted = client.post("/authorize", **client.request(**change), decision="allow", email="ada@acme.example")
    assert posted.query["error"] == code
    assert "code" not in posted.query


def test_what_a_request_says_is_escaped_on_the_page(client: Client) -> None:
    page = client.authorize(state='"><script>alert(1)</script>').body

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_pages_forbid_scripts_frames_and_caches(client: Client) -> None:
    headers = client.authorize().headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": "ü" * 43},
        {"redirect_uri": "http://localhost:8081/callback"},
        {"redirect_uri": ""},
        {"code": "another"},
        {"code": ""},
    ],
)
def test_a_code_needs_its_verifier_and_its_redirect_uri(client: Client, change: dict[str, str]) -> None:
    answer = client.exchange(**{"code": client.code(), **change})

    assert answer.status == 403
    assert answer.json["error"] == "invalid_grant"
    assert answer.json["error_description"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"client_id": "somebody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_says_what_is_wrong(client: Client, change: dict[str, str], status: int, code: str) -> None:
    answer = client.exchange(client.code(), **change)

    assert (answer.status, answer.json["error"]) == (status, code)


def test_a_code_used_twice_revokes_what_it_gave(client: Client) -> None:
    code = client.code()
    first = client.exchange(code).json

    assert client.exchange(code).json["error"] == "invalid_grant"
    assert client.refresh(first["refresh_token"]).json["error"] == "invalid_grant"


def test_a_code_lives_for_a_minute(client: Client, later: Callable[[float], None]) -> None:
    code = client.code()
    later(61)

    assert client.exchange(code).json["error"] == "invalid_grant"


def test_json_is_taken_too(client: Client, sandbox: Sandbox) -> None:
    body = {"grant_type": "refresh_token", "client_id": sandbox.client_id}
    token = client.tokens()["refresh_token"]

    answer = client.send(
        f"{client.issuer}/oauth/token",
        json.dumps({**body, "refresh_token": token}).encode(),
        {"Content-Type": "application/json"},
    )

    assert answer.json["access_token"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff"])
def test_json_that_is_none_is_refused(client: Client, body: bytes) -> None:
    answer = client.send(f"{client.issuer}/oauth/token", body, {"Content-Type": "application/json"})

    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


def test_a_refresh_gives_new_tokens_and_a_new_refresh_token(
    client: Client, sandbox: Sandbox, read_claims: Callable[[str], dict[str, Any]]
) -> None:
    first = client.tokens()
    before = sandbox.observations.refreshes

    second = client.refresh(first["refresh_token"]).json

    assert sandbox.observations.refreshes == before + 1
    assert len({first["refresh_token"], second["refresh_token"]}) == 2
    assert len({first["access_token"], second["access_token"]}) == 2
    one, other = read_claims(first["id_token"]), read_claims(second["id_token"])
    assert (one["sub"], one["iss"], one["aud"]) == (other["sub"], other["iss"], other["aud"])


def test_a_refresh_token_used_twice_revokes_its_family(client: Client, sandbox: Sandbox) -> None:
    first = client.tokens()
    second = client.refresh(first["refresh_token"]).json
    before = sandbox.observations.reuses

    assert client.refresh(first["refresh_token"]).json["error"] == "invalid_grant"

    assert sandbox.observations.reuses == before + 1
    assert client.refresh(second["refresh_token"]).json["error"] == "invalid_grant"


def test_one_family_does_not_touch_another(client: Client) -> None:
    one, other = client.tokens(), client.tokens()
    client.refresh(one["refresh_token"])
    client.refresh(one["refresh_token"])

    assert client.refresh(other["refresh_token"]).status == 200


def test_a_revoked_refresh_token_is_dead(client: Client, sandbox: Sandbox) -> None:
    token = client.tokens()["refresh_token"]

    assert client.post("/oauth/revoke", client_id=sandbox.client_id, token=token).status == 200

    assert client.refresh(token).json["error"] == "invalid_grant"


def test_to_revoke_what_is_unknown_is_no_error(client: Client, sandbox: Sandbox) -> None:
    """RFC 7009 section 2.2."""
    assert client.post("/oauth/revoke", client_id=sandbox.client_id, token="nothing").status == 200


def test_only_the_client_can_revoke(client: Client) -> None:
    token = client.tokens()["refresh_token"]

    assert client.post("/oauth/revoke", client_id="somebody", token=token).status == 401
    assert client.refresh(token).status == 200


def test_without_rotation_a_refresh_token_stays_good(
    sandbox_home: Path, new_client: Callable[[Sandbox], Client]
) -> None:
    with running_sandbox(SandboxOptions(rotate=False), home=sandbox_home) as sandbox:
        client = new_client(sandbox)
        token = client.tokens()["refresh_token"]
        answers = [client.refresh(token).json for _ in range(2)]

    assert all("refresh_token" not in answer and answer["access_token"] for answer in answers)
    assert sandbox.observations.reuses == 0


def test_a_session_outlives_a_restart(sandbox_home: Path, new_client: Callable[[Sandbox], Client]) -> None:
    with running_sandbox(home=sandbox_home) as sandbox:
        token = new_client(sandbox).tokens()["refresh_token"]
    assert token not in (sandbox_home / "sandbox" / "sessions.json").read_text("utf-8")

    with running_sandbox(home=sandbox_home) as sandbox:
        assert new_client(sandbox).refresh(token).status == 200


def test_lifetimes_and_redirect_uris_are_options(sandbox_home: Path, new_client: Callable[[Sandbox], Client]) -> None:
    elsewhere = "http://localhost:9999/callback"
    options = SandboxOptions(access_lifetime=20, redirect_uris=(elsewhere,))
    with running_sandbox(options, home=sandbox_home) as sandbox:
        client = new_client(sandbox)
        code = client.sign_in(redirect_uri=elsewhere).query["code"]

        assert client.exchange(code, redirect_uri=elsewhere).json["expires_in"] == 20
        assert client.authorize().status == 400


class Browser:
    """A browser that keeps the issuer's cookie."""

    def __init__(self, client: Client, read_claims: Callable[[str], dict[str, Any]]) -> None:
        self._client = client
        self._read_claims = read_claims
        self.cookie = ""

    def opens(self, **asked: str) -> Answer:
        """The answer to an authorization request."""
        address = f"{self._client.issuer}/authorize?{urlencode(self._client.request(**asked))}"
        return self._client.send(address, headers={"Cookie": self.cookie} if self.cookie else {})

    def signs_in(self, email: str) -> None:
        """Fill in the page, whatever the cookie says."""
        answer = self._client.sign_in(email, prompt="login")
        self.set_cookie = answer.headers["Set-Cookie"]
        self.cookie = self.set_cookie.partition(";")[0]

    def who(self, answer: Answer) -> str:
        """Whose tokens an answer leads to."""
        found = self._client.exchange(answer.query["code"]).json
        return str(self._read_claims(found["id_token"])["sub"])


@pytest.fixture
def browser(client: Client, read_claims: Callable[[str], dict[str, Any]]) -> Browser:
    """A browser on which somebody has signed in: Grace."""
    browser = Browser(client, read_claims)
    browser.signs_in("grace@acme.example")
    return browser


def test_whoever_has_signed_in_goes_on_as_the_same_person(browser: Browser) -> None:
    assert browser.who(browser.opens()) == "sandbox|grace"
    assert browser.who(browser.opens(login_hint="ada@acme.example", prompt="none")) == "sandbox|grace"


def test_the_sessions_cookie_is_for_the_issuer_alone(browser: Browser, client: Client) -> None:
    assert browser.set_cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(browser.set_cookie.split("; "))
    assert client.issuer.rpartition(":")[2] in browser.set_cookie.partition("=")[0]


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_a_request_can_ask_for_another_choice(browser: Browser, prompt: str) -> None:
    page = browser.opens(prompt=prompt)

    assert (page.status, form_fields(page.body)["email"]) == (200, "ada@acme.example")
    hinted = browser.opens(prompt=prompt, login_hint="grace@acme.example")
    assert form_fields(hinted.body)["email"] == "grace@acme.example"
    stranger = browser.opens(prompt=prompt, login_hint="eve@elsewhere.example")
    assert form_fields(stranger.body)["email"] == "ada@acme.example"


def test_a_cookie_that_says_nothing_signs_nobody_in(browser: Browser) -> None:
    browser.cookie += "x"
    assert browser.opens().status == 200
    assert browser.opens(prompt="none").query["error"] == "login_required"


def test_a_session_answers_no_request_that_is_not_in_order(browser: Browser) -> None:
    assert browser.opens(redirect_uri="https://elsewhere.example/").status == 400
    assert browser.opens(audience="https://elsewhere.example").query["error"] == "invalid_request"


def test_a_refusal_begins_no_session(client: Client) -> None:
    assert client.sign_in(decision="deny").headers["Set-Cookie"] is None


def test_no_refresh_token_without_the_scope_for_it(client: Client) -> None:
    found = client.exchange(client.sign_in(scope="openid").query["code"]).json
    assert found["scope"] == "openid"
    assert "refresh_token" not in found


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
    ],
)
def test_other_pages_cannot_sign_anybody_in(client: Client, headers: dict[str, str]) -> None:
    asked = f"{client.issuer}/authorize?{urlencode(client.request())}"
    fields = {**form_fields(client.send(asked).body), "decision": "allow"}
    answer = client.send(f"{client.issuer}/authorize", urlencode(fields).encode(), headers)
    assert answer.status == 403
    assert client.send(f"{client.sandbox.api_url}/api/v1/projects", None, headers).status == 403
    own = client.send(f"{client.issuer}/authorize", urlencode(fields).encode(), {"Origin": client.issuer})
    assert own.status == 303
