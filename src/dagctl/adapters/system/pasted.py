"""A browser anywhere: the address is shown, and what comes back is pasted in. No port is needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from urllib.parse import unquote

from dagctl.adapters.system.listener import parameters
from dagctl.domain.errors import NeedsTerminal, SignInFailed, SignInTimedOut
from dagctl.ports.browser import Browser, Page, Query, TypedCode, Visit

TRIES = 5
"""How often a person may paste something else before it is called off."""


class PastedBrowser(Browser):
    """The `Browser` of a person who copies and pastes.

    They paste the address that their browser was sent to, or its query, or the code in it alone.

    Args:
        ask: shows a prompt, and returns the line that is typed within some seconds; raises `TimeoutError` where none
            is, and `EOFError` or `NeedsTerminal` where nobody is there.
        announce: shows text to the person.
        redirect_uri: what the issuer has registered.
    """

    def __init__(
        self,
        *,
        ask: Callable[[str, float], str],
        announce: Callable[[str], None],
        redirect_uri: str = "http://localhost:8080/callback",
    ) -> None:
        self._ask = ask
        self._announce = announce
        self._redirect_uri = redirect_uri

    @contextmanager
    def listen(self, accept: Callable[[Query], bool]) -> Iterator[Visit]:
        yield _PastedVisit(self._redirect_uri, accept, self._ask, self._announce)


_CODE = re.compile(r"[A-Za-z0-9._~+/=%-]{16,}")
"""What a code by itself looks like; words that somebody has typed do not."""


def answer_in(pasted: str, redirect_uri: str) -> Query | None:
    """The answer in what was pasted, whatever of the address was copied; None where none can be made out.

    An address other than the redirect URI is no answer (RFC 8252 section 8.10).
    """
    address, mark, query = pasted.strip().strip("'\"<>").partition("?")
    if mark and not redirect_uri.endswith(address):
        return None
    if not mark and _CODE.fullmatch(address.rstrip("#")) and "code=" not in address:
        return TypedCode(unquote(address.rstrip("#")))
    query = (query if mark else address).partition("#")[0]
    return parameters(query) if "=" in query else None


def what_is_wrong(pasted: str, redirect_uri: str) -> str:
    """Why what was pasted is not the answer, for the person who did."""
    query = answer_in(pasted, redirect_uri)
    if not pasted.strip():
        return "Nothing was pasted."
    if "code_challenge=" in pasted:
        return "That is the address to open. The one to paste is where the browser is after signing in."
    if query is not None and not isinstance(query, TypedCode) and "state" in query:
        return "That is the answer to another sign-in, or not all of it. Open the address above and use its answer."
    return f"The whole address is needed, or the code in it by itself; it begins with {redirect_uri}"


class _PastedVisit(Visit):
    def __init__(
        self,
        redirect_uri: str,
        accept: Callable[[Query], bool],
        ask: Callable[[str, float], str],
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
        end = monotonic() + timeout
        for _ in range(TRIES):
            answer = self._answer(end - monotonic(), timeout)
            if answer is not None:
                return answer
        raise SignInFailed(
            f"None of the {TRIES} pasted texts answers this sign-in, which has an address of its own: "
            "the answer to an earlier one does not count."
        )

    def show(self, page: Page) -> None:
        return None

    def _answer(self, left: float, timeout: float) -> Query | None:
        """What is pasted next, if it is the answer. Nothing is raised here once it has been: it may hold the code."""
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
                "The address that the browser ended at has to be pasted in, and there is no input."
            ) from None
