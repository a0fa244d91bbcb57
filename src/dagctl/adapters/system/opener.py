"""Opens the person's own browser, if there is one to open."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

from dagctl.adapters.system.environment import has_display, in_container, in_ssh, in_wsl

if TYPE_CHECKING:
    from webbrowser import BaseBrowser

_IN_THE_TERMINAL = frozenset({"elinks", "links", "links2", "lynx", "w3m", "www-browser"})
"""Browsers that would take over the terminal in which dagctl waits."""

_OF_SYSTEMS = ("windows-default", "macosx", "xdg-open", "gio", "x-www-browser", "firefox", "google-chrome", "chromium")
"""The names in `webbrowser` of each system's default browser, then of common ones."""

_GRACE = 0.8
"""Seconds for a launcher that finds no browser to exit with an error."""


def open_quietly(url: str, environ: Mapping[str, str] | None = None) -> bool:
    """Open `url` in the person's browser, without its output in the terminal and without waiting for it to exit.

    The standard library's `webbrowser` chooses it, and so honours `BROWSER`. `BROWSER=none` opens nothing. In WSL,
    `wslview` (from wslu), if installed, opens the browser of Windows.

    Args:
        environ: the environment variables that decide; None for this process's. The browser inherits this process's.

    Returns:
        Whether a browser is likely to open.
    """
    environ = os.environ if environ is None else environ
    chosen = environ.get("BROWSER", "")
    viewer = None
    if not chosen and in_wsl(environ):  # the browser of Windows reaches WSL's loopback interface
        viewer = shutil.which("wslview", path=environ.get("PATH", os.defpath))
    if chosen.lower() == "none" or not (chosen or viewer or has_display(environ)):
        return False
    import webbrowser

    try:
        if viewer is not None:
            return _start([viewer, url])
        browser = _browser(chosen)
        if PurePath(str(browser.name)).name in _IN_THE_TERMINAL:
            return False
        if isinstance(browser, webbrowser.GenericBrowser):
            return _start([browser.name, *(argument.replace("%s", url) for argument in browser.args)])
        return browser.open(url)
    except (OSError, webbrowser.Error):
        return False


def how_without_browser(port: int, environ: Mapping[str, str] | None = None, *, typed: bool = False) -> str:
    """What a person can do if no browser opened, depending on where this process runs.

    Args:
        port: the port that receives the answer.
        typed: the person can also paste the answer.
    """
    environ = os.environ if environ is None else environ
    otherwise = _PASTE if typed else "or start again with --no-browser and paste the answer."
    if in_ssh(environ):
        return (
            "No browser opened: this is an SSH session. To use the browser on your own machine, run this there:\n"
            f"  ssh -L {port}:localhost:{port} HOST\n"
            f"HOST is this machine. Then open the address, {otherwise}"
        )
    if in_wsl(environ):
        return f"No browser opened. Open the address in Windows, {otherwise}"
    if in_container(environ):
        return (
            f"No browser opened: this is a container, and a browser cannot reach its port {port}\n"
            f"unless you forward it. Forward it and open the address, {otherwise}"
        )
    return f"No browser opened. Open the address in a browser on this machine, {otherwise}"


_PASTE = (
    "or open it anywhere, sign in,\n"
    "and paste here the address that the browser ends up at. It does not matter if no page shows there."
)


def _browser(chosen: str) -> BaseBrowser:
    """The browser that `webbrowser` would choose if this process's `BROWSER` were `chosen`."""
    import webbrowser

    if chosen == os.environ.get("BROWSER", ""):
        return webbrowser.get()
    for name in chosen.split(os.pathsep) if chosen else _OF_SYSTEMS:
        try:
            return webbrowser.get(name)
        except webbrowser.Error:
            if chosen:  # `BROWSER` may be any command
                return webbrowser.GenericBrowser(name)
    raise webbrowser.Error("no browser is known")


def _start(command: list[str]) -> bool:
    # Not `browser.open`, which waits for the program in BROWSER and lets it print. In a session of its own, the
    # browser survives a Ctrl-C that is meant for dagctl.
    process = subprocess.Popen(  # noqa: S603 - no shell; the address is one argument
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(_GRACE) == 0
    except subprocess.TimeoutExpired:
        process.returncode = 0  # it keeps running, and Python need not warn about that
        return True
