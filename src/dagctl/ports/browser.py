"""The person's browser, as a round trip: listen, open, and get back the query that the issuer sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from attrs import frozen

from dagctl.domain.errors import DagctlError

Query = Mapping[str, str]
"""The parameters of a callback, each of them given once."""


class TypedCode(dict[str, str]):
    """A bare code that the person typed by hand: it came without a redirect, so it has no state.

    An adapter never makes one from anything that came over a network.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code=code)


@frozen
class Page:
    """What the person sees in the browser at the end.

    Attributes:
        ok: whether the sign-in succeeded.
        title: a few words.
        text: what happened, in a sentence or two. Plain text; the adapter escapes it.
        next_step: what to do next, in a sentence or two, if the adapter cannot tell by itself. Plain text too.
        problem: what went wrong, so that the adapter can name a cure.
    """

    ok: bool
    title: str
    text: str
    next_step: str = ""
    problem: DagctlError | None = None


class Visit(Protocol):
    """A listener that is up and waits for one answer."""

    redirect_uri: str
    """The redirect URI to send to the issuer."""

    def open(self, url: str) -> None:
        """Open `url` in the person's browser. Always show it as well, in case no browser opens."""

    def wait(self, timeout: float) -> Query:
        """The accepted answer's parameters.

        Raises:
            SignInTimedOut: none came within `timeout` seconds.
            SignInCancelled: the program that started the sign-in cancelled it.
            SignInFailed: the person had to type it, and never typed a valid one.
            NeedsTerminal: the person has to type it, and there is no terminal.
        """

    def show(self, page: Page) -> None:
        """Answer the accepted callback with `page`. Without this call, the browser shows a failure."""


class Browser(Protocol):
    """Sends a person to the issuer and receives the answer."""

    def listen(self, accept: Callable[[Query], bool]) -> AbstractContextManager[Visit]:
        """Start to listen for the issuer's answer, before the browser opens; stop when the block ends.

        Only a callback that `accept` approves ends the wait. The adapter rejects all others.

        Raises:
            PortTaken: the redirect URI's port is in use.
        """
