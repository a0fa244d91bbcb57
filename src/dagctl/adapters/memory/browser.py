"""A browser with a person who answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import parse_qsl

from dagctl.adapters.platform_model.declared import DeclaredHere
from dagctl.domain.errors import PortTaken, Refused, SignInTimedOut
from dagctl.domain.values.platform import REDIRECT_URI
from dagctl.ports.browser import Browser, Page, Query, Visit

UNFINISHED = Page(False, "Not signed in", "The sign-in did not finish; the terminal says why.")


class SignInPage(Protocol):
    """A page where people sign in; a `MemoryPlatform` has one."""

    def authorize(
        self,
        url: str,
        *,
        email: str | None = None,
        deny: bool = False,
        cookies: MutableMapping[str, str] | None = None,
    ) -> str:
        """The address that the page at `url` sends the person to. It may change `cookies`, which are the browser's."""


class FollowingBrowser(DeclaredHere, Browser):
    """The `Browser` of a test: it opens an address, signs a person in there, and follows the redirect.

    It keeps the issuer's session: the next sign-in goes on as the same person, unless the request asks for another
    choice with `prompt`.

    Args:
        page: where the person signs in: a `MemoryPlatform`.
        email: who signs in; None for the person that the page suggests.
        deny: the person declines.
        idle: the person never comes back: they close the window, or leave it alone until the time is up.
        forgeries: callbacks that an attacker sends before the issuer's own arrives.
        redirect_uri: the redirect URI of its sign-ins.

    Attributes:
        opened: the addresses that it has opened.
        turned_away: the callbacks that the client did not accept.
        pages: the last page of each visit.
    """

    opened: list[str]
    turned_away: list[Query]
    pages: list[Page]

    def __init__(
        self,
        page: SignInPage,
        *,
        email: str | None = None,
        deny: bool = False,
        idle: bool = False,
        forgeries: Sequence[Query] = (),
        redirect_uri: str = REDIRECT_URI,
    ) -> None:
        self.opened = []
        self.turned_away = []
        self.pages = []
        self._page = page
        self._email = email
        self._deny = deny
        self._idle = idle
        self._forgeries = tuple(forgeries)
        self._redirect_uri = redirect_uri
        self._listening = False
        self._cookies: dict[str, str] = {}

    @contextmanager
    def listen(self, accept: Callable[[Query], bool]) -> Iterator[Visit]:
        if self._listening:
            raise PortTaken(f"Another sign-in is already listening on {self._redirect_uri}.")
        visit, self._listening = _Visit(self, accept), True
        try:
            yield visit
        finally:
            self._listening = False
            if visit.page or visit.answer is not None:
                self.pages.append(visit.page or UNFINISHED)

    def callbacks(self, url: str) -> Iterator[Query]:
        """The callbacks that arrive at the redirect URI after `url` is opened, in order."""
        self.opened.append(url)
        yield from self._forgeries
        if not self._idle:
            sent_to = self._page.authorize(url, email=self._email, deny=self._deny, cookies=self._cookies)
            address, _, query = sent_to.partition("?")
            if address == self._redirect_uri:
                yield dict(parse_qsl(query))


class _Visit(Visit):
    def __init__(self, browser: FollowingBrowser, accept: Callable[[Query], bool]) -> None:
        self.redirect_uri = browser._redirect_uri
        self.answer: Query | None = None
        self.page: Page | None = None
        self._browser = browser
        self._accept = accept
        self._dead_end = ""

    def open(self, url: str) -> None:
        try:
            for query in self._browser.callbacks(url):
                if self.answer is None and self._accept(query):
                    self.answer = query
                else:
                    self._browser.turned_away.append(query)
        except Refused as error:
            self._dead_end = f" The issuer's page said: {error.message}"

    def wait(self, timeout: float) -> Query:
        if self.answer is None:
            raise SignInTimedOut(f"The sign-in was not finished within {timeout:g} seconds.{self._dead_end}")
        return self.answer

    def show(self, page: Page) -> None:
        self.page = self.page or page
