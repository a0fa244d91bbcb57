"""Sign in to an organization, through the browser (Authorization Code with PKCE).

dagctl keeps the tokens in ~/.dagctl/ and renews them by itself. If no browser opens (over SSH, in a container), sign in
with any other browser and paste the address that it ends at. --no-browser does just that and needs no port; --device
shows a code to enter on another device.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Annotated, NoReturn, TypedDict

from attrs import frozen

from dagctl.cli import records
from dagctl.cli.app import App
from dagctl.cli.showing import option_insecure, seconds, something, sourced, tcp_port
from dagctl.domain.values.context import Origin, Sourced
from dagctl.domain.values.text import printable
from dagctl.ports.browser import Browser, Page, Query, Visit

if TYPE_CHECKING:
    from dagctl.adapters.system.terminal import Terminal
    from dagctl.domain.services.login import SignedIn
    from dagctl.ports.identity_provider import DeviceCode


class Data(TypedDict):
    """Your new session."""

    organization: Annotated[records.Organization, "the organization"]
    user: Annotated[records.User, "who you are"]
    api_url: Annotated[str, "the platform's API"]
    pg_proxy: Annotated[records.Address | None, "where the state databases are; null if the platform does not say"]
    project: Annotated[records.Project | None, "the project that stays chosen from before; null if there is none"]
    expires_at: Annotated[datetime | None, "when the tokens expire unless dagctl renews them; null if they do not say"]


class BrowserEvent(TypedDict):
    """The person has to open an address in a browser. Without `--no-browser` dagctl tries to open it, too."""

    url: Annotated[str, "the address"]
    redirect_uri: Annotated[
        str,
        "where the browser goes after the sign-in. With `--no-browser`, write the whole address that it ends at to "
        "stdin, as one line",
    ]


class DeviceCodeEvent(TypedDict):
    """With `--device`: the person has to enter a code on any device."""

    verification_uri: Annotated[str, "the address to open"]
    verification_uri_complete: Annotated[str | None, "an address with the code in it; null if the issuer gives none"]
    user_code: Annotated[str, "the code"]
    expires_in_seconds: Annotated[int, "how long the code works"]


EVENTS: Mapping[str, type] = {"browser": BrowserEvent, "device_code": DeviceCodeEvent}
"""What a program hears of before the result."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--org", type=something, metavar="ORG", help="organization name or ID (required the first time)"
    )
    parser.add_argument(
        "--api-url",
        type=something,
        metavar="URL",
        help="API URL (default: the one you last signed in to, else https://api.dagctl.io)",
    )
    option_insecure(parser)
    parser.set_defaults(refuse=parser.error)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-browser", action="store_true", help="print the URL, and read the answer that you paste")
    how.add_argument("--device", action="store_true", help="show a code to enter on another device")
    parser.add_argument("--select-account", action="store_true", help="always have the issuer ask for the account")
    parser.add_argument(
        "--port", type=tcp_port, default=8080, metavar="N", help="port for the callback (default: 8080)"
    )
    parser.add_argument(
        "--timeout", type=seconds, default=300.0, metavar="S", help="how long to wait, in seconds (default: 300)"
    )


def run(args: Namespace, app: App) -> int:
    _require_somebody()
    client = app.connect(insecure=args.insecure)
    goal = client.destination(args.org, api_url=args.api_url)
    if goal.organization is None:
        refuse: Callable[[str], NoReturn] = args.refuse
        refuse("--org is required the first time that you sign in")
    app.say(f"Signing in to {_said(goal.organization)} at {_said(goal.api_url)}.")
    if args.device:
        signed_in = client.login_with_device(
            args.org, lambda code: _show_code(app, code), api_url=args.api_url, timeout=args.timeout
        )
    else:
        browser = _Announced(_pasted(app, args.port) if args.no_browser else _browser(app, args.port), app)
        signed_in = client.login(
            args.org, api_url=args.api_url, timeout=args.timeout, browser=browser, select_account=args.select_account
        )
    _show(app, signed_in)
    return 0


def _said(value: Sourced[str]) -> str:
    """A value, and where it comes from unless the person typed it just now."""
    return printable(value.value) if value.origin is Origin.CALLER else sourced(value).replace("  ", " ")


def _require_somebody() -> None:
    """Refuse to sign in in CI: there may be a terminal, but nobody watches it."""
    from dagctl.adapters.system.environment import is_ci
    from dagctl.domain.errors import NeedsTerminal

    if is_ci(os.environ) and os.environ.get("BROWSER", "none") in ("", "none"):
        raise NeedsTerminal("This is a CI job, so nobody can sign in.", in_ci=True)


def _show(app: App, signed_in: SignedIn) -> None:
    who, proxy = signed_in.identity, signed_in.proxy
    record = Data(
        organization=records.Organization(id=signed_in.organization.id, name=signed_in.organization.name),
        user=records.user(who),
        api_url=signed_in.platform.api_url,
        pg_proxy=records.Address(host=proxy.host, port=proxy.port) if proxy else None,
        project=records.project(signed_in.project, signed_in.project_id),
        expires_at=signed_in.expires_at,
    )
    app.show(record, f"Signed in to {signed_in.organization.name} as {who.email or who.subject}.")
    if proxy is None:
        app.warn(
            "no_pg_proxy",
            "the platform does not say where its PG proxy is, so dagctl derives the host from the API URL.",
        )
    if signed_in.project is None:
        app.say("Next: dagctl use-project PROJECT (dagctl projects lists them).")


def _show_code(app: App, code: DeviceCode) -> None:
    app.say(f"Open {code.verification_uri} on any device and enter the code {code.user_code}")
    if code.verification_uri_complete:
        app.say(f"or open {code.verification_uri_complete}")
    event = DeviceCodeEvent(
        verification_uri=code.verification_uri,
        verification_uri_complete=code.verification_uri_complete,
        user_code=code.user_code,
        expires_in_seconds=ceil(code.expires_in),
    )
    app.event("device_code", event)


@frozen
class _Announced(Browser):
    """A browser whose address a program gets as an event, before it is opened."""

    browser: Browser
    app: App

    @contextmanager
    def listen(self, accept: Callable[[Query], bool]) -> Iterator[Visit]:
        with self.browser.listen(accept) as visit:
            yield _AnnouncedVisit(visit, visit.redirect_uri, self.app)


@frozen
class _AnnouncedVisit(Visit):
    visit: Visit
    redirect_uri: str
    app: App

    def open(self, url: str) -> None:
        self.app.event("browser", BrowserEvent(url=url, redirect_uri=self.redirect_uri))
        self.visit.open(url)

    def wait(self, timeout: float) -> Query:
        return self.visit.wait(timeout)

    def show(self, page: Page) -> None:
        self.visit.show(page)


def _pasted(app: App, port: int) -> Browser:
    from dagctl.adapters.system.pasted import PastedBrowser

    return PastedBrowser(ask=_asking(app), announce=app.say, redirect_uri=f"http://localhost:{port}/callback")


def _asking(app: App) -> Callable[[str, float], str]:
    """Ask for a line within some seconds, or without a limit if the stream has no descriptor to wait for."""
    try:
        descriptor = app.stdin.fileno() if os.name == "posix" else None  # Windows waits for sockets only
    except OSError:  # an embedder's stream may have no descriptor
        descriptor = None
    if descriptor is None:
        return lambda question, seconds: app.ask(question)
    from dagctl.adapters.system.terminal import Lines

    lines = Lines(descriptor)

    def ask(question: str, seconds: float) -> str:
        app.prompt(question)
        return lines.next(seconds)

    return ask


def _browser(app: App, port: int) -> Browser:
    from dagctl.adapters.system.loopback import LoopbackBrowser
    from dagctl.domain.errors import NeedsTerminal

    if not (app.interactive or app.as_json or os.environ.get("BROWSER")):
        raise NeedsTerminal("There is no terminal, so nobody can sign in.")
    return LoopbackBrowser(
        port=port,
        announce=app.say,
        progress=app.countdown if app.interactive else None,
        terminal=_terminal(app) if app.interactive else None,
    )


def _terminal(app: App) -> Terminal | None:
    """Where the person can paste the answer while the listener waits for it, too."""
    if os.name != "posix":
        return None
    from dagctl.adapters.system.terminal import Terminal

    return Terminal(app.stdin.fileno(), app.prompt)
