"""A browser anywhere: the address is shown, and what comes back is pasted in. No port is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagctl.adapters.system.listener import parameters
from dagctl.domain.errors import NeedsTerminal, SignInFailed
from dagctl.ports.browser import Page, Query, Visit

TRIES = 5
"""How often a person may paste something else before it is called off."""


class PastedBrowser:
    """The `Browser` of a person who copies and pastes.

    They paste the address that their browser was sent to, or its query; a bare code is offered as a query of
    nothing else, and it is for `accept` to say whether that will do.

    Args:
        ask: shows a prompt, and returns what was typed; raises `EOFError` or `NeedsTerminal` where nobody is there.
        announce: shows text to the person.
        redirect_uri: what the issuer has registered.
    """

    def __init__(
        self,
        *,
        ask: Callable[[str], str],
        announce: Callable[[str], None],
        redirect_uri: str = "http://localhost:8080/callback",
    ) -> None:
        self._ask = ask
        self._announce = announce
        self._redirect_uri = redirect_uri

    @contextmanager
    def listen(self, accept: Callable[[Query], bool]) -> Iterator[Visit]:
        """Nothing has to be listened on."""
        yield _PastedVisit(self._redirect_uri, accept, self._ask, self._announce)


def answer_in(pasted: str, redirect_uri: str) -> Query | None:
    """The parameters in what was pasted, whatever of the address was copied; None where none can be made out.

    An address other than the redirect URI is no answer (RFC 8252 section 8.10).
    """
    address, mark, query = pasted.strip().strip("'\"<>").partition("?")
    if mark and not redirect_uri.endswith(address):
        return None
    query = (query if mark else address).partition("#")[0]
    if not query:
        return None
    return parameters(query) if "=" in query else {"code": query}


def what_is_wrong(pasted: str, redirect_uri: str) -> str:
    """Why what was pasted is not the answer, for the person who did."""
    query = answer_in(pasted, redirect_uri)
    if not pasted.strip():
        return "Nothing was pasted."
    if "code_challenge=" in pasted:
        return "That is the address to open. The one to paste is where the browser is after signing in."
    if query is not None and "state" in query:
        return "That is the answer to another sign-in, or not all of it. Open the address above and use its answer."
    return f"The whole address is needed, with its code and its state; it begins with {redirect_uri}"


class _PastedVisit:
    def __init__(
        self,
        redirect_uri: str,
        accept: Callable[[Query], bool],
        ask: Callable[[str], str],
        announce: Callable[[str], None],
    ) -> None:
        self.redirect_uri = redirect_uri
        self._accept = accept
        self._ask = ask
        self._announce = announce

    def open(self, url: str) -> None:
        self._announce(
            f"Open this address in a browser on any machine, and sign in there:\n\n  {url}\n\n"
            f"That browser is then sent to {self.redirect_uri}?… and may say that it cannot connect.\n"
            "That is as it should be: copy the whole address from its address bar."
        )

    def wait(self, timeout: float) -> Query:
        """The answer that is pasted in.

        `timeout` is not heeded: there is a person at the keyboard, and Ctrl-C.

        Raises:
            SignInFailed: none of what was pasted is the answer.
            NeedsTerminal: there is nobody to paste anything.
        """
        for _ in range(TRIES):
            pasted = self._pasted()
            query = answer_in(pasted, self.redirect_uri)
            if query is not None and self._accept(query):
                return query
            self._announce(what_is_wrong(pasted, self.redirect_uri))
        raise SignInFailed(
            f"None of the {TRIES} pasted texts answers this sign-in.",
            hint="Begin again; each sign-in has an address of its own, and an earlier one's answer does not do.",
        )

    def show(self, page: Page) -> None:
        """Do nothing: there is no page to show it on, and the terminal says the same."""

    def _pasted(self) -> str:
        try:
            return self._ask("Paste the address here: ")
        except EOFError:
            raise NeedsTerminal(
                "The address that the browser ended at has to be pasted in, and there is no input.",
                hint="Run dagctl auth login --no-browser on a terminal.",
            ) from None
