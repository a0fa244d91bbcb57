"""What the log says of an exchange: method, host, path, status, size, time, the platform's ID of it, TLS and proxy."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.adapters.http.conftest import HIDDEN, SECRETS, FarSide, World, reply
from tests.adapters.http.test_second_tries import in_turn

from dagctl.adapters.http.api import HttpApiGateway
from dagctl.adapters.http.proxies import way_to
from dagctl.adapters.http.transport import Transport
from dagctl.adapters.http.trust import Trust
from dagctl.adapters.logged import Logged
from dagctl.domain.errors import CertificateRefused, Refused, Unreachable
from dagctl.domain.values.platform import ApiAccess, Platform

ALLOWED = reply(200, {"allowed": True}, X_Request_ID="req-1", Set_Cookie="session=secret-cookie")

Lines = Callable[[], str]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What has been logged; nothing of it holds a secret."""
    caplog.set_level(logging.DEBUG, "dagctl")

    def found() -> str:
        text = "\n".join(record.getMessage() for record in caplog.records if record.name == "dagctl")
        assert not [secret for secret in (*SECRETS.values(), "secret-cookie", "secret-proxy") if secret in text]
        return text

    return found


def logged_api(world: World, transport: Transport | None = None) -> Any:
    return Logged("api", world.api(transport))


def test_an_exchange(world: World, far: FarSide, access: ApiAccess, lines: Lines) -> None:
    far.script = ALLOWED
    assert logged_api(world).protection(access, "prj_1", "prod").allowed
    tls, exchange, call = lines().splitlines()
    assert tls == f"http connected to {far.host}: TLSv1.3, verified with the system's CA store ({world.ca_file})"
    where = f"{far.host}/api/v1/environment-protections/check"
    assert exchange.startswith(f"http GET {where} request_id=req-1 status=200 bytes=17 in ")
    assert " allowed=True request_id=req-1 ok in " in call
    assert "?" not in lines()


def test_a_connection_that_is_used_again_is_no_news(
    world: World, far: FarSide, access: ApiAccess, lines: Lines
) -> None:
    far.script = ALLOWED
    api = logged_api(world)
    for _ in range(3):
        api.protection(access, "prj_1", "prod")
    assert lines().count("http connected to ") == 1
    assert lines().count("http GET ") == 3


@pytest.mark.parametrize("header", ["X-Request-ID", "x-auth0-requestid"])
def test_the_request_of_a_refusal(world: World, far: FarSide, place: Platform, lines: Lines, header: str) -> None:
    far.script = reply(403, {"error": "invalid_grant"}, **{header.replace("-", "_"): "0a1b2c3d4e5f67890123"})
    identity: Any = Logged("identity", world.identity())
    with pytest.raises(Refused):
        identity.refresh(place, HIDDEN["refresh token"])
    *_, call = lines().splitlines()
    assert " request_id=0a1b2c3d4e5f67890123 Refused after " in call
    assert call.endswith("answers with HTTP status 403: invalid_grant.")


@pytest.mark.parametrize(
    "odd", [SECRETS["refresh token"], f"x-{SECRETS['refresh token']}", "a b", "<b>", "x" * 65, "", "\x1b[2J"]
)
def test_an_odd_request_id_is_left_out(world: World, far: FarSide, place: Platform, lines: Lines, odd: str) -> None:
    far.script = reply(400, {}, X_Request_ID=odd)
    identity: Any = Logged("identity", world.identity())
    with pytest.raises(Refused):
        identity.refresh(place, HIDDEN["refresh token"])
    assert " request_id=" not in lines()


def test_an_earlier_requests_id_is_not_taken_for_a_later_ones(
    world: World, far: FarSide, access: ApiAccess, lines: Lines
) -> None:
    far.script = in_turn(ALLOWED, reply(200, {"allowed": True}))
    api = logged_api(world)
    api.protection(access, "prj_1", "prod")
    api.protection(access, "prj_1", "prod")
    assert " request_id=" not in lines().splitlines()[-1]


def test_further_tries(world: World, far: FarSide, access: ApiAccess, lines: Lines) -> None:
    far.script = in_turn(reply(503), ALLOWED)
    logged_api(world).protection(access, "prj_1", "prod")
    first, second = [line for line in lines().splitlines() if line.startswith("http GET ")]
    assert " status=503 " in first
    assert first.endswith("; again in 0.5 s")
    assert " status=200 " in second
    assert "again" not in second


def test_a_certificate_that_is_refused(world: World, far: FarSide, access: ApiAccess, lines: Lines) -> None:
    with pytest.raises(CertificateRefused):
        logged_api(world, world.transport(trust=Trust())).protection(access, "prj_1", "prod")
    *_, exchange, call = lines().splitlines()
    assert exchange.startswith("http GET ")
    for line in (exchange, call):
        assert " CertificateRefused after " in line
        assert f"The TLS certificate of {far.host} is refused: " in line
    assert "http connected" not in lines()


def test_a_certificate_that_nobody_verified(world: World, far: FarSide, access: ApiAccess, lines: Lines) -> None:
    far.script = ALLOWED
    HttpApiGateway(world.transport(), insecure=True).protection(access, "prj_1", "prod")
    assert f"http connected to {far.host}: TLSv1.3, not verified" in lines()


def test_which_proxy(world: World, lines: Lines) -> None:
    far = world.serve(ALLOWED, tls=world.server_context("api.example.test"))
    way = world.proxy(far)
    environ = {"HTTPS_PROXY": way.url.replace("://", "://user:secret-proxy@")}
    transport = Transport(Trust(world.ca_file), way=lambda url: way_to(url, environ))
    access = ApiAccess("https://api.example.test", SECRETS["id token"], "org_1")
    logged_api(world, transport).protection(access, "prj_1", "prod")
    assert "http connected to api.example.test: TLSv1.3, verified with " in lines()
    assert ", through the proxy from HTTPS_PROXY\n" in lines()


def test_nobody_there(world: World, access: ApiAccess, lines: Lines) -> None:
    with pytest.raises(Unreachable):
        logged_api(world).projects(ApiAccess("https://localhost:1", SECRETS["id token"], "org_1"))
    assert "http GET localhost:1/api/v1/projects Unreachable after 0 ms: localhost:1 cannot be reached: " in lines()
