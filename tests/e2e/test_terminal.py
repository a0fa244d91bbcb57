"""`dagctl auth login` on a real terminal where no browser comes up: over SSH, in a container, in WSL."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)

import pty

from attrs import define, field

from dagctl.adapters.sandbox.person import SignInPage, sign_in

if TYPE_CHECKING:
    from tests.conftest import Person

    from dagctl.adapters.sandbox import Sandbox

PROMPT = "Paste the address here, or wait"
SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}


@define
class Session:
    """A shell's worth of terminal with one program in it."""

    process: subprocess.Popen[bytes]
    master: int
    seen: str = field(default="", init=False)

    def until(self, text: str) -> str:
        """All that was shown, up to `text` at least."""
        while text not in self.seen:
            assert self._read(), f"the terminal never showed {text!r}:\n{self.seen}"
        return self.seen

    def to_the_end(self) -> tuple[int, str]:
        """The exit code, and all that was shown."""
        while self._read():
            pass
        return self.process.wait(30), self.seen

    def _read(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], 60)
        assert ready, f"the terminal is silent after:\n{self.seen}"
        try:
            data = os.read(self.master, 65536)
        except OSError:  # Linux' way to say that the other side is closed
            return False
        self.seen += data.decode().replace("\r\n", "\n")
        return bool(data)

    def types(self, text: str) -> None:
        os.write(self.master, text.encode())


IN_A_TERMINAL = """\
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)  # who runs the tests in the background has it ignored
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def log_in(sandbox: Sandbox, person: Person, callback_port: int) -> Iterator[Callable[..., Session]]:
    """Start `dagctl auth login` as the foreground job of a terminal of its own."""
    with ExitStack() as stack:

        def start(**environ: str) -> Session:
            login = [sys.executable, "-m", "dagctl", "auth", "login", "--org", "acme", "--api-url", sandbox.api_url]
            master, slave = pty.openpty()
            stack.callback(os.close, master)
            process = subprocess.Popen(
                [sys.executable, "-c", IN_A_TERMINAL, *login, "--port", str(callback_port)],
                env={**person.environ, **environ},
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
            )
            os.close(slave)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return Session(process, master)

        yield start


def signed_in_elsewhere(url: str, sandbox: Sandbox) -> str:
    """Where a browser on another machine ends: the listener is out of its reach."""
    return SignInPage(sandbox.ca_file).authorize(url)


def address_in(shown: str) -> str:
    found = re.search(r"^  (https://\S+)$", shown, re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("where", [{}, SSH, {"BROWSER": "none"}, {"WSL_DISTRO_NAME": "Debian"}, {"container": "oci"}])
def test_the_answer_is_pasted_in(
    log_in: Callable[..., Session],
    sandbox: Sandbox,
    home: Path,
    where: dict[str, str],
) -> None:
    session = log_in(**where)
    shown = session.until(PROMPT)
    assert "No browser opened" in shown
    assert ("ssh -L" in shown) is ("SSH_CONNECTION" in where)
    session.types(signed_in_elsewhere(address_in(shown), sandbox) + "\n")
    code, shown = session.to_the_end()
    assert code == 0
    assert "Signed in to acme as ada@acme.example.\n" in shown
    assert (home / "auth.json").exists()


def test_the_port_is_forwarded(log_in: Callable[..., Session], sandbox: Sandbox) -> None:
    """Nobody presses a key: the browser's answer gets here, and the program ends."""
    session = log_in(**SSH)
    page = sign_in(address_in(session.until(PROMPT)), ca_file=sandbox.ca_file)
    code, shown = session.to_the_end()
    assert code == 0
    assert "You are signed in to acme" in page
    assert "Ctrl-C ends it): \nSigned in to acme" in shown  # on a line of its own


def test_what_is_wrong_is_said_and_asked_for_again(log_in: Callable[..., Session], sandbox: Sandbox) -> None:
    session = log_in(**SSH)
    url = address_in(session.until(PROMPT))
    session.types(f"{url}\n")
    session.until("That is the address to open.")
    session.types(signed_in_elsewhere(url, sandbox) + "\n")
    assert session.to_the_end()[0] == 0


def test_ctrl_c_ends_it(log_in: Callable[..., Session], home: Path) -> None:
    session = log_in(**SSH)
    session.until(PROMPT)
    session.types("http://localhost:80\x03")
    code, shown = session.to_the_end()
    assert code == 130
    assert "Traceback" not in shown
    assert not (home / "auth.json").exists()


def test_ctrl_d_leaves_the_listener(log_in: Callable[..., Session]) -> None:
    session = log_in(**SSH)
    session.until(PROMPT)
    session.types("\x04")  # no more to type: the listener goes on alone
    assert session.process.poll() is None
    session.process.send_signal(signal.SIGINT)
    assert session.to_the_end()[0] == 130
