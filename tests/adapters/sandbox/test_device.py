"""The device grant (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dagctl.adapters.sandbox import Sandbox, SandboxOptions, running_sandbox

if TYPE_CHECKING:
    from tests.adapters.sandbox.conftest import Answer, Client

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Device:
    """A terminal without a browser."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.answer = client.post(
            "/oauth/device/code",
            client_id=client.sandbox.client_id,
            scope="openid offline_access",
            audience=client.sandbox.api_url,
        ).json

    def poll(self) -> Answer:
        """Ask for the tokens."""
        return self._client.post(
            "/oauth/token",
            grant_type=GRANT,
            client_id=self._client.sandbox.client_id,
            device_code=self.answer["device_code"],
        )

    def decide(self, decision: str = "allow", **changes: str) -> Answer:
        """What the person answers on the page."""
        form = {"user_code": self.answer["user_code"], "email": "ada@acme.example", "decision": decision}
        return self._client.post("/activate", **{**form, **changes})


@pytest.fixture
def device(client: Client) -> Device:
    """A device that has just begun."""
    return Device(client)


def test_a_device_is_told_what_to_show(device: Device, client: Client) -> None:
    found = device.answer

    assert found["verification_uri"] == f"{client.issuer}/activate"
    assert found["user_code"] in found["verification_uri_complete"]
    assert found["user_code"] in client.send(found["verification_uri_complete"]).body
    assert (found["interval"], found["expires_in"]) == (5, 600)


def test_tokens_come_once_the_person_has_agreed(device: Device, later: Callable[[float], None], client: Client) -> None:
    assert device.poll().json["error"] == "authorization_pending"
    assert device.decide().status == 200
    later(6)

    found = device.poll().json

    assert client.refresh(found["refresh_token"]).status == 200
    later(12)
    assert device.poll().json["error"] == "invalid_grant"  # once only


@pytest.mark.parametrize("write", [str.lower, lambda code: f" {code.replace('-', ' ')} "])
def test_the_code_may_be_written_as_people_do(device: Device, write: Callable[[str], str]) -> None:
    assert device.decide(user_code=write(device.answer["user_code"])).status == 200
    assert device.poll().status == 200


def test_a_refusal_reaches_the_device_and_is_final(device: Device) -> None:
    device.decide("deny")

    assert device.decide().status == 400
    assert device.poll().json["error"] == "access_denied"


def test_a_device_that_polls_too_fast_has_to_slow_down(device: Device, later: Callable[[float], None]) -> None:
    device.poll()
    assert device.poll().json["error"] == "slow_down"
    later(6)
    assert device.poll().json["error"] == "slow_down"  # the interval is ten seconds now
    later(22)
    assert device.poll().json["error"] == "authorization_pending"


def test_a_code_expires(device: Device, later: Callable[[float], None]) -> None:
    later(601)

    assert device.decide().status == 400
    assert device.poll().json["error"] == "expired_token"


def test_the_statuses_are_those_of_auth0(device: Device) -> None:
    assert [device.poll().status for _ in range(2)] == [403, 429]


def test_a_code_that_nobody_has_is_refused_on_the_page(device: Device) -> None:
    assert device.decide(user_code="AAAA-AAAA").status == 400


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"client_id": "somebody"}, 401, "invalid_client"),
        ({"client_id": "dagctl-sandbox", "audience": "https://elsewhere.example"}, 400, "invalid_request"),
        ({"client_id": "dagctl-sandbox", "scope": "email"}, 400, "invalid_scope"),
    ],
)
def test_a_request_that_is_not_in_order(client: Client, form: dict[str, str], status: int, code: str) -> None:
    standard = {"audience": client.sandbox.api_url, "scope": "openid"}
    answer = client.post("/oauth/device/code", **{**standard, **form})

    assert (answer.status, answer.json["error"]) == (status, code)


def test_a_client_without_the_grant_is_told_so(sandbox_home: Path, new_client: Callable[[Sandbox], Client]) -> None:
    with running_sandbox(SandboxOptions(device=False), home=sandbox_home) as sandbox:
        client = new_client(sandbox)
        discovered = client.send(f"{client.issuer}/.well-known/openid-configuration").json
        started = client.post("/oauth/device/code", client_id=sandbox.client_id, audience=sandbox.api_url)
        polled = client.post("/oauth/token", client_id=sandbox.client_id, grant_type=GRANT, device_code="x")

    assert "device_authorization_endpoint" not in discovered
    assert started.json["error"] == polled.json["error"] == "unauthorized_client"
