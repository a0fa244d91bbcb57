"""The round trip: listen, open, wait, show."""

from __future__ import annotations

import errno
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import pytest

from dagctl.adapters.system import listener
from dagctl.adapters.system.loopback import LoopbackBrowser
from dagctl.cli.cures import cure
from dagctl.domain.errors import PortTaken, SettingUnusable, SignInTimedOut
from dagctl.ports.browser import Page, Query, Visit

if TYPE_CHECKING:
    from tests.adapters.system.conftest import Response, SignIn

MakeBrowser = Callable[..., LoopbackBrowser]
Begin = Callable[[Visit], "SignIn"]

PATIENCE = 20.0
DONE = Page(True, "Signed in", "You are signed in to Acme.")
FAILED = Page(False, "Not signed in", "Acme is closed today.")


def anything(query: Query) -> bool:
    return True


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no ::1")


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Threads for browsers, which wait for their answers."""
    with ThreadPoolExecutor(24) as pool:
        yield pool


@pytest.mark.parametrize(("page", "status"), [(DONE, 200), (FAILED, 403)])
def test_the_answer_is_held_until_the_outcome_is_known(
    sign_in: SignIn, elsewhere: ThreadPoolExecutor, page: Page, status: int
) -> None:
    response = elsewhere.submit(sign_in.answer)
    assert sign_in.visit.wait(PATIENCE) == {"code": "the-code", "state": "good"}
    sign_in.visit.show(page)
    reply = response.result(PATIENCE)
    assert reply.status == status
    assert page.title in reply.text
    assert page.text in reply.text


def test_the_redirect_uri_is_the_registered_one(loopback: MakeBrowser) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with loopback(port=port).listen(anything) as visit:
        assert visit.redirect_uri == f"http://localhost:{port}/callback"


def test_the_default_port_is_the_one_that_the_platform_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dagctl.adapters.system.loopback.listening", lambda port, answer: nullcontext(port))
    with LoopbackBrowser(announce=print).listen(anything) as visit:
        assert visit.redirect_uri == "http://localhost:8080/callback"


@needs_ipv6
def test_ipv6_is_listened_on_too(sign_in: SignIn) -> None:
    assert sign_in.get("/", address="::1").status == 404
    assert sign_in.get("/callback", address="::1", host=f"[::1]:{sign_in.port}").status == 400


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the whole of 127.0.0.0/8")
def test_nothing_else_is_listened_on(sign_in: SignIn) -> None:
    with pytest.raises(ConnectionRefusedError):
        sign_in.connect("127.0.0.2")


def test_a_machine_without_ipv6(loopback: MakeBrowser, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    bind = listener._Server.server_bind

    def without_ipv6(server: listener._Server) -> None:
        if server.address_family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        bind(server)

    monkeypatch.setattr(listener._Server, "server_bind", without_ipv6)
    with loopback().listen(anything) as visit:
        assert begin(visit).get("/").status == 404


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, "127.0.0.1"),
        pytest.param(socket.AF_INET6, "::1", marks=needs_ipv6),
        (socket.AF_INET, "0.0.0.0"),
    ],
)
def test_a_port_that_is_taken_is_named(loopback: MakeBrowser, family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as caught, loopback(port=port).listen(anything):
            pass
    assert str(port) in caught.value.message
    assert "in use" in caught.value.message
    assert caught.value.port == port
    said = cure(caught.value) or ""
    assert "--no-browser" in said
    assert "--port" in said


def test_a_port_that_may_not_be_had_is_named(loopback: MakeBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(server: listener._Server) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(listener._Server, "server_bind", forbidden)
    with pytest.raises(PortTaken, match=r"Port 80 .*[Pp]ermission"), loopback(port=80).listen(anything):
        pass


def test_a_second_sign_in_right_after_the_first(loopback: MakeBrowser, begin: Begin) -> None:
    """The first one's connections are in TIME_WAIT then."""
    with loopback().listen(anything) as visit:
        port = begin(visit).port
        begin(visit).get("/")
    with loopback(port=port).listen(anything) as visit:
        assert begin(visit).get("/").status == 404


def test_two_sign_ins_at_once_do_not_share_a_port(loopback: MakeBrowser, sign_in: SignIn) -> None:
    with pytest.raises(PortTaken), loopback(port=sign_in.port).listen(anything):
        pass


def test_a_second_answer_while_the_first_is_dealt_with(sign_in: SignIn, elsewhere: ThreadPoolExecutor) -> None:
    first = elsewhere.submit(sign_in.answer)
    sign_in.visit.wait(PATIENCE)
    assert sign_in.answer(again="1").status == 409
    sign_in.visit.show(DONE)
    assert first.result(PATIENCE).status == 200


def test_of_many_answers_at_once_one_is_taken(sign_in: SignIn, elsewhere: ThreadPoolExecutor) -> None:
    replies: list[Future[Response]] = [elsewhere.submit(sign_in.answer) for _ in range(20)]
    sign_in.visit.wait(PATIENCE)
    done = as_completed(replies, timeout=PATIENCE)
    assert [next(done).result().status for _ in range(19)] == [409] * 19
    sign_in.visit.show(DONE)
    assert next(done).result().status == 200


def test_a_sign_in_that_ends_without_a_page(loopback: MakeBrowser, begin: Begin, elsewhere: ThreadPoolExecutor) -> None:
    with loopback().listen(anything) as visit:
        response = elsewhere.submit(begin(visit).answer)
        visit.wait(PATIENCE)
    assert response.result(PATIENCE).status == 403
    assert "did not finish; the terminal says why" in response.result().text


def test_only_the_first_page_counts(sign_in: SignIn, elsewhere: ThreadPoolExecutor) -> None:
    response = elsewhere.submit(sign_in.answer)
    sign_in.visit.wait(PATIENCE)
    sign_in.visit.show(FAILED)
    sign_in.visit.show(DONE)
    assert FAILED.text in response.result(PATIENCE).text


def test_a_browser_that_leaves_while_it_is_held(sign_in: SignIn) -> None:
    with sign_in.connect() as connection:
        connection.sendall(f"GET /callback?state=good HTTP/1.1\r\nHost: localhost:{sign_in.port}\r\n\r\n".encode())
        sign_in.visit.wait(PATIENCE)
    sign_in.visit.show(DONE)
    assert sign_in.get("/").status == 404


def test_nobody_comes(sign_in: SignIn) -> None:
    with pytest.raises(SignInTimedOut, match=r"0\.01 seconds") as caught:
        sign_in.visit.wait(0.01)
    assert "--timeout" in (cure(caught.value) or "")


def test_an_answer_after_the_time_is_up_is_told_so(
    loopback: MakeBrowser, begin: Begin, elsewhere: ThreadPoolExecutor
) -> None:
    handed_in = threading.Event()

    def accept(query: Query) -> bool:
        handed_in.set()
        return True

    with loopback().listen(accept) as visit:
        with pytest.raises(SignInTimedOut):
            visit.wait(0.01)
        response = elsewhere.submit(begin(visit).answer)
        assert handed_in.wait(PATIENCE)
    assert "did not finish" in response.result(PATIENCE).text


def test_a_countdown(loopback: MakeBrowser) -> None:
    seconds: list[float] = []
    with loopback(progress=seconds.append).listen(anything) as visit, pytest.raises(SignInTimedOut):
        visit.wait(1.2)
    assert len(seconds) == 2
    assert 0 < seconds[1] < seconds[0] <= 1.2


def test_the_listener_is_up_before_the_browser(
    loopback: MakeBrowser, announced: list[str], elsewhere: ThreadPoolExecutor
) -> None:
    """The opener makes the round trip itself, as a quick browser would."""
    replies: list[Future[str]] = []
    uri = ""

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def opener(url: str) -> bool:
        assert url == "https://issuer.example/authorize?x=1"
        replies.append(elsewhere.submit(lambda: direct.open(f"{uri}?code=c", timeout=PATIENCE).read().decode()))
        return True

    with loopback(opener=opener).listen(anything) as visit:
        uri = visit.redirect_uri
        visit.open("https://issuer.example/authorize?x=1")
        assert visit.wait(PATIENCE) == {"code": "c"}
        visit.show(DONE)
    assert DONE.text in replies[0].result(PATIENCE)
    assert len(announced) == 1
    assert "https://issuer.example/authorize?x=1" in announced[0]


def _fails(url: str) -> bool:
    raise OSError("no such browser")


@pytest.mark.parametrize("opener", [lambda url: False, _fails])
def test_no_browser_comes_up(
    loopback: MakeBrowser,
    begin: Begin,
    announced: list[str],
    monkeypatch: pytest.MonkeyPatch,
    opener: Callable[[str], bool],
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")
    with loopback(opener=opener).listen(anything) as visit:
        visit.open("https://issuer.example/")
        with pytest.raises(SignInTimedOut):
            visit.wait(0.01)
        port = begin(visit).port
    address, otherwise = announced
    assert "https://issuer.example/" in address
    assert f"ssh -L {port}:localhost:{port} " in otherwise
    assert "--no-browser" in otherwise


def test_an_opener_that_does_not_return_holds_nobody_up(
    loopback: MakeBrowser, begin: Begin, announced: list[str], elsewhere: ThreadPoolExecutor
) -> None:
    closed = threading.Event()
    try:
        with loopback(opener=lambda url: closed.wait(PATIENCE)).listen(anything) as visit:
            visit.open("https://issuer.example/")
            response = elsewhere.submit(begin(visit).answer)
            visit.wait(PATIENCE)
            visit.show(DONE)
            assert response.result(PATIENCE).status == 200
    finally:
        closed.set()
    assert len(announced) == 1
    for thread in threading.enumerate():
        if thread.name == "dagctl opener":
            thread.join()


def test_ctrl_c_while_an_answer_is_held(loopback: MakeBrowser, begin: Begin, elsewhere: ThreadPoolExecutor) -> None:
    replies: list[Future[Response]] = []

    def interrupted() -> None:
        with loopback().listen(anything) as visit:
            replies.append(elsewhere.submit(begin(visit).answer))
            visit.wait(PATIENCE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "did not finish" in replies[0].result(PATIENCE).text


def test_the_end_cuts_off_who_says_nothing(loopback: MakeBrowser, begin: Begin) -> None:
    with loopback().listen(anything) as visit:
        idle = [begin(visit).connect() for _ in range(10)]
        idle[0].sendall(b"GET /callback?co")
        assert begin(visit).get("/").status == 404
    for connection in idle:
        with connection, suppress(ConnectionResetError):  # where it had not been taken from the queue yet
            assert connection.recv(1) == b""


WAITING = """
import signal, socket
from dagctl.adapters.system.loopback import LoopbackBrowser
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born without it
with LoopbackBrowser(port=0, opener=lambda url: True, announce=print).listen(lambda query: True) as visit:
    port = int(visit.redirect_uri.split(":")[2].split("/")[0])
    idle = socket.create_connection(("127.0.0.1", port))
    print(port, flush=True)
    visit.wait(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_the_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert "KeyboardInterrupt" in errors
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused_at_once(port: int) -> None:
    with pytest.raises(SettingUnusable, match=f"port {port}"):
        LoopbackBrowser(port=port, announce=print)
