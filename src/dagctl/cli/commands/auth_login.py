"""Sign in to an organization, through the browser (Authorization Code with PKCE).

Tokens are kept in ~/.dagctl/ and renew themselves. Where no browser comes up (over SSH, in a container), the address
that another browser was sent to can be pasted in; --no-browser asks for just that and needs no port, and --device
shows a code to enter elsewhere.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from dagctl.cli.app import App
from dagctl.cli.showing import moment, option_insecure, seconds, something, sourced, tcp_port
from dagctl.domain.values.context import Origin, Sourced
from dagctl.domain.values.text import printable

if TYPE_CHECKING:
    from dagctl.adapters.system.terminal import Terminal
    from dagctl.domain.services.login import SignedIn
    from dagctl.ports.browser import Browser
    from dagctl.ports.identity_provider import DeviceCode


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--org", type=something, metavar="ORG", help="organization name or ID (required where none is known here yet)"
    )
    parser.add_argument(
        "--api-url",
        type=something,
        metavar="URL",
        help="API URL (default: where you signed in last, else https://api.dagctl.io)",
    )
    option_insecure(parser)
    parser.set_defaults(refuse=parser.error)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-browser", action="store_true", help="print the URL, take the answer pasted back")
    how.add_argument("--device", action="store_true", help="show a code to enter on another device")
    parser.add_argument("--select-account", action="store_true", help="have the issuer ask which account, in any case")
    parser.add_argument("--port", type=tcp_port, default=8080, metavar="N", help="port of the callback (default: 8080)")
    parser.add_argument("--timeout", type=seconds, default=300.0, metavar="S", help="seconds to wait (default: 300)")


def run(args: Namespace, app: App) -> int:
    return login(
        app,
        organization=args.org,
        api_url=args.api_url,
        insecure=args.insecure,
        no_browser=args.no_browser,
        device=args.device,
        select_account=args.select_account,
        port=args.port,
        timeout=args.timeout,
        refuse=args.refuse,
    )


def login(
    app: App,
    *,
    organization: str | None,
    api_url: str | None,
    insecure: bool,
    no_browser: bool,
    device: bool,
    select_account: bool,
    port: int,
    timeout: float,
    refuse: Callable[[str], NoReturn],
) -> int:
    """Sign in, by the way that was chosen."""
    _require_somebody()
    client = app.connect(insecure=insecure)
    goal = client.destination(organization, api_url=api_url)
    if goal.organization is None:
        refuse("--org is required: no organization is known here yet")
    app.say(f"Signing in to {_said(goal.organization)} at {_said(goal.api_url)}.")
    if device:
        signed_in = client.login_with_device(
            organization, lambda code: _show_code(app, code), api_url=api_url, timeout=timeout
        )
    else:
        browser = _pasted(app, port) if no_browser else _browser(app, port)
        signed_in = client.login(
            organization, api_url=api_url, timeout=timeout, browser=browser, select_account=select_account
        )
    _show(app, signed_in)
    return 0


def _said(value: Sourced[str]) -> str:
    """A value, and where it is from unless it was typed just now."""
    return printable(value.value) if value.origin is Origin.CALLER else sourced(value).replace("  ", " ")


def _require_somebody() -> None:
    """In CI there may be a terminal, but nobody watches it."""
    from dagctl.adapters.system.environment import is_ci
    from dagctl.domain.errors import NeedsTerminal

    if is_ci(os.environ) and os.environ.get("BROWSER", "none") in ("", "none"):
        raise NeedsTerminal("This is a CI job, so nobody can sign in.", in_ci=True)


def _show(app: App, signed_in: SignedIn) -> None:
    who = signed_in.identity.email or signed_in.identity.subject
    proxy = f"{signed_in.proxy.host}:{signed_in.proxy.port}" if signed_in.proxy else None
    record = {
        "organization": signed_in.organization.name,
        "organization_id": signed_in.organization.id,
        "identity": who,
        "api_url": signed_in.platform.api_url,
        "pg_proxy": proxy,
        "project": signed_in.project,
        "expires_at": moment(signed_in.expires_at),
    }
    app.show(record, f"Signed in to {signed_in.organization.name} as {who}.")
    if proxy is None:
        app.say("The platform did not say where its PG proxy is; its host is derived from the API URL.")
    if signed_in.project is None:
        app.say("Next: dagctl use-project PROJECT (dagctl projects lists them).")


def _show_code(app: App, code: DeviceCode) -> None:
    app.say(f"Open {code.verification_uri} on any device and enter the code {code.user_code}")
    if code.verification_uri_complete:
        app.say(f"or open {code.verification_uri_complete}")


def _pasted(app: App, port: int) -> Browser:
    from dagctl.adapters.system.pasted import PastedBrowser

    return PastedBrowser(ask=_asking(app), announce=app.say, redirect_uri=f"http://localhost:{port}/callback")


def _asking(app: App) -> Callable[[str, float], str]:
    """Ask for a line that has to come in time; where there is no waiting for one, in any time."""
    try:
        descriptor = app.stdin.fileno() if os.name == "posix" else None
    except OSError:  # a stream of somebody who embeds us
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

    if not app.interactive and not os.environ.get("BROWSER"):
        raise NeedsTerminal("There is no terminal here, so nobody can sign in.")
    return LoopbackBrowser(
        port=port,
        announce=app.say,
        progress=app.countdown if app.interactive else None,
        terminal=_terminal(app) if app.interactive else None,
    )


def _terminal(app: App) -> Terminal | None:
    """Where the answer can be pasted in while the listener waits for it too."""
    if os.name != "posix":
        return None
    from dagctl.adapters.system.terminal import Terminal

    return Terminal(app.stdin.fileno(), app.prompt)
