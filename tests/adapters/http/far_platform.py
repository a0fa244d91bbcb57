"""The platform over real sockets and real TLS, of which a test can replace every answer."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message
from tests.adapters.http.conftest import FarSide, Script, Seen, World, reply

from dagctl.adapters.memory.jwts import HmacSigner
from dagctl.adapters.platform_model.model import PlatformModel
from dagctl.adapters.platform_model.people import Person, Tenant
from dagctl.adapters.sandbox.api import api_app
from dagctl.adapters.sandbox.issuer import issuer_app
from dagctl.adapters.system.clock import SystemClock
from dagctl.domain.values.platform import Organization, Platform, Project, StateProxy

CLIENT_ID = "the-client"
ADA = Person("ada@acme.example", "auth0|ada", "org_acme")
ACME = Tenant(Organization("org_acme", "Acme"), (Project("prj_shop", "shop"),))
AUTHORIZE, TOKEN, REVOKE, DEVICE = "/authorize", "/oauth/token", "/oauth/revoke", "/oauth/device/code"
DISCOVERY, METADATA = "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource"
ONBOARDING, INFO, PROJECTS = "/api/v1/onboarding/status", "/api/v1/env/info", "/api/v1/projects"


class Lax(PlatformModel):
    """A platform that errs: to its API, whoever asks is Ada."""

    def _bearer(self, token: str) -> Person:
        return ADA

    def onboarded(self, token: str, subject: str | None) -> Organization:
        return ACME.organization


class FarPlatform:
    """An API and an issuer, each on a port of its own.

    Attributes:
        model: what they go by.
        answers: by path, what is answered there instead of what is customary.
    """

    def __init__(self, world: World, model: type[PlatformModel]) -> None:
        self.answers: dict[str, Script] = {}
        self.api = world.serve(lambda wire, seen: self._serve(self._api_app, wire, seen))
        self.issuer = world.serve(lambda wire, seen: self._serve(self._issuer_app, wire, seen))
        place = Platform(self.api.url, self.issuer.host, CLIENT_ID)
        self.model = model(place, clock=SystemClock(), signer=HmacSigner(), people=(ADA,), tenants=(ACME,))
        self._api_app = api_app(self.model, StateProxy("pg-proxy.acme.example"))
        self._issuer_app = issuer_app(self.model, dict)

    @property
    def place(self) -> str:
        """The issuer identifier."""
        return self.model.place.issuer

    def changed(self, path: str, members: dict[str, Any]) -> dict[str, Any]:
        """The members of a customary answer, as the test wants them."""
        return members

    def paths(self, far: FarSide) -> list[str]:
        """What one of the two was asked for, in order."""
        return [seen.target.partition("?")[0] for seen in far.seen]

    def forms(self, path: str) -> list[dict[str, str]]:
        """The forms that were posted there."""
        return [dict(parse_qsl(seen.body)) for seen in self.issuer.seen if seen.target == path]

    def _serve(self, app: ASGIApp, wire: socket.socket, seen: Seen) -> None:
        script = self.answers.get(seen.target.partition("?")[0]) or self._customary(app, seen)
        script(wire, seen)

    def _customary(self, app: ASGIApp, seen: Seen) -> Script:
        status, body = asyncio.run(asked(app, seen))
        if status != 200 or not body.startswith(b"{"):
            return reply(status, body)
        return reply(status, self.changed(seen.target, json.loads(body)))


async def asked(app: ASGIApp, seen: Seen) -> tuple[int, bytes]:
    """The status and the body of an ASGI application's answer."""
    path, _, query = seen.target.partition("?")
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": seen.method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in seen.headers.items()],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": seen.body.encode()}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)
