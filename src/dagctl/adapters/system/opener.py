"""Bringing up the person's own browser, where there is one that can be brought up."""

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
"""Browsers that would take over the terminal in which we wait."""

_GRACE = 0.8
"""Seconds within which a launcher that finds no browser has said so by its exit code."""


def open_quietly(url: str) -> bool:
    """Open `url` in the person's browser, without its chatter in the terminal and without waiting for its end.

    The choice is the standard library's (`webbrowser`), so `BROWSER` is honoured; `BROWSER=none` opens nothing. In WSL
    it is Windows' own browser, where `wslview` (from wslu) is installed to open it.

    Returns:
        Whether a browser is likely to come up.
    """
    chosen = os.environ.get("BROWSER", "")
    viewer = None if chosen else _windows_viewer(os.environ)
    if chosen.lower() == "none" or not (chosen or viewer or has_display(os.environ)):
        return False
    import webbrowser

    try:
        if viewer is not None:
            return _start([viewer, url])
        browser = webbrowser.get()
        if _name(browser) in _IN_THE_TERMINAL:
            return False
        if isinstance(browser, webbrowser.GenericBrowser):
            return _start([browser.name, *(argument.replace("%s", url) for argument in browser.args)])
        return browser.open(url)
    except (OSError, webbrowser.Error):
        return False


def how_without_browser(port: int, environ: Mapping[str, str] = os.environ, *, typed: bool = False) -> str:
    """What a person can do where no browser came up, as it depends on where this is.

    Args:
        port: the port on which the answer is awaited.
        typed: the answer can also be pasted in.
    """
    otherwise = _PASTE if typed else "or begin again with --no-browser and paste the answer in."
    if in_ssh(environ):
        return (
            "No browser was opened: this is an SSH session. To use the one on your own machine, run there\n"
            f"  ssh -L {port}:localhost:{port} HOST\n"
            f"HOST being this machine, and then open the address, {otherwise}"
        )
    if in_wsl(environ):
        return f"No browser was opened. Open the address in Windows, {otherwise}"
    if in_container(environ):
        return (
            f"No browser was opened: this is a container, and port {port} in it is out of a browser's reach\n"
            f"unless it is forwarded. Forward it and open the address, {otherwise}"
        )
    return f"No browser was opened. Open the address in one on this machine, {otherwise}"


_PASTE = (
    "or open it anywhere, sign in,\n"
    "and paste here the address that the browser ends at. It is all right if it shows no page there."
)


def _windows_viewer(environ: Mapping[str, str]) -> str | None:
    """In WSL, what opens the browser of Windows, which reaches WSL's loopback interface; None where there is none."""
    return shutil.which("wslview") if in_wsl(environ) else None


def _name(browser: BaseBrowser) -> str:
    return PurePath(str(browser.name)).name


def _start(command: list[str]) -> bool:
    # Not `browser.open`: it waits for what BROWSER names, and lets it print. In a session of its own, the
    # browser survives a Ctrl-C that is meant for us.
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
        process.returncode = 0  # it lives on without us, which is no leak to be warned of
        return True
