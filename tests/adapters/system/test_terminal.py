"""No browser came up: the listener and a terminal wait together, and whichever is first wins."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)

import pty

from attrs import define, field

from dagctl.adapters.system import terminal as module
from dagctl.adapters.system.loopback import LoopbackBrowser
from dagctl.adapters.system.terminal import Lines, Terminal
from dagctl.domain.errors import SignInTimedOut
from dagctl.ports.browser import Page, Query, Visit

if TYPE_CHECKING:
    from tests.adapters.system.conftest import Response, SignIn

PATIENCE = 20.0
GOOD = {"code": "the-code", "state": "good"}

MakeBrowser = Callable[..., LoopbackBrowser]
Begin = Callable[[Visit], "SignIn"]


def accept(query: Query) -> bool:
    return query.get("state") == "good"


@define
class Keyboard:
    """A person at a pseudo-terminal."""

    master: int
    slave: int
    prompts: list[str] = field(factory=list)
    prompted: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))

    @property
    def terminal(self) -> Terminal:
        return Terminal(self.slave, self._prompt)

    def _prompt(self, question: str) -> None:
        self.prompts.append(question)
        self.prompted.release()

    def types(self, text: str) -> None:
        """Type once a prompt is shown that has not been answered."""
        assert self.prompted.acquire(timeout=PATIENCE)
        os.write(self.master, text.encode())


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    master, slave = pty.openpty()
    yield Keyboard(master, slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def unopened(loopback: MakeBrowser, keyboard: Keyboard) -> Callable[..., LoopbackBrowser]:
    """A browser that does not come up, beside a terminal."""
    return lambda **more: loopback(opener=lambda url: False, terminal=keyboard.terminal, **more)


def test_the_answer_is_pasted_in(
    unopened: MakeBrowser, keyboard: Keyboard, begin: Begin, elsewhere: ThreadPoolExecutor
) -> None:
    with unopened().listen(accept) as visit:
        visit.open("https://issuer.example/")
        elsewhere.submit(keyboard.types, f"{visit.redirect_uri}?code=the-code&state=good\n")
        assert visit.wait(PATIENCE) == GOOD
        assert begin(visit).answer().status == 409
        visit.show(Page(True, "Signed in", "Well done."))


def test_the_answer_comes_to_the_listener_and_nobody_has_to_press_a_key(
    unopened: MakeBrowser, keyboard: Keyboard, begin: Begin, elsewhere: ThreadPoolExecutor
) -> None:
    with unopened().listen(accept) as visit:
        visit.open("https://issuer.example/")
        os.write(keyboard.master, b"http://localhost:8080/callb")  # half a line
        response = elsewhere.submit(begin(visit).answer)
        assert visit.wait(PATIENCE) == GOOD
        assert all(thread.name != "dagctl terminal" for thread in threading.enumerate())
        visit.show(Page(True, "Signed in", "Well done."))
        assert response.result(PATIENCE).status == 200


def test_something_else_is_explained_and_asked_for_again(
    unopened: MakeBrowser, keyboard: Keyboard, announced: list[str], elsewhere: ThreadPoolExecutor
) -> None:
    lines = ["\n", "the-code\n", "https://evil.example/callback?code=the-code&state=good\n", "?code=x&state=forged\n"]
    with unopened().listen(accept) as visit:
        visit.open("https://issuer.example/")
        for line in [*lines, "code=the-code&state=good\n"]:
            elsewhere.submit(keyboard.types, line)
        assert visit.wait(PATIENCE) == GOOD
    told = "".join(announced[2:])
    assert "You pasted nothing" in told
    assert told.count("Paste the whole address") == 2
    assert "another sign-in" in told
    assert "the-code" not in told
    assert len(keyboard.prompts) == len(lines) + 1


def test_the_person_is_told_both_ways(
    unopened: MakeBrowser, announced: list[str], begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")
    with unopened().listen(accept) as visit:
        visit.open("https://issuer.example/authorize")
        with pytest.raises(SignInTimedOut):
            visit.wait(0.01)
        port = begin(visit).port
    address, ways = announced
    assert "https://issuer.example/authorize" in address
    assert f"ssh -L {port}:localhost:{port} " in ways
    assert "paste here" in ways
    assert "--no-browser" not in ways


def test_no_countdown_is_written_over_the_prompt(unopened: MakeBrowser, keyboard: Keyboard) -> None:
    seconds: list[float] = []
    with unopened(progress=seconds.append).listen(accept) as visit:
        visit.open("https://issuer.example/")
        with pytest.raises(SignInTimedOut):
            visit.wait(1.2)
    assert seconds == []
    assert "up to 1 s" in keyboard.prompts[0]


def test_a_browser_that_fails_late(
    loopback: MakeBrowser, keyboard: Keyboard, announced: list[str], elsewhere: ThreadPoolExecutor
) -> None:
    late = threading.Event()

    def opener(url: str) -> bool:
        late.wait(PATIENCE)
        return False

    def ticking(left: float) -> None:
        late.set()

    browser = loopback(opener=opener, terminal=keyboard.terminal, progress=ticking)
    with browser.listen(accept) as visit:
        visit.open("https://issuer.example/")
        assert len(announced) == 1
        elsewhere.submit(keyboard.types, "code=the-code&state=good\n")
        assert visit.wait(PATIENCE) == GOOD
    assert len(announced) == 2


def test_a_browser_that_came_up_needs_no_prompt(
    loopback: MakeBrowser, keyboard: Keyboard, begin: Begin, elsewhere: ThreadPoolExecutor
) -> None:
    with loopback(terminal=keyboard.terminal).listen(accept) as visit:
        visit.open("https://issuer.example/")
        elsewhere.submit(begin(visit).answer)
        assert visit.wait(PATIENCE) == GOOD
        visit.show(Page(True, "Signed in", "Well done."))
    assert keyboard.prompts == []


def test_ctrl_d_leaves_the_listener(
    unopened: MakeBrowser, keyboard: Keyboard, begin: Begin, elsewhere: ThreadPoolExecutor
) -> None:
    def gone() -> None:
        keyboard.types("\x04")
        for thread in threading.enumerate():
            if thread.name == "dagctl terminal":
                with suppress(RuntimeError):  # it has not started yet
                    thread.join(PATIENCE)

    def answered(visit: Visit) -> Response:
        gone()
        return begin(visit).answer()

    with unopened().listen(accept) as visit:
        visit.open("https://issuer.example/")
        response = elsewhere.submit(answered, visit)
        assert visit.wait(PATIENCE) == GOOD
        visit.show(Page(True, "Signed in", "Well done."))
        assert response.result(PATIENCE).status == 200


def test_ctrl_c(unopened: MakeBrowser, keyboard: Keyboard, elsewhere: ThreadPoolExecutor) -> None:
    def interrupt() -> None:
        assert keyboard.prompted.acquire(timeout=PATIENCE)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with unopened().listen(accept) as visit:
            visit.open("https://issuer.example/")
            elsewhere.submit(interrupt)
            with pytest.raises(KeyboardInterrupt):
                visit.wait(PATIENCE)
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_the_background_the_shells_lines_are_left_alone(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    foreground = threading.Event()
    asked = threading.Event()

    def in_foreground(descriptor: int) -> bool:
        asked.set()
        return foreground.is_set()

    monkeypatch.setattr(module, "_in_foreground", in_foreground)
    monkeypatch.setattr(module, "_SECONDS_IN_THE_BACKGROUND", 0.01)
    taken: list[str] = []
    came = threading.Event()

    def take(line: str) -> None:
        taken.append(line)
        came.set()

    with keyboard.terminal.typing(take):
        os.write(keyboard.master, b"ls\n")
        assert asked.wait(PATIENCE)
        assert taken == []
        foreground.set()
        assert came.wait(PATIENCE)
    assert taken == ["ls"]


def test_a_terminal_that_controls_nobody_is_read(keyboard: Keyboard) -> None:
    assert module._in_foreground(keyboard.slave)


class TestLines:
    """Lines of a pipe, each within a time."""

    @pytest.fixture
    def pipe(self) -> Iterator[tuple[Lines, int]]:
        read, write = os.pipe()
        yield Lines(read), write
        os.close(read)
        with suppress(OSError):
            os.close(write)

    def test_what_comes_at_once_is_taken_one_by_one(self, pipe: tuple[Lines, int]) -> None:
        lines, write = pipe
        os.write(write, "one\ntwö\nhal".encode())
        assert [lines.next(PATIENCE), lines.next(0)] == ["one", "twö"]
        os.write(write, b"f\n")
        assert lines.next(PATIENCE) == "half"

    def test_none_comes_in_time(self, pipe: tuple[Lines, int]) -> None:
        lines, write = pipe
        os.write(write, b"no end of it")
        with pytest.raises(TimeoutError):
            lines.next(0.01)

    def test_none_will_come(self, pipe: tuple[Lines, int]) -> None:
        lines, write = pipe
        os.write(write, b"the last")
        os.close(write)
        assert lines.next(PATIENCE) == "the last"
        with pytest.raises(EOFError):
            lines.next(PATIENCE)
