"""What is not the answer is turned away, and the wait goes on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dagctl.domain.errors import SignInTimedOut
from dagctl.ports.browser import Page

if TYPE_CHECKING:
    from tests.adapters.system.conftest import SignIn

GOOD = "/callback?code=the-code&state=good"


@pytest.fixture(autouse=True)
def the_wait_goes_on(sign_in: SignIn) -> Iterator[None]:
    """After every stray there has been no answer yet, and the true one is still taken."""
    yield
    with pytest.raises(SignInTimedOut):
        sign_in.visit.wait(0.01)
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(sign_in.answer)
        assert sign_in.visit.wait(20)["code"] == "the-code"
        sign_in.visit.show(Page(True, "Signed in", "Well done."))
        assert response.result().status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 404),
        ("/favicon.ico", 404),
        ("/callback/", 404),
        ("/callback/../callback?code=the-code&state=good", 404),
        ("/CALLBACK?code=the-code&state=good", 404),
        ("/%63allback?code=the-code&state=good", 404),
        ("/login?code=the-code&state=good", 404),
        ("http://localhost/callback?code=the-code&state=good", 404),
        ("http://[/callback?code=the-code&state=good", 404),
        ("*", 404),
        ("/callback", 400),
        ("/callback?", 400),
        ("/callback?code=the-code", 400),
        ("/callback?code=the-code&state=wrong", 400),
        ("/callback?code=the-code&state=good&state=good", 400),
        ("/callback?code=the-code&code=another&state=good", 400),
        ("/callback?state=wrong&state=good&code=the-code", 400),
        ("/callback?error=access_denied&state=wrong", 400),
        ("/callback#code=the-code&state=good", 404),
        ("/callback?" + "&".join(f"p{n}=1" for n in range(40)) + "&state=good", 400),
    ],
)
def test_other_addresses_and_other_answers(sign_in: SignIn, target: str, status: int) -> None:
    assert sign_in.get(target).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE", "BREW"])
def test_other_methods(sign_in: SignIn, method: str) -> None:
    response = sign_in.get(GOOD, method=method)
    assert response.status == 405
    assert response.headers["allow"] == "GET"


def test_head_gets_no_body(sign_in: SignIn) -> None:
    answered = sign_in.say(f"HEAD {GOOD} HTTP/1.1\r\nHost: localhost:{sign_in.port}\r\n\r\n".encode())
    assert answered.startswith(b"HTTP/1.1 405 ")
    assert answered.endswith(b"\r\n\r\n")


def test_a_form_post_of_the_answer(sign_in: SignIn) -> None:
    body = "code=the-code&state=good"
    answered = sign_in.say(
        f"POST /callback HTTP/1.1\r\nHost: localhost:{sign_in.port}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    assert answered.startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "localhost",
        "localhost:1",
        "localhost.evil.example:{port}",
        "127.0.0.1:{port}",
        "[::1]:{port}",
    ],
)
def test_a_name_that_was_made_to_point_here(sign_in: SignIn, host: str) -> None:
    assert sign_in.get(GOOD, host=host.format(port=sign_in.port)).status == 400


@pytest.mark.parametrize(
    "hosts", ["", "Host: localhost:{port}\r\nHost: localhost:{port}\r\n", "Host: evil\r\nHost: localhost:{port}\r\n"]
)
def test_no_host_or_several(sign_in: SignIn, hosts: str) -> None:
    lines = hosts.format(port=sign_in.port)
    assert sign_in.say(f"GET {GOOD} HTTP/1.1\r\n{lines}\r\n".encode()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /callback?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello in TLS\r\n\r\n", b"400"),
    ],
)
def test_what_is_hardly_http(sign_in: SignIn, data: bytes, status: bytes) -> None:
    answered = sign_in.say(data)
    if len(data) > 65536 and not answered:
        return  # more was sent than is read: the system may reset the connection under the answer
    assert answered.startswith(b"HTTP/1.1 " + status)


def test_http_0_9_is_not_taken(sign_in: SignIn) -> None:
    assert sign_in.say(f"GET {GOOD}\r\n\r\n".encode()).startswith(b"HTTP/1.1 400 ")


def test_every_reply_is_guarded(sign_in: SignIn) -> None:
    for reply in (sign_in.get("/"), sign_in.get("/callback"), sign_in.get(GOOD, method="POST")):
        assert reply.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "unsafe" not in reply.headers["content-security-policy"]
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "server" not in reply.headers


def test_nothing_of_the_query_is_shown(sign_in: SignIn) -> None:
    reply = sign_in.get("/callback?code=s3cret&state=<script>alert(1)</script>&error_description=boo")
    assert "s3cret" not in reply.text
    assert "<script" not in reply.text
    assert "boo" not in reply.text


def test_idle_connections_hold_nobody_up(sign_in: SignIn, request: pytest.FixtureRequest) -> None:
    for _ in range(50):
        request.addfinalizer(sign_in.connect().close)
    assert sign_in.get("/").status == 404


def test_an_idle_connection_is_closed(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagctl.adapters.system.listener._Handler.timeout", 0.05)
    with sign_in.connect() as connection:
        assert connection.recv(1) == b""


def test_a_request_that_never_ends_holds_nobody_up(sign_in: SignIn, request: pytest.FixtureRequest) -> None:
    for part in (b"G", b"GET /callback", b"GET / HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\nX: y\r\n"):
        connection = sign_in.connect()
        request.addfinalizer(connection.close)
        connection.sendall(part)
    assert sign_in.get("/").status == 404


def test_a_client_that_goes_away_in_the_middle(sign_in: SignIn) -> None:
    with sign_in.connect() as connection:
        connection.sendall(b"GET /callback?code=")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not a goodbye


def test_nothing_is_logged(sign_in: SignIn, capfd: pytest.CaptureFixture[str]) -> None:
    sign_in.get("/callback?code=the-code&state=wrong")
    sign_in.say(b"nonsense\r\n\r\n")
    assert capfd.readouterr() == ("", "")
