"""Bringing up the person's own browser, where there is one that can be brought up."""

from __future__ import annotations

import os
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

    The choice is the standard library's (`webbrowser`), so `BROWSER` is honoured; `BROWSER=none` opens nothing.

    Returns:
        Whether a browser is likely to come up.
    """
    if not _may_open(os.environ):
        return False
    import webbrowser

    try:
        browser = webbrowser.get()
        if _name(browser) in _IN_THE_TERMINAL:
            return False
        if isinstance(browser, webbrowser.GenericBrowser):
            return _start([browser.name, *(argument.replace("%s", url) for argument in browser.args)])
        return browser.open(url)
    except (OSError, webbrowser.Error):
        return False


def how_without_browser(port: int, environ: Mapping[str, str] = os.environ) -> str:
    """What a person can do where no browser came up, as it depends on where this is.

    Args:
        port: the port on which the answer is awaited.
    """
    otherwise = "or begin again with --no-browser and paste the answer in."
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


def _may_open(environ: Mapping[str, str]) -> bool:
    chosen = environ.get("BROWSER", "")
    return chosen.lower() != "none" if chosen else has_display(environ)


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
