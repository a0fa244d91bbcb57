"""The system's browser, with a listener on the loopback interface for the answer (RFC 8252 section 7.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from http import HTTPStatus
from threading import Condition, Event, Thread
from time import monotonic

from attrs import define, evolve, field

from dagctl.adapters.system.listener import NOT_THE_ANSWER, PATH, Reply, listening
from dagctl.adapters.system.opener import how_without_browser, open_quietly
from dagctl.adapters.system.pasted import answer_in, what_is_wrong
from dagctl.adapters.system.terminal import Terminal
from dagctl.domain.errors import DagctlError, SettingUnusable, SignInCancelled, SignInTimedOut
from dagctl.ports.browser import Browser, Page, Query, Visit

_UNFINISHED = Page(False, "Not signed in", "The sign-in did not finish; the terminal says why.")
_ANSWERED = Page(
    False,
    "Already answered",
    "The terminal already has an answer to this sign-in.",
    "You can close this window; the terminal says how it ended.",
)
_OPENER_SECONDS = 1.0
"""How long to wait for a browser's start to fail."""


class LoopbackBrowser(Browser):
    """The `Browser` of this machine.

    Args:
        port: the callback's TCP port; 0 for any free one. The issuer must have registered the redirect URI with it.
        opener: opens a browser, in a thread; returns whether it could. None for the system's browser, or what
            `BROWSER` names.
        announce: shows text to the person: always the address, and what else to do if no browser opens.
        progress: called about once a second with the seconds left, except while a prompt is shown.
        terminal: lets the person paste the answer if no browser opens; None if nobody can type.
        advise: the cure for an error, for the last page.
        environ: the environment variables to use; None for this process's.

    Raises:
        SettingUnusable: the port is not a TCP port.
    """

    def __init__(
        self,
        *,
        port: int = 8080,
        opener: Callable[[str], bool] | None = None,
        announce: Callable[[str], None],
        progress: Callable[[float], None] | None = None,
        terminal: Terminal | None = None,
        advise: Callable[[DagctlError], str | None] = lambda error: None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if not 0 <= port < 65536:
            raise SettingUnusable(f"The browser's answer cannot arrive on port {port}: TCP ports end at 65535.")
        self._advise = advise
        self._port = port
        self._environ = environ
        self._opener = opener or partial(open_quietly, environ=environ)
        self._changed = Condition()
        self._cancelled = False
        self._announce = announce
        self._progress = progress
        self._terminal = terminal

    def cancel(self) -> None:
        """End the sign-in that waits with `SignInCancelled`, and free its port. Any thread may call this.

        A cancelled browser stays cancelled: use a new one for the next sign-in. If the person has answered already,
        the sign-in continues.
        """
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    @contextmanager
    def listen(self, accept: Callable[[Query], bool]) -> Iterator[Visit]:
        # on 127.0.0.1 and, if there is IPv6, on ::1 (RFC 8252 section 8.3)
        desk = _Desk(accept, self._changed, lambda: self._cancelled)
        desk.take(0.0)  # raises if the sign-in is cancelled already
        with listening(self._port, desk.answer) as port:
            try:
                yield _LoopbackVisit(
                    f"http://localhost:{port}{PATH}",
                    desk,
                    self._opener,
                    self._announce,
                    self._progress,
                    self._terminal,
                    self._advise,
                    partial(how_without_browser, port, self._environ, typed=self._terminal is not None),
                )
            finally:
                desk.show(_UNFINISHED)  # otherwise the thread that answers the browser would wait forever


@define(eq=False)
class _LoopbackVisit(Visit):
    redirect_uri: str
    _desk: _Desk
    _opener: Callable[[str], bool]
    _announce: Callable[[str], None]
    _progress: Callable[[float], None] | None
    _terminal: Terminal | None
    _advise: Callable[[DagctlError], str | None]
    _how_without: Callable[[], str]
    _failed: Event = field(factory=Event, init=False)

    def open(self, url: str) -> None:
        self._announce(f"Sign in with your browser. If it does not open by itself, open this address:\n\n  {url}\n")
        opening = Thread(target=self._bring_up, args=(url,), name="dagctl opener", daemon=True)
        opening.start()
        opening.join(_OPENER_SECONDS)  # most failures show by then; some openers return only when the browser exits

    def _bring_up(self, url: str) -> None:
        opened = False
        with suppress(Exception):  # whatever goes wrong, the person has the address
            opened = self._opener(url)
        if not opened:
            self._failed.set()

    def wait(self, timeout: float) -> Query:
        end = monotonic() + timeout
        progress = self._progress
        with ExitStack() as typing:
            while (left := end - monotonic()) > 0:
                if self._failed.is_set():
                    self._failed.clear()
                    self._announce(self._how_without())
                    if self._terminal is not None:
                        progress = None  # it would overwrite what the person types
                        typing.enter_context(self._typed(self._terminal, left))
                if progress is not None:
                    progress(left)
                query = self._desk.take(min(left, 1.0))
                if query is not None:
                    return query
        raise SignInTimedOut(f"The sign-in was not finished within {timeout:g} seconds.", timeout=timeout)

    def _typed(self, terminal: Terminal, left: float) -> AbstractContextManager[None]:
        """Ask the person for the answer while the listener waits for it too."""
        question = f"Paste the address here, or wait (up to {left:.0f} s, Ctrl-C ends it): "

        def take(line: str) -> None:
            query = answer_in(line, self.redirect_uri)
            if query is None or not self._desk.typed(query):
                self._announce(what_is_wrong(line, self.redirect_uri))
                terminal.prompt("Paste the address here, or wait: ")

        terminal.prompt(question)
        return terminal.typing(take)

    def show(self, page: Page) -> None:
        advice = self._advise(page.problem) if page.problem is not None else None
        closing = "You can close this window and go back to the terminal." if page.ok else "The terminal says more."
        self._desk.show(evolve(page, next_step=page.next_step or advice or closing))


@define(eq=False)
class _Desk:
    """Where a listener's thread delivers an answer and waits for the page to show in the browser."""

    _accept: Callable[[Query], bool]
    _changed: Condition
    _cancelled: Callable[[], bool]
    _query: Query | None = field(default=None, init=False, repr=False)  # holds the code
    _page: Page | None = field(default=None, init=False)

    def answer(self, query: Query) -> Reply:
        """Deliver a callback's parameters. The accepted one gets its reply once the sign-in has ended."""
        if not self._accept(query):
            return HTTPStatus.BAD_REQUEST, NOT_THE_ANSWER
        with self._changed:
            if self._query is not None:
                return HTTPStatus.CONFLICT, _ANSWERED
            self._query = query
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._page is not None)
            page = self._page or _UNFINISHED
        return (HTTPStatus.OK if page.ok else HTTPStatus.FORBIDDEN), page

    def typed(self, query: Query) -> bool:
        """Deliver parameters that the person typed. Returns whether they are an answer; the first answer counts."""
        if not self._accept(query):
            return False
        with self._changed:
            if self._query is None:
                self._query = query
                self._changed.notify_all()
        return True

    def take(self, seconds: float) -> Query | None:
        """The accepted parameters, or None if none came within `seconds`.

        Raises:
            SignInCancelled: somebody cancelled before one came.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._query is not None or self._cancelled(), seconds)
            if self._query is None and self._cancelled():
                raise SignInCancelled("The sign-in was cancelled.")
            return self._query

    def show(self, page: Page) -> None:
        """Answer the accepted callback. Only the first page counts."""
        with self._changed:
            if self._page is None:
                self._page = page
            self._changed.notify_all()
