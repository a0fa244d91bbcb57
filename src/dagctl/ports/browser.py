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
    """A `Query` of a code alone that the person has typed by hand: it came by no redirect, so it has no state.

    What comes over a network is never one, whatever is in it.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code=code)


@frozen
class Page:
    """What the person sees in the browser at the end.

    Attributes:
        ok: whether it went well.
        title: a few words.
        text: a sentence or two: what happened. Plain text; the adapter escapes it.
        next_step: a sentence or two: what to do next, where that is more than the adapter can say. Plain text too.
        problem: what went wrong, so that the adapter can say what to do about it.
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
        """Bring the person to `url`. It is always shown to them too, in case that no browser comes up."""

    def wait(self, timeout: float) -> Query:
        """The accepted answer's parameters.

        Raises:
            SignInTimedOut: none came within `timeout` seconds.
            SignInFailed: it has to be typed in, and what was typed in was never it.
            NeedsTerminal: it has to be typed in and there is no terminal.
        """

    def show(self, page: Page) -> None:
        """Answer the accepted callback with `page`. Without this the person is told that it failed."""


class Browser(Protocol):
    """Sends a person to the issuer and takes the answer."""

    def listen(self, accept: Callable[[Query], bool]) -> AbstractContextManager[Visit]:
        """Be ready for the issuer's answer before anything is opened; stop when the block ends.

        Only a callback for which `accept` is true ends the wait. Any other is turned away.

        Raises:
            PortTaken: the redirect URI's port is in use.
        """
