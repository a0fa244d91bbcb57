"""The fault matrix: whatever the far side does, each call ends in one of its port's errors, in a sentence."""

from __future__ import annotations

import gzip
import json
import socket
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.adapters.http.conftest import (
    HIDDEN,
    SECRETS,
    FarSide,
    Script,
    Seen,
    World,
    hang_up,
    reply,
    reset,
    send,
    until_cut,
)
from tests.tracebacks import variables_of

from dagctl.adapters.http.transport import Limits, Transport
from dagctl.domain.errors import DagctlError, Malformed, PlatformError, Refused, Unreachable
from dagctl.domain.values.platform import ApiAccess, Platform

if TYPE_CHECKING:
    Call = Callable[["Client"], object]


class Client:
    """Both adapters over one transport, pointed at one far side."""

    def __init__(self, world: World, url: str, transport: Transport) -> None:
        host = url.partition("://")[2]
        self.place = Platform(url, host, "the-client")
        self.access = ApiAccess(url, SECRETS["id token"], "org_1")
        self.api = world.api(transport)
        self.identity = world.identity(transport)


API: dict[str, Call] = {
    "advertisement": lambda it: it.api.advertisement(it.place.api_url),
    "organization": lambda it: it.api.organization(it.access, "ada"),
    "state_proxy": lambda it: it.api.state_proxy(it.access),
    "projects": lambda it: it.api.projects(it.access),
    "protection": lambda it: it.api.protection(it.access, "prj_1", "prod"),
}
ISSUER: dict[str, Call] = {
    "endpoints": lambda it: it.identity.endpoints(it.place),
    "exchange": lambda it: it.identity.exchange(
        it.place, HIDDEN["code"], HIDDEN["verifier"], "http://localhost:8080/callback"
    ),
    "refresh": lambda it: it.identity.refresh(it.place, HIDDEN["refresh token"]),
    "revoke": lambda it: it.identity.revoke(it.place, HIDDEN["refresh token"]),
    "begin_device": lambda it: it.identity.begin_device(it.place),
    "poll_device": lambda it: it.identity.poll_device(it.place, HIDDEN["device code"]),
}
CALLS: dict[str, Call] = {**API, **ISSUER}

HEAD = b"HTTP/1.1 200 OK\r\n"
WHOLE = b'{"allowed": true}'


def endlessly(start: bytes, drop: bytes, pause: float = 0.0) -> Script:
    """`start`, and then `drop` again and again."""

    def script(wire: socket.socket, seen: Seen) -> None:
        wire.sendall(start)
        while True:
            wire.sendall(drop)
            time.sleep(pause)

    return script


TRANSPORT: dict[str, tuple[Script, type[PlatformError]]] = {
    "reset before the headers": (send(b"", then=reset), Unreachable),
    "closed before the headers": (send(b"", then=hang_up), Unreachable),
    "closed in the status line": (send(b"HTTP/1.1 20", then=hang_up), Malformed),
    "closed after the headers": (send(HEAD + b"Content-Length: 17\r\n\r\n", then=hang_up), Unreachable),
    "reset after the headers": (send(HEAD + b"Content-Length: 17\r\n\r\n", then=reset), Unreachable),
    "closed in the body": (send(HEAD + b"Content-Length: 17\r\n\r\n" + WHOLE[:9], then=hang_up), Unreachable),
    "closed in a body that seems whole": (
        send(HEAD + b"Content-Length: 18\r\n\r\n" + WHOLE, then=hang_up),
        Unreachable,
    ),
    "closed between chunks": (
        send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n11\r\n" + WHOLE + b"\r\n", then=hang_up),
        Unreachable,
    ),
    "chunks without a length": (
        send(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + WHOLE, then=hang_up),
        Unreachable,
    ),
    "two lengths": (
        send(HEAD + b"Content-Length: 17\r\nContent-Length: 5\r\n\r\n" + WHOLE, then=hang_up),
        Malformed,
    ),
    "not HTTP": (send(b"SSH-2.0-OpenSSH_9.9\r\n", then=hang_up), Malformed),
    "an unheard-of status": (send(b"HTTP/1.1 oh OK\r\n\r\n", then=hang_up), Malformed),
    "a body without end": (endlessly(HEAD + b"\r\n", b" " * 65536), Malformed),
    "a header without end": (endlessly(HEAD + b"X: ", b"y" * 65536), Malformed),
    "headers without end": (endlessly(HEAD, b"X: y\r\n" * 100), Malformed),
    "a gzip bomb": (reply(200, gzip.compress(b" " * (64 << 20)), Content_Encoding="gzip"), Malformed),
    "an encoding of nobody's": (reply(200, WHOLE, Content_Encoding="x-unheard-of"), Malformed),
}

SLOW: dict[str, Script] = {
    "silence": send(b"", then=until_cut),
    "silence after the headers": send(HEAD + b"Content-Length: 17\r\n\r\n", then=until_cut),
    "a trickle of headers": endlessly(HEAD, b"x", pause=0.02),
    "a trickle of a body": endlessly(HEAD + b"Content-Length: 100000\r\n\r\n", b" ", pause=0.02),
    "a trickle of chunks": endlessly(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", pause=0.02),
    "to be continued without end": endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.02),
}

PUBLIC = {"advertisement", "endpoints"}
"""Whose answers anybody may read."""

GIVEN = "secret-that-was-given"
TOKEN = b'{"allowed": true, "access_token": "%b"' % GIVEN.encode()

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "a web page": b"<!doctype html><title>Hello</title>",
    "half of it": TOKEN,
    "more behind it": TOKEN + b"}}",
    "single quotes": TOKEN.replace(b'"', b"'") + b"}",
    "a member twice": TOKEN + b', "allowed": true}',
    "NaN": TOKEN + b', "x": NaN}',
    "infinity": TOKEN + b', "x": -Infinity}',
    "a byte order mark": b"\xef\xbb\xbf" + TOKEN + b"}",
    "UTF-16": TOKEN.decode().encode("utf-16") + "}".encode("utf-16-le"),
    "not UTF-8": TOKEN + b', "x": "\xff"}',
    "nested deeply": b"[" * 500_000,
    "an object nested deeply": b'{"x":' * 100_000,
    "a number without end": TOKEN + b', "x": ' + b"9" * 100_000 + b"}",
    "more than there may be": TOKEN + b', "x": "' + b"y" * (1 << 20) + b'"}',
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a string": b'"%b"' % GIVEN.encode(),
    "wrong types": json.dumps(
        {
            **dict.fromkeys(("allowed", "onboarded"), "true"),
            **dict.fromkeys(("state_proxy", "organization", "projects"), 7),
            **dict.fromkeys(("resource", "issuer", "access_token", "id_token", "device_code"), 1.5),
        }
    ).encode(),
}

STATUSES = {201, 202, 204, 400, 401, 402, 403, 404, 405, 408, 409, 410, 418, 421, 429, 451, 500, 501, 502, 503, 504}
MEANT = {"advertisement": set(range(400, 500)), "state_proxy": {404}, "protection": {403, 404}, "endpoints": {404}}
"""Statuses that are no error: see the tests of these calls."""


def told(error: DagctlError, host: str = "localhost") -> str:
    """What a person is told: one sentence that names the host; and what no one may be told is nowhere."""
    text = f"{''.join(traceback.format_exception(error))}{vars(error)}{variables_of(error)}"
    assert not any(secret in text for secret in SECRETS.values())
    assert error.__suppress_context__ or error.__context__ is None
    assert error.message.isprintable()
    assert len(error.message) < 300
    assert error.message.endswith(".")
    assert host in error.message
    return error.message


@pytest.fixture
def client(world: World, far: FarSide) -> Client:
    return Client(world, far.url, world.transport())


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", TRANSPORT)
def test_a_broken_exchange(client: Client, far: FarSide, fault: str, call: str) -> None:
    far.script, kind = TRANSPORT[fault]

    with pytest.raises(PlatformError) as caught:
        CALLS[call](client)

    assert type(caught.value) is kind, told(caught.value)
    told(caught.value)
    again = kind is Unreachable and far.seen[0].method == "GET"
    assert len(far.seen) == (4 if again else 1), "what may have been processed is not sent again"


@pytest.mark.parametrize("fault", SLOW)
def test_an_exchange_that_does_not_come_to_an_end(world: World, far: FarSide, fault: str) -> None:
    far.script = SLOW[fault]
    client = Client(world, far.url, world.transport(limits=Limits(connect=10, read=0.5, total=1.5)))

    with ThreadPoolExecutor(len(CALLS)) as pool:
        asked = [pool.submit(call, client) for call in CALLS.values()]

    for outcome in (answer.exception() for answer in asked):
        assert isinstance(outcome, Unreachable)
        told(outcome)
    far.all_over()  # whoever gives up hangs up too


def test_an_endless_answer_through_a_proxy_behind_tls(world: World) -> None:
    far = world.serve(SLOW["a trickle of a body"], tls=world.server_context("api.example.test"))
    way = world.proxy(far)
    way.context = world.server_context()
    transport = world.transport(limits=Limits(connect=10, read=5, total=1.5), proxy=lambda url: way.url)
    with pytest.raises(Unreachable, match=r"did not finish its answer within 1\.5 seconds"):
        transport.get("https://api.example.test/")
    far.all_over()


def test_headers_cut_short(client: Client, far: FarSide) -> None:
    far.script = send(HEAD + b"Content-Le", then=hang_up)

    for call in CALLS.keys() - {"revoke"}:
        with pytest.raises(Malformed) as caught:
            CALLS[call](client)
        told(caught.value)


@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"revoke"}))
@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_means_nothing(client: Client, far: FarSide, body: str, call: str) -> None:
    far.script = reply(200, BODIES[body])

    with pytest.raises(Malformed) as caught:
        CALLS[call](client)

    told(caught.value)
    assert GIVEN not in f"{caught.value}{vars(caught.value)}"
    assert GIVEN not in variables_of(caught.value) or call in PUBLIC


def test_a_revocation_is_answered_by_its_status_alone(client: Client, far: FarSide) -> None:
    far.script = reply(200, b"whatever")

    CALLS["revoke"](client)

    assert "secret-refresh-token" in far.seen[0].body


@pytest.mark.parametrize(
    ("call", "status"), [(call, status) for call in CALLS for status in STATUSES - MEANT.get(call, set())]
)
def test_a_status_that_says_no(client: Client, far: FarSide, status: int, call: str) -> None:
    far.script = reply(status, b"" if status == 204 else WHOLE)

    with pytest.raises(Refused) as caught:
        CALLS[call](client)

    assert caught.value.host == far.host
    assert status == 401 or str(status) in caught.value.message or 300 <= status < 400
    told(caught.value)


@pytest.mark.parametrize("body", [b"", b"<h1>Bad gateway</h1>", b'{"message": 5}', b'{"error": []}', b"[" * 500_000])
@pytest.mark.parametrize("call", CALLS)
def test_a_refusal_without_a_reason(client: Client, far: FarSide, body: bytes, call: str) -> None:
    far.script = reply(502, body)

    with pytest.raises(Refused) as caught:
        CALLS[call](client)

    assert told(caught.value).endswith("HTTP status 502.")
    assert caught.value.code is None


@pytest.mark.parametrize("member", ["message", "error", "error_description"])
@pytest.mark.parametrize("call", CALLS)
def test_a_reason_is_shown_without_its_sting(client: Client, far: FarSide, member: str, call: str) -> None:
    far.script = reply(500, {member: "\x1b[31mNo.\r\nReally\u202e" + "y" * 10_000})

    with pytest.raises(Refused) as caught:
        CALLS[call](client)

    assert "No. Really y" in told(caught.value)


@pytest.mark.parametrize("status", [403, 500])
@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_repeats_what_it_got(client: Client, far: FarSide, status: int, call: str) -> None:
    def echo(wire: socket.socket, seen: Seen) -> None:
        said = f"{seen.headers.get('authorization')} {seen.body}"
        reply(status, {"message": said, "error": said, "error_description": said})(wire, seen)

    far.script = echo

    try:
        outcome = repr(CALLS[call](client))
    except Refused as error:
        outcome = told(error)

    assert not any(secret in outcome for secret in SECRETS.values())


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_not_followed(world: World, client: Client, far: FarSide, status: int, call: str) -> None:
    elsewhere = world.serve()
    far.script = reply(status, b"", Location=f"{elsewhere.url}/elsewhere")

    with pytest.raises(Refused, match="redirect, which dagctl does not follow") as caught:
        CALLS[call](client)

    told(caught.value)
    assert len(far.seen) == 1
    assert elsewhere.connections == 0


@pytest.mark.parametrize("call", CALLS)
def test_nobody_listens(world: World, call: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(Unreachable, match="refused") as caught:
        CALLS[call](Client(world, f"https://localhost:{port}", world.transport()))

    told(caught.value)


@pytest.mark.parametrize("call", CALLS)
def test_a_name_that_is_nobodys(world: World, call: str) -> None:
    with pytest.raises(Unreachable, match="does not resolve") as caught:
        CALLS[call](Client(world, "https://api.invalid", world.transport()))

    told(caught.value, "api.invalid")


@pytest.mark.parametrize("host", ["a..b", "localhost:99999", "localhost:abc", "[::1", "x" * 300, "a b", "h\u0000"])
@pytest.mark.parametrize("call", CALLS)
def test_a_name_that_cannot_be(world: World, host: str, call: str) -> None:
    with pytest.raises(PlatformError) as caught:
        CALLS[call](Client(world, f"https://{host}", world.transport()))

    assert type(caught.value) is Unreachable
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("call", API)
def test_nothing_is_sent_in_the_clear(world: World, call: str) -> None:
    with pytest.raises(Unreachable, match="in the clear") as caught:
        CALLS[call](Client(world, "http://api.example.com", world.transport()))

    told(caught.value, "api.example.com")


@pytest.mark.parametrize("token", ["two\nlines", "Ünïcode", "a space", "", "nul\0"])
@pytest.mark.parametrize("call", sorted(API.keys() - {"advertisement"}))
def test_a_token_that_is_none(world: World, far: FarSide, token: str, call: str) -> None:
    client = Client(world, far.url, world.transport())
    client.access = ApiAccess(far.url, token, "org_1")

    with pytest.raises(PlatformError) as caught:
        CALLS[call](client)

    assert not token or token not in str(caught.value)
    assert far.seen == []
