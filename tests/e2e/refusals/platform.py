"""A platform whose every answer a test can replace, over real sockets and real TLS."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp
from tests.adapters.http.conftest import Script, Seen, World
from tests.adapters.http.far_platform import ADA, AUTHORIZE, CLIENT_ID, DEVICE, TOKEN, FarPlatform, Lax
from tests.e2e.refusals.material import ABSENT, Material, present
from tests.e2e.refusals.visitor import BEFORE

from dagctl.adapters.platform_model.grants import Family, Granted
from dagctl.domain.values.platform import SCOPE

DAY = 86_400


class _AnyRefresh(Lax):
    """A platform to which every refresh token is good."""

    def token_endpoint(self, form: Mapping[str, str]) -> dict[str, Any]:
        if form.get("grant_type") == "refresh_token":
            return self._tokens(Granted(Family(ADA, SCOPE)))
        return super().token_endpoint(form)


class ScriptedPlatform(FarPlatform):
    """A platform with tokens of the test's making.

    Attributes:
        claims: members of the ID token that differ.
        members: members of the token answer that differ.
        device: members of the device authorization answer that differ.
        callback: turns the parameters with which the issuer sends a person back into others.
        before: the queries of callbacks that come before the issuer's own.
        material: every secret so far.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world, _AnyRefresh)
        self.world = world
        self.material = Material()
        self.claims: dict[str, Any] = {}
        self.members: dict[str, Any] = {}
        self.device: dict[str, Any] = {}
        self.callback: Callable[[dict[str, str]], Any] = dict
        self.before: list[Callable[[dict[str, str]], Any]] = []
        self.asked: dict[str, str] = {}

    def identity(self, **claims: Any) -> str:
        """An ID token in order, but for `claims`."""
        return self.material.jwt("ID token", self.whole_claims(**claims))

    def whole_claims(self, **claims: Any) -> dict[str, Any]:
        """The claims of an ID token."""
        now = int(time.time())
        nonce = self.asked.get("nonce", ABSENT)
        whole = {"iss": self.place, "aud": CLIENT_ID, "sub": ADA.subject, "email": ADA.email, "nonce": nonce}
        return {**whole, "iat": now, "exp": now + DAY, **self.claims, **claims}

    def tokens(self, **members: Any) -> dict[str, Any]:
        """A token answer in order, but for `members`."""
        access = self.material.jwt("access token", {"aud": [self.api.url], "exp": int(time.time()) + DAY})
        refresh = self.material.new("refresh token")
        whole = {"access_token": access, "id_token": self.identity(), "refresh_token": refresh}
        answer: dict[str, Any] = present(
            {**whole, "token_type": "Bearer", "expires_in": DAY, **self.members, **members}
        )
        return answer

    def changed(self, path: str, members: dict[str, Any]) -> dict[str, Any]:
        if path == TOKEN:
            return self.tokens()
        if path == DEVICE:
            code = {"device_code": self.material.new("device code"), "user_code": "ABCD-EFGH", "interval": 1}
            return dict(present({**members, "verification_uri_complete": ABSENT, **code, **self.device}))
        return members

    def form(self, path: str = TOKEN) -> dict[str, str]:
        """The form that was posted there last."""
        return self.forms(path)[-1]

    def _serve(self, app: ASGIApp, wire: socket.socket, seen: Seen) -> None:
        for name, secret in parse_qsl(seen.body):
            if name == "code_verifier":
                self.material.note("verifier", secret)
        super()._serve(app, wire, seen)

    def _customary(self, app: ASGIApp, seen: Seen) -> Script:
        path, _, query = seen.target.partition("?")
        return self._authorize(dict(parse_qsl(query))) if path == AUTHORIZE else super()._customary(app, seen)

    def _authorize(self, asked: dict[str, str]) -> Script:
        """Send the person back at once, by way of other addresses if need be."""
        self.asked = asked
        customary = dict(parse_qsl(self.model.decide(asked, ADA).partition("?")[2]))
        for name, secret in {"code": customary["code"], "state": asked["state"], "nonce": asked["nonce"]}.items():
            self.material.note(name, secret)

        def address(change: Callable[[dict[str, str]], Any]) -> str:
            return f"{asked['redirect_uri']}?{urlencode(present(change(dict(customary))))}"

        lines = [f"{BEFORE}: {address(change)}" for change in self.before] + [f"Location: {address(self.callback)}"]
        head = "\r\n".join(["HTTP/1.1 302 Found", "Content-Length: 0", *lines, "", ""])
        return lambda wire, seen: wire.sendall(head.encode())
