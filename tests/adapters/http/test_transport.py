"""What one exchange is like when all is well, and which way it goes."""

from __future__ import annotations

import logging
import os
import socket
import sys
from base64 import b64encode
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tests.adapters.http.conftest import HIDDEN, SECRETS, FarSide, World, hang_up, reply, send

from dagctl import __version__
from dagctl._cures import cure
from dagctl.adapters.http.proxies import way_to
from dagctl.adapters.http.transport import Limits
from dagctl.domain.errors import Malformed, PlatformError, Unreachable
from dagctl.domain.values.platform import ApiAccess, Platform

HOSTED = "https://api.example.test"


def test_a_request_says_who_asks_and_takes_no_encoding(world: World, far: FarSide) -> None:
    world.transport().get(f"{far.url}/path?query=1", {"X-More": "yes"})

    seen = far.seen[0]
    assert (seen.method, seen.target) == ("GET", "/path?query=1")
    assert seen.headers["user-agent"] == f"dagctl/{__version__}"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["x-more"] == "yes"
    assert "authorization" not in seen.headers


def test_a_form_is_url_encoded(world: World, far: FarSide) -> None:
    world.transport().post(far.url, {"a": "1 & 2", "b": "ü"})

    assert far.seen[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert far.seen[0].body == "a=1+%26+2&b=%C3%BC"


def test_one_connection_serves_several_exchanges(world: World, far: FarSide) -> None:
    transport = world.transport()

    for _ in range(3):
        transport.get(far.url)

    assert len(far.seen) == 3
    assert far.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_replaced(world: World, far: FarSide) -> None:
    transport = world.transport()
    far.script = send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", then=hang_up)
    transport.get(far.url)
    far.all_over()

    assert transport.get(far.url).body == b"{}"
    assert far.connections == 2


def test_a_second_answer_that_nobody_asked_for_is_nobodys(world: World, far: FarSide) -> None:
    transport = world.transport()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
    far.script = send(head % (2, b"{}") + head % (17, b'{"allowed": true}'))
    assert transport.get(far.url).body == b"{}"
    far.script = reply(200, {"allowed": False})

    assert transport.get(far.url).body == b'{"allowed": false}'


def test_a_forked_process_has_connections_of_its_own(
    world: World, far: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = world.transport()
    transport.get(far.url)
    monkeypatch.setattr(os, "getpid", lambda: 0)

    transport.get(far.url)

    assert far.connections == 2


@pytest.mark.parametrize(("failures", "attempts"), [(1, 2), (9, 2)])
def test_what_failed_before_anything_was_sent_is_tried_once_more(
    world: World, far: FarSide, monkeypatch: pytest.MonkeyPatch, failures: int, attempts: int
) -> None:
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def flaky(*args: Any, **options: Any) -> Any:
        asked.append(args)
        if len(asked) <= failures:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return look_up(*args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", flaky)

    if failures < attempts:
        assert world.transport().post(far.url, {}).status == 200
    else:
        with pytest.raises(Unreachable, match="does not resolve"):
            world.transport().post(far.url, {})
    assert len(asked) == attempts


@pytest.mark.skipif(sys.platform != "linux", reason="what a full backlog does differs elsewhere")
def test_a_host_that_drops_every_packet(world: World) -> None:
    """A full backlog, as a port behind a firewall does, never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        others = [socket.socket() for _ in range(8)]
        for other in others:
            other.setblocking(False)
            with suppress(BlockingIOError):
                other.connect(("127.0.0.1", port))
        try:
            with pytest.raises(Unreachable, match="within") as caught:
                world.transport(limits=Limits(connect=0.2, read=0.2, total=9)).get(f"https://127.0.0.1:{port}")
        finally:
            for other in others:
                other.close()

    assert f"127.0.0.1:{port}" in caught.value.message


def test_the_size_of_an_answer_has_a_bound(world: World, far: FarSide) -> None:
    transport = world.transport(limits=Limits(connect=20, total=40, size=1000))
    far.script = reply(200, b"x" * 1000)
    assert len(transport.get(far.url).body) == 1000
    far.script = reply(200, b"x" * 1001)

    with pytest.raises(Malformed, match="answers with more than"):
        transport.get(far.url)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Tue, 01 Jan 2030 12:00:00 GMT", datetime(2030, 1, 1, 12, tzinfo=timezone.utc)),
        ("Tue, 01 Jan 2030 12:00:00 +0100", datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=1)))),
        ("Tue, 01 Jan 2030 12:00:00 -0000", datetime(2030, 1, 1, 12, tzinfo=timezone.utc)),
        ("yesterday", None),
        ("Tue, 99 Jan 2030 12:00:00 GMT", None),
        (f"Tue, 01 Jan {10**30} 12:00:00 GMT", None),
        ("Tue, 01 Jan 2030 12:00:00 +9999", None),
        ("", None),
    ],
)
def test_the_servers_clock(world: World, far: FarSide, date: str, expected: datetime | None) -> None:
    far.script = reply(404, {}, Date=date)

    assert world.api().server_date(far.url) == expected
    assert "authorization" not in far.seen[0].headers


def test_logs_hold_no_secret(world: World, far: FarSide, caplog: pytest.LogCaptureFixture) -> None:
    place, access = Platform(far.url, far.host, "the-client"), ApiAccess(far.url, SECRETS["id token"], "org_1")
    api, identity = world.api(), world.identity()

    with caplog.at_level(logging.DEBUG):
        for status in (200, 400, 500):
            far.script = reply(status, {"allowed": True})
            for call in (
                lambda: api.protection(access, "prj_1", "prod"),
                lambda: identity.exchange(place, HIDDEN["code"], HIDDEN["verifier"], "http://localhost/callback"),
                lambda: identity.refresh(place, HIDDEN["refresh token"]),
                lambda: identity.revoke(place, HIDDEN["refresh token"]),
                lambda: identity.poll_device(place, HIDDEN["device code"]),
            ):
                with suppress(PlatformError):
                    call()

    assert "oauth/token" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS.values())


# proxies


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://upper:1"}, "http://upper:1"),
        ({"https_proxy": "http://lower:1"}, "http://lower:1"),
        ({"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"}, "http://lower:1"),
        ({"HTTPS_PROXY": "http://upper:1", "https_proxy": ""}, None),
        ({"ALL_PROXY": "http://all:1"}, "http://all:1"),
        ({"all_proxy": "http://all:1", "HTTPS_PROXY": "http://upper:1"}, "http://upper:1"),
        ({"HTTP_PROXY": "http://plain:1"}, None),
        ({"HTTPS_PROXY": "bare:1"}, "http://bare:1"),
        ({"HTTPS_PROXY": "http://upper:1", "NO_PROXY": "other.test"}, "http://upper:1"),
        ({"HTTPS_PROXY": "http://upper:1", "NO_PROXY": "example.test"}, None),
        ({"HTTPS_PROXY": "http://upper:1", "no_proxy": ".example.test,x"}, None),
        ({"HTTPS_PROXY": "http://upper:1", "no_proxy": "*"}, None),
        ({"HTTPS_PROXY": "http://upper:1", "no_proxy": "notexample.test"}, "http://upper:1"),
    ],
)
def test_the_proxy_of_the_environment(environ: dict[str, str], expected: str | None) -> None:
    assert way_to(f"{HOSTED}/path", environ)[0] == expected


@pytest.mark.parametrize("url", ["https://localhost:1/", "http://127.0.0.1:1/", "https://[::1]:1/"])
def test_there_is_no_proxy_to_the_loopback_interface(url: str) -> None:
    environ = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://proxy:1")

    assert way_to(url, environ) == (None, "")


def test_a_proxy_relays_but_does_not_see(world: World) -> None:
    far = world.serve(reply(200, []), tls=world.server_context("api.example.test"))
    way = world.proxy(far)
    api = world.api(world.transport(proxy=lambda url: way_to(url, {"HTTPS_PROXY": way.url})[0]))

    assert api.projects(ApiAccess(HOSTED, SECRETS["id token"])) == ()

    assert far.seen[0].headers["authorization"] == "Bearer secret-id-token"
    assert [(seen.method, seen.target) for seen in way.seen] == [("CONNECT", "api.example.test:443")]
    assert "authorization" not in way.seen[0].headers


def test_a_proxy_that_wants_to_know_who_asks(world: World) -> None:
    far = world.serve(tls=world.server_context("api.example.test"))
    way = world.proxy(far)
    proxy = f"http://ada:s%40crét@{way.host}"

    world.transport(proxy=lambda url: proxy).get(HOSTED)

    expected = b64encode("ada:s@crét".encode("latin-1")).decode()
    assert way.seen[0].headers["proxy-authorization"] == f"Basic {expected}"
    assert "proxy-authorization" not in far.seen[0].headers


def test_a_proxy_behind_tls(world: World) -> None:
    far = world.serve(tls=world.server_context("api.example.test"))
    inner = world.proxy(far)
    inner.context = world.server_context()

    assert inner.url.startswith("https:")
    assert world.transport(proxy=lambda url: inner.url).get(HOSTED).status == 200


def test_a_proxy_that_refuses(world: World) -> None:
    way = world.serve(reply(407, b"Who are you?"), tls=False)
    proxy = f"http://ada:hunter2@{way.host}"

    with pytest.raises(Unreachable, match=r"way to api\.example\.test .* password \(HTTP status 407\)") as caught:
        world.transport(proxy=lambda url: proxy).get(HOSTED)

    assert "hunter2" not in str(caught.value)
    assert "HTTPS_PROXY" in (cure(caught.value) or "")


def test_a_proxy_that_is_not_there(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(Unreachable, match=r"The proxy on the way to api\.example\.test .* refused"):
        world.transport(proxy=lambda url: f"http://localhost:{port}").get(HOSTED)


@pytest.mark.parametrize("proxy", ["socks5://ada:hunter2@localhost:1", "http://[ada:hunter2", "http://localhost:99999"])
def test_a_proxy_that_cannot_be(world: World, proxy: str) -> None:
    with pytest.raises(Unreachable, match=r"The proxy on the way to api\.example\.test") as caught:
        world.transport(proxy=lambda url: proxy).get(HOSTED)

    assert "hunter2" not in str(caught.value)
