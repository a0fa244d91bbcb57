"""The contract suites of `dagctl.adapters.contracts`, over this machine's adapters."""

from __future__ import annotations

import html
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from itertools import cycle
from threading import Thread
from urllib.parse import urlencode

from dagctl.adapters.contracts.browser import BrowserContract
from dagctl.adapters.contracts.clock import ClockContract
from dagctl.adapters.system.clock import SystemClock
from dagctl.adapters.system.loopback import LoopbackBrowser
from dagctl.adapters.system.pasted import PastedBrowser
from dagctl.ports.browser import Browser, Query
from dagctl.ports.clock import Clock

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Person:
    """Comes back to the redirect URI with each of the callbacks in turn, and reads what is answered."""

    def __init__(self, port: int, callbacks: Sequence[Query]) -> None:
        self._uri = f"http://localhost:{port}/callback"
        self._callbacks = callbacks
        self._visits: list[Thread] = []
        self._read = ""

    def open(self, url: str) -> bool:
        visit = Thread(target=self._come_back)
        self._visits.append(visit)
        visit.start()
        return True

    def seen(self) -> str:
        """The last page."""
        for visit in self._visits:
            visit.join()
        return self._read

    def _come_back(self) -> None:
        for callback in self._callbacks:
            try:
                with _open(f"{self._uri}?{urlencode(callback)}", timeout=60) as response:
                    self._read = response.read().decode()
            except urllib.error.HTTPError as refusal:
                with refusal:
                    self._read = refusal.read().decode()


class TestLoopbackBrowser(BrowserContract):
    person: Person

    def make(self, callbacks: Sequence[Query]) -> Browser:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.person = Person(port, callbacks)
        return LoopbackBrowser(port=port, opener=self.person.open, announce=print)

    def seen(self, browser: Browser) -> str:
        return html.unescape(self.person.seen())


class TestPastedBrowser(BrowserContract):
    def make(self, callbacks: Sequence[Query]) -> Browser:
        pasted = cycle(callbacks or [{}])
        return PastedBrowser(ask=lambda prompt, seconds: urlencode(next(pasted)), announce=print)

    def seen(self, browser: Browser) -> None:
        return None


class TestSystemClock(ClockContract):
    def make(self) -> Clock:
        return SystemClock()
