"""The real adapters pass the suites that their doubles pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import unescape
from threading import Event
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from dagctl.adapters.environment.tokens import EnvironmentTokenStore
from dagctl.adapters.files.context import FileContextStore
from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.system.clock import SystemClock
from dagctl.adapters.system.loopback import LoopbackBrowser
from dagctl.adapters.system.pasted import PastedBrowser
from dagctl.ports.browser import Browser, Query
from dagctl.ports.context_store import ContextStore
from dagctl.ports.token_store import TokenStore
from dagctl.testing import (
    BrowserContract,
    ClockContract,
    ContextStoreContract,
    CredentialStoreContract,
    GivenTokenStoreContract,
    TokenStoreContract,
)


class TestFileTokenStore(TokenStoreContract):
    def make(self) -> FileTokenStore:
        return FileTokenStore(self.folder)

    def make_impatient(self) -> FileTokenStore:
        return FileTokenStore(self.folder, patience=0.01)

    def again(self, store: TokenStore) -> FileTokenStore:
        return FileTokenStore(self.folder)


class TestEnvironmentTokenStore(GivenTokenStoreContract):
    def make(self) -> EnvironmentTokenStore:
        return EnvironmentTokenStore(
            {"DAGCTL_ACCESS_TOKEN": "secret-access-token", "DAGCTL_ID_TOKEN": "secret-id-token"}
        )


class TestFileContextStore(ContextStoreContract):
    def make(self) -> FileContextStore:
        return FileContextStore(self.folder)

    def again(self, store: ContextStore) -> FileContextStore:
        return FileContextStore(self.folder)


class TestFileCredentialStore(CredentialStoreContract):
    def make(self) -> FileCredentialStore:
        return FileCredentialStore(self.folder)


class TestSystemClock(ClockContract):
    def make(self) -> SystemClock:
        return SystemClock()


class _Person:
    """Somebody at a browser who is sent to the redirect URI with each of the callbacks."""

    def __init__(self, callbacks: Sequence[Query]) -> None:
        self.callbacks = callbacks
        self.redirect_uri = ""
        self.read = ""
        self.done = Event()

    def __call__(self, url: str) -> bool:
        opener = build_opener(ProxyHandler({}))
        for query in self.callbacks:
            try:
                with opener.open(f"{self.redirect_uri}?{urlencode(query)}", timeout=30) as page:
                    self.read = unescape(page.read().decode())
            except HTTPError as refusal:
                with refusal:
                    self.read = unescape(refusal.read().decode())
        self.done.set()
        return True


class _Watched:
    """A `LoopbackBrowser` that tells its person where it listens."""

    def __init__(self, callbacks: Sequence[Query]) -> None:
        self.person = _Person(callbacks)
        self._browser = LoopbackBrowser(port=0, opener=self.person, announce=lambda text: None)

    def listen(self, accept: Callable[[Query], bool]) -> Any:
        return _Told(self._browser.listen(accept), self.person)


class _Told:
    def __init__(self, visit: Any, person: _Person) -> None:
        self._visit = visit
        self._person = person

    def __enter__(self) -> Any:
        visit = self._visit.__enter__()
        self._person.redirect_uri = visit.redirect_uri
        return visit

    def __exit__(self, *error: Any) -> Any:
        return self._visit.__exit__(*error)


class TestLoopbackBrowser(BrowserContract):
    def make(self, callbacks: Sequence[Query]) -> Browser:
        return _Watched(callbacks)

    def seen(self, browser: Browser) -> str:
        person = cast("_Watched", browser).person
        assert person.done.wait(30)
        return person.read


class TestPastedBrowser(BrowserContract):
    def make(self, callbacks: Sequence[Query]) -> Browser:
        pasted = [f"http://localhost:8080/callback?{urlencode(query)}" for query in callbacks] * 2

        def ask(prompt: str) -> str:
            return pasted.pop(0) if pasted else ""

        return PastedBrowser(ask=ask, announce=lambda text: None)

    def seen(self, browser: Browser) -> None:
        return None
