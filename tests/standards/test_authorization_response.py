"""RFC 6749 section 4.1.2, RFC 9207, RFC 8252 section 8.10, RFC 9700 section 4.11: which answers are taken."""

from __future__ import annotations

import hmac
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dagctl.adapters.system.loopback import LoopbackBrowser
from dagctl.domain.errors import SignInFailed, SignInTimedOut

if TYPE_CHECKING:
    from tests.standards.conftest import Parameters, Somebody, TwoHosts

PATIENCE = 60.0
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells in /proc who listens where")


@pytest.mark.parametrize("extra", [{"session_state": "x", "scope": "openid", "x": ""}, {"code": "c" * 4000}])
def test_what_is_not_known_is_ignored_and_a_code_may_be_long(
    somebody: Somebody, hosts: TwoHosts, extra: dict[str, str]
) -> None:
    hosts.callbacks = [lambda it: {**it, **extra}]
    somebody.signs_in()
    assert hosts.forms("/oauth/token")[0]["code"] == extra.get("code", "the-code")


ISSUERS: dict[str, Callable[[str], str | None]] = {
    "another": lambda issuer: "https://evil.example/",
    "none": lambda issuer: None,
    "an empty one": lambda issuer: "",
    "without its slash": lambda issuer: issuer.rstrip("/"),
    "with another slash": lambda issuer: f"{issuer}/",
    "in capitals": lambda issuer: issuer.upper(),
    "percent-encoded": lambda issuer: issuer.replace("localhost", "%6cocalhost"),
    "with a query": lambda issuer: f"{issuer}?",
    "with a blank": lambda issuer: f"{issuer} ",
    "without its port": lambda issuer: "https://localhost/",
    "over http": lambda issuer: issuer.replace("https:", "http:"),
}


@pytest.mark.parametrize("kind", ["a code", "an error"])
@pytest.mark.parametrize("issuer", ISSUERS)
def test_an_answer_of_another_issuer_is_believed_in_nothing(
    somebody: Somebody, hosts: TwoHosts, issuer: str, kind: str
) -> None:
    error = {"code": None, "error": "access_denied", "error_description": "Call this number."}

    def forged(it: Parameters) -> Parameters:
        return {**it, **(error if kind == "an error" else {}), "iss": ISSUERS[issuer](it["iss"])}

    hosts.callbacks = [forged]
    with pytest.raises(SignInTimedOut) as caught:
        somebody.signs_in()
    assert "Call this number" not in str(caught.value)
    assert somebody.browser.pages == []
    assert hosts.forms("/oauth/token") == []
    assert somebody.kept() == ""


def test_whether_the_issuer_names_itself_is_known_for_each_sign_in(somebody: Somebody, hosts: TwoHosts) -> None:
    hosts.callbacks = [lambda it: {**it, "iss": None}]
    hosts.announced = {"authorization_response_iss_parameter_supported": False}
    somebody.signs_in()
    hosts.announced = {}
    with pytest.raises(SignInTimedOut):
        somebody.signs_in()
    assert len(hosts.forms("/oauth/token")) == 1


def test_forged_answers_leave_the_sign_in_to_the_true_one(somebody: Somebody, hosts: TwoHosts) -> None:
    hosts.callbacks = [
        lambda it: {**it, "iss": "https://evil.example/"},
        lambda it: {**it, "state": "guessed", "code": "forged"},
        lambda it: {"error": "access_denied", "state": None},
        dict,
        lambda it: {**it, "code": "late"},
    ]
    somebody.signs_in()
    assert [form["code"] for form in hosts.forms("/oauth/token")] == ["the-code"]
    assert len(somebody.browser.turned_away) == 4


def test_states_are_compared_in_a_time_that_tells_nothing(
    somebody: Somebody, hosts: TwoHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    hosts.callbacks = [lambda it: {**it, "state": "guessed"}, dict]
    somebody.signs_in()
    assert [one for one, _ in compared] == [b"guessed", somebody.asked()["state"].encode()]
    assert {other for _, other in compared} == {somebody.asked()["state"].encode()}


def test_an_error_of_the_issuers_own_is_an_end(somebody: Somebody, hosts: TwoHosts) -> None:
    hosts.callbacks = [lambda it: {**it, "code": None, "error": "access_denied"}]
    with pytest.raises(SignInFailed, match="access_denied"):
        somebody.signs_in()
    assert hosts.forms("/oauth/token") == []


# the listener


def _get(port: int, target: str) -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", target, headers={"Host": f"localhost:{port}"})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read().decode()
    finally:
        connection.close()


ELSEWHERE = "https%3A%2F%2Fevil.example%2F"


@pytest.mark.parametrize(
    "target",
    [
        f"/callback?redirect_to={ELSEWHERE}",
        f"/callback?code=c&state=wrong&redirect_uri={ELSEWHERE}&next={ELSEWHERE}",
        f"/redirect?url={ELSEWHERE}",
        "//evil.example/callback",
        "/callback//evil.example/..",
        "/https://evil.example/",
        "/callback/",
    ],
)
def test_nobody_is_sent_on_from_the_listener(target: str) -> None:
    with LoopbackBrowser(port=0, announce=print).listen(lambda query: query.get("state") == "good") as visit:
        port = int(visit.redirect_uri.split(":")[2].split("/")[0])
        status, headers, page = _get(port, target)
    assert 400 <= status < 500
    assert not {"location", "refresh"} & headers.keys()
    assert "evil.example" not in page
    assert "http-equiv" not in page


def _listening(port: int) -> set[str]:
    """The addresses on which this process listens on a port, as the kernel writes them."""
    ours = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that reads the folder
            ours.add(os.readlink(entry))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == "0A" and int(number, 16) == port and f"socket:[{fields[9]}]" in ours:
                found.add(address)
    return found


LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
"""127.0.0.1 and ::1."""


@LINUX
def test_it_listens_on_the_loopback_interface_alone_and_only_for_a_sign_in() -> None:
    with LoopbackBrowser(port=0, announce=print).listen(lambda query: True) as visit:
        port = int(visit.redirect_uri.split(":")[2].split("/")[0])
        addresses = _listening(port)
    assert addresses
    assert addresses <= LOOPBACK
    assert _listening(port) == set()
