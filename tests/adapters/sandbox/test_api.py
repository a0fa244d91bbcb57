"""The management API: who is let in, and what it answers."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from dagctl.adapters.platform_model.people import Person
from dagctl.adapters.sandbox import Sandbox, SandboxOptions, running_sandbox

if TYPE_CHECKING:
    from tests.adapters.sandbox.conftest import Client

ORGANIZATION = "org_sandbox_acme"
STATUS = "/api/v1/onboarding/status?auth0_id=sandbox%7Cada"
CHECK = "/api/v1/environment-protections/check"
GUARDED = ("/api/v1/env/info", "/api/v1/projects", f"{CHECK}?project_id=prj_shop&environment=dev")


def test_the_api_names_its_issuer_and_client(client: Client, sandbox: Sandbox) -> None:
    found = client.send(f"{sandbox.api_url}/.well-known/oauth-protected-resource").json

    assert found["resource"] == sandbox.api_url
    assert found["authorization_servers"] == [f"{client.issuer}/"]
    assert found["dagctl_client_id"] == sandbox.client_id


@pytest.mark.parametrize("path", [STATUS, *GUARDED])
def test_an_id_token_opens_every_call(client: Client, tokens: dict[str, Any], path: str) -> None:
    assert client.api(path, tokens["id_token"], ORGANIZATION).status == 200


@pytest.mark.parametrize("path", [STATUS, *GUARDED])
def test_an_access_token_opens_none(client: Client, tokens: dict[str, Any], path: str) -> None:
    answer = client.api(path, tokens["access_token"], ORGANIZATION)

    assert answer.status == 401
    assert "another audience" in answer.json["message"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": 1}, "expired"),
        ({"aud": "another"}, "another audience"),
        ({"iss": "https://elsewhere.example/"}, "another issuer"),
        ({"sub": "sandbox|eve"}, "nobody"),
    ],
)
def test_a_token_has_to_be_right_in_everything(
    client: Client, sandbox: Sandbox, forge: Callable[..., str], changes: dict[str, Any], reason: str
) -> None:
    token = forge(**{"aud": sandbox.client_id, **changes})

    answer = client.api("/api/v1/projects", token, ORGANIZATION)

    assert answer.status == 401
    assert reason in answer.json["message"]


def test_a_signature_that_is_not_the_issuers_is_refused(client: Client, tokens: dict[str, Any]) -> None:
    from joserfc import jwt
    from joserfc.jwk import ECKey

    head, payload, signature = tokens["id_token"].split(".")
    other = jwt.encode({"alg": "ES256"}, {"sub": "sandbox|ada"}, ECKey.generate_key("P-256"))
    unsigned = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    for token in (f"{head}.{payload}.{signature[::-1]}", f"{unsigned}.{payload}.", other, "nonsense", ""):
        assert client.api("/api/v1/projects", token, ORGANIZATION).status == 401


def test_without_a_token_nothing_opens(client: Client) -> None:
    assert client.api("/api/v1/projects", None, ORGANIZATION).status == 401


@pytest.mark.parametrize("path", GUARDED)
def test_the_organization_has_to_be_named(client: Client, tokens: dict[str, Any], path: str) -> None:
    assert client.api(path, tokens["id_token"]).status == 400
    assert client.api(path, tokens["id_token"], "org_another").status == 403


def test_onboarding_names_the_organization(client: Client, tokens: dict[str, Any]) -> None:
    found = client.api(STATUS, tokens["id_token"]).json

    assert found == {"onboarded": True, "organization": {"id": ORGANIZATION, "name": "acme"}}


def test_somebody_elses_onboarding_is_not_told(client: Client, tokens: dict[str, Any]) -> None:
    answer = client.api("/api/v1/onboarding/status?auth0_id=sandbox%7Cgrace", tokens["id_token"])

    assert answer.status == 403


def test_somebody_who_is_not_onboarded_sees_no_organization(client: Client) -> None:
    token = client.tokens("new@acme.example")["id_token"]

    assert client.api("/api/v1/onboarding/status?auth0_id=sandbox%7Cnew", token).json["onboarded"] is False
    assert client.api("/api/v1/projects", token, ORGANIZATION).status == 403


def test_the_proxy_and_the_projects_are_named(client: Client, sandbox: Sandbox, tokens: dict[str, Any]) -> None:
    host, port = sandbox.proxy

    assert client.api(GUARDED[0], tokens["id_token"], ORGANIZATION).json == {
        "state_proxy": {"host": host, "port": port}
    }
    assert client.api(GUARDED[1], tokens["id_token"], ORGANIZATION).json == [
        {"id": "prj_shop", "name": "shop"},
        {"id": "prj_web", "name": "web-analytics"},
    ]


def test_the_date_is_right(client: Client, sandbox: Sandbox) -> None:
    answer = client.send(f"{sandbox.api_url}/.well-known/oauth-protected-resource")

    told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(told - time.time()) < 60


@pytest.mark.parametrize(
    ("query", "email", "status", "answer"),
    [
        ("project_id=prj_shop&environment=dev", "ada", 200, {"allowed": True, "environment": "dev"}),
        ("project_id=prj_shop&environment=prod", "ada", 403, None),
        ("project_id=prj_shop", "ada", 403, None),
        ("project_id=prj_shop&environment=prod", "grace", 200, {"allowed": True, "environment": "prod"}),
        ("project_id=prj_web&environment=prod", "ada", 404, None),
        ("project_id=prj_none&environment=dev", "ada", 400, None),
        ("environment=dev", "ada", 400, None),
    ],
)
def test_protection(client: Client, query: str, email: str, status: int, answer: dict[str, Any] | None) -> None:
    token = client.tokens(f"{email}@acme.example")["id_token"]

    found = client.api(f"{CHECK}?{query}", token, ORGANIZATION)

    assert found.status == status
    assert found.json == answer if answer else found.json["message"]


def test_protection_can_change(sandbox_home: Path, new_client: Callable[[Sandbox], Client]) -> None:
    options = SandboxOptions(
        people=(Person("bo@acme.example", "bo", "org_1"),), organization="Big Co", organization_id="org_1"
    )
    with running_sandbox(options, home=sandbox_home) as sandbox:
        client = new_client(sandbox)
        token = client.tokens()["id_token"]

        def ask(environment: str) -> int:
            answer = client.api(f"{CHECK}?project_id=prj_shop&environment={environment}", token, "org_1")
            return int(answer.status)

        sandbox.platform.protect("shop", "staging")
        changed = [ask("prod"), ask("staging")]
        sandbox.platform.unprotect("prj_shop")
        assert changed == [200, 403]
        assert ask("prod") == 404
        assert sandbox.observations.checks == [("prj_shop", "prod"), ("prj_shop", "staging"), ("prj_shop", "prod")]


def test_only_a_question_that_is_answered_is_observed(client: Client, sandbox: Sandbox, tokens: dict[str, Any]) -> None:
    before = list(sandbox.observations.checks)

    assert client.api(f"{CHECK}?project_id=prj_shop", None, ORGANIZATION).status == 401
    assert client.api(f"{CHECK}?project_id=prj_shop", tokens["access_token"], ORGANIZATION).status == 401
    assert client.api(f"{CHECK}?project_id=prj_shop", tokens["id_token"]).status == 400
    assert client.api(f"{CHECK}?project_id=prj_none", tokens["id_token"], ORGANIZATION).status == 400
    assert sandbox.observations.checks == before


def test_what_is_not_there_is_not_found_and_no_json(client: Client, sandbox: Sandbox) -> None:
    answer = client.send(f"{sandbox.api_url}/api/v2/projects")

    assert answer.status == 404
    assert not answer.body.startswith("{")


def test_a_connection_without_a_handshake_ends_with_the_sandbox(sandbox_home: Path) -> None:
    """Browsers open connections in advance."""
    with running_sandbox(home=sandbox_home) as sandbox:
        early = socket.create_connection(("127.0.0.1", urlsplit(sandbox.api_url).port or 0), timeout=10)
        context = ssl.create_default_context(cafile=sandbox.ca_file)
        with urlopen(f"{sandbox.api_url}/.well-known/oauth-protected-resource", context=context) as answer:
            assert answer.status == 200  # so the sandbox has accepted the one before, too
    with early, suppress(ConnectionResetError):
        assert early.recv(1) == b""
