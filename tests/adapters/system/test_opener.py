"""Which browser is opened, if any. Each case runs in a process of its own, as `webbrowser` remembers its choice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="BROWSER names a shell script here")

URL = "https://issuer.example/authorize?a=b&c=$(touch pwned);d='e' \"f\""
ASK = "import sys; from dagctl.adapters.system.opener import open_quietly; print(open_quietly(sys.argv[1]))"

Open = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def opening(tmp_path: Path) -> Open:
    """Open `URL` in a process with these environment variables only."""

    def run(**environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", ASK, URL],
            env={"PATH": str(tmp_path), **environ},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def browser(tmp_path: Path) -> Callable[..., str]:
    """Make a browser of a shell script that records what it is given, and makes noise."""

    def make(name: str = "browser", *, then: str = "exit 0") -> str:
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\necho noise\necho noise >&2\n{then}\n')
        script.chmod(0o755)
        return str(script)

    return make


def test_the_browser_of_the_environment_is_opened_without_noise(
    opening: Open, browser: Callable[..., str], tmp_path: Path
) -> None:
    done = opening(BROWSER=browser())
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert (tmp_path / "opened").read_text() == URL
    assert not (tmp_path / "pwned").exists()


def test_a_command_line_in_the_environment(opening: Open, browser: Callable[..., str], tmp_path: Path) -> None:
    assert opening(BROWSER=f"{browser()} %s").stdout == "True\n"
    assert (tmp_path / "opened").read_text() == URL


def test_a_browser_that_stays_is_not_waited_for(opening: Open, browser: Callable[..., str], tmp_path: Path) -> None:
    done = opening(BROWSER=browser(then=f"echo $$ > {tmp_path}/pid; exec /bin/sleep 600"))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_launcher_that_finds_no_browser(opening: Open, browser: Callable[..., str]) -> None:
    assert opening(BROWSER=browser(then="exit 3")).stdout == "False\n"


@pytest.mark.parametrize("chosen", ["none", "None", "/no/such/browser", "no-such-browser %s"])
def test_none_or_none_that_there_is(opening: Open, chosen: str) -> None:
    done = opening(BROWSER=chosen, DISPLAY=":0")
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize("name", ["w3m", "lynx", "links", "elinks", "www-browser"])
def test_a_browser_in_the_terminal_is_none(
    opening: Open, browser: Callable[..., str], tmp_path: Path, name: str
) -> None:
    assert opening(BROWSER=browser(name)).stdout == "False\n"
    assert opening(DISPLAY=":0", TERM="xterm").stdout == "False\n"
    assert not (tmp_path / "opened").exists()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has a display without saying so")
def test_no_display_no_browser(opening: Open, browser: Callable[..., str], tmp_path: Path) -> None:
    browser("xdg-open")
    assert opening().stdout == "False\n"
    assert not (tmp_path / "opened").exists()
    done = opening(DISPLAY=":0", XDG_CURRENT_DESKTOP="x")
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert (tmp_path / "opened").read_text() == URL


def test_in_wsl_the_browser_of_windows_comes_up(opening: Open, browser: Callable[..., str], tmp_path: Path) -> None:
    assert opening(WSL_DISTRO_NAME="Debian").stdout == "False\n"
    browser("wslview")
    assert opening(WSL_DISTRO_NAME="Debian").stdout == "True\n"
    assert (tmp_path / "opened").read_text() == URL


def test_in_wsl_too_none_is_none(opening: Open, browser: Callable[..., str], tmp_path: Path) -> None:
    browser("wslview")
    assert opening(WSL_DISTRO_NAME="Debian", BROWSER="none").stdout == "False\n"
    assert not (tmp_path / "opened").exists()
