"""A browser on any machine: dagctl shows the address, and the person pastes the answer. It needs no port."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from urllib.parse import unquote

from attrs import field, frozen

from dagctl.adapters.system.listener import parameters
from dagctl.domain.errors import NeedsTerminal, SignInFailed, SignInTimedOut
from dagctl.ports.browser import Browser, Page, Query, TypedCode, Visit

TRIES = 5
"""How many times a person may paste a wrong answer."""


@frozen(eq=False)
class PastedBrowser(Browser):
    """The `Browser` of a person who copies and pastes.

    They paste the address to which their browser was redirected, or its query, or just the code.

    Args:
        ask: shows a prompt, waits at most the given seconds, and returns the line that the person typed. It raises
            `TimeoutError` if there is none in time, and `EOFError` or `NeedsTerminal` if nobody can type.
        announce: shows text to the person.
        redirect_uri: the one that is registered with the issuer.
    """

    _ask: Callable[[str, float], str] = field(kw_only=True)
    _announce: Callable[[str], None] = field(kw_only=True)
    _redirect_uri: str = field(default="http://localhost:8080/callback", kw_only=True)

    @contextmanager
    def listen(self, accept: Callable[[Query], bool]) -> Iterator[Visit]:
        yield _PastedVisit(self._redirect_uri, accept, self._ask, self._announce)


_CODE = re.compile(r"[A-Za-z0-9._~+/=%-]{16,}")
"""What a bare code looks like, as opposed to words that somebody typed."""


def answer_in(pasted: str, redirect_uri: str) -> Query | None:
    """The answer in what the person pasted, even if it is only part of the address; None if there is none.

    An address other than the redirect URI is not an answer (RFC 8252 section 8.10).
    """
    address, mark, query = pasted.strip().strip("'\"<>").partition("?")
    if mark and not redirect_uri.endswith(address):  # its end will do: people miss the start when copying
        return None
    if not mark and _CODE.fullmatch(address.rstrip("#")) and "code=" not in address:
        return TypedCode(unquote(address.rstrip("#")))
    query = (query if mark else address).partition("#")[0]
    return parameters(query) if "=" in query else None


def what_is_wrong(pasted: str, redirect_uri: str) -> str:
    """Why the pasted text is not the answer, for the person who pasted it."""
    query = answer_in(pasted, redirect_uri)
    if not pasted.strip():
        return "You pasted nothing."
    if "code_challenge=" in pasted:
        return "That is the address to open. Paste the address that the browser shows after you sign in."
    if query is not None and not isinstance(query, TypedCode) and "state" in query:
        return "That answers another sign-in, or is incomplete. Open the address above and paste its answer."
    return f"Paste the whole address, which starts with {redirect_uri}, or just the code in it."


@frozen(eq=False)
class _PastedVisit(Visit):
    redirect_uri: str
    _accept: Callable[[Query], bool]
    _ask: Callable[[str, float], str]
    _announce: Callable[[str], None]

    def open(self, url: str) -> None:
        self._announce(
            f"Open this address in a browser on any machine, and sign in there:\n\n  {url}\n\n"
            f"The browser then goes to {self.redirect_uri}?… and may say that it cannot connect.\n"
            "That is fine: copy the whole address from its address bar."
        )

    def wait(self, timeout: float) -> Query:
        end = monotonic() + timeout
        for _ in range(TRIES):
            answer = self._answer(end - monotonic(), timeout)
            if answer is not None:
                return answer
        raise SignInFailed(
            f"None of the {TRIES} pasted texts answers this sign-in. Every sign-in has its own address, and an answer "
            "to an earlier one does not count."
        )

    def show(self, page: Page) -> None:
        """Nothing: the person's browser is elsewhere."""

    def _answer(self, left: float, timeout: float) -> Query | None:
        """What the person pastes next, if it is the answer. It then raises nothing: `pasted` may hold the code."""
        pasted = self._pasted(left, timeout)
        answer = answer_in(pasted, self.redirect_uri)
        if answer is not None and self._accept(answer):
            return answer
        self._announce(what_is_wrong(pasted, self.redirect_uri))
        return None

    def _pasted(self, left: float, timeout: float) -> str:
        try:
            return self._ask("Paste the address here: ", max(left, 0.0))
        except TimeoutError:
            raise SignInTimedOut(f"The sign-in was not finished within {timeout:g} seconds.", timeout=timeout) from None
        except EOFError:
            raise NeedsTerminal(
                "You need to paste the address that the browser ended up at, but there is no input."
            ) from None
