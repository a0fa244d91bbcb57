"""A platform whose every answer a test can replace, over real sockets and real TLS."""

from __future__ import annotations

import hashlib
import secrets
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

from tests.http.conftest import FarSide, Script, Seen, World, reply
from tests.refusals.material import ABSENT, Material, present
from tests.refusals.visitor import BEFORE

CLIENT_ID = "the-client"
DAY = 86_400
METADATA, ONBOARDING, INFO = "/.well-known/oauth-protected-resource", "/api/v1/onboarding/status", "/api/v1/env/info"
DISCOVERY, AUTHORIZE, TOKEN = "/.well-known/openid-configuration", "/authorize", "/oauth/token"
DEVICE, REVOKE = "/oauth/device/code", "/oauth/revoke"


class ScriptedPlatform:
    """An API and an issuer, each on a port of its own.

    Attributes:
        answers: by path, what is answered there instead of what is customary.
        claims: members of the ID token that differ.
        members: members of the token answer that differ.
        device: members of the device authorization answer that differ.
        callback: turns the parameters with which the issuer sends a person back into others.
        before: the queries of callbacks that come before the issuer's own.
        material: every secret so far.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.material = Material()
        self.answers: dict[str, Script] = {}
        self.claims: dict[str, object] = {}
        self.members: dict[str, object] = {}
        self.device: dict[str, object] = {}
        self.callback: Callable[[dict[str, str]], Any] = dict
        self.before: list[Callable[[dict[str, str]], Any]] = []
        self.announces_iss = True
        self.asked: dict[str, str] = {}
        self._challenge = ""
        self._codes: set[str] = set()
        self.api = world.serve(self._serve_api)
        self.issuer = world.serve(self._serve_issuer)

    @property
    def place(self) -> str:
        """The issuer identifier."""
        return f"{self.issuer.url}/"

    def identity(self, **claims: object) -> str:
        """An ID token in order, but for `claims`."""
        return self.material.jwt("ID token", self.whole_claims(**claims))

    def whole_claims(self, **claims: object) -> dict[str, object]:
        """The claims of an ID token."""
        now = int(time.time())
        nonce = self.asked.get("nonce", ABSENT)
        whole = {"iss": self.place, "aud": CLIENT_ID, "sub": "auth0|ada", "email": "ada@acme.example", "nonce": nonce}
        return {**whole, "iat": now, "exp": now + DAY, **self.claims, **claims}

    def tokens(self, **members: object) -> dict[str, Any]:
        """A token answer in order, but for `members`."""
        access = self.material.jwt("access token", {"aud": [self.api.url], "exp": int(time.time()) + DAY})
        refresh = self.material.new("refresh token")
        whole = {"access_token": access, "id_token": self.identity(), "refresh_token": refresh}
        answer: dict[str, Any] = present(
            {**whole, "token_type": "Bearer", "expires_in": DAY, **self.members, **members}
        )
        return answer

    def paths(self, far: FarSide) -> list[str]:
        """What one of the two was asked for, in order."""
        return [seen.target.partition("?")[0] for seen in far.seen]

    def form(self, path: str = TOKEN) -> dict[str, str]:
        """The form that was posted there last."""
        return dict(parse_qsl([seen for seen in self.issuer.seen if seen.target == path][-1].body))

    def _serve_api(self, wire: socket.socket, seen: Seen) -> None:
        issuer = {"authorization_servers": [self.place], "dagctl_client_id": CLIENT_ID}
        customary: dict[str, object] = {
            METADATA: {"resource": self.api.url, **issuer},
            ONBOARDING: {"onboarded": True, "organization": {"id": "org_acme", "name": "Acme"}},
            INFO: {"state_proxy": {"host": "pg-proxy.acme.example", "port": 5432}},
        }
        path = seen.target.partition("?")[0]
        script = self.answers.get(path) or (reply(200, customary[path]) if path in customary else reply(404))
        script(wire, seen)

    def _serve_issuer(self, wire: socket.socket, seen: Seen) -> None:
        path, _, query = seen.target.partition("?")
        for name, secret in parse_qsl(seen.body):
            if name == "code_verifier":
                self.material.note("verifier", secret)
        script = self.answers.get(path)
        if path == AUTHORIZE:
            script = self._authorize({name: values[0] for name, values in parse_qs(query).items()})
        elif script is None:
            script = self._customary(path)
        script(wire, seen)

    def _customary(self, path: str) -> Script:
        if path == DISCOVERY:
            return reply(
                200,
                {
                    "issuer": self.place,
                    "authorization_endpoint": f"{self.issuer.url}/authorize",
                    "authorization_response_iss_parameter_supported": self.announces_iss,
                },
            )
        if path == TOKEN:
            return self._exchange
        if path == DEVICE:
            page = f"{self.issuer.url}/activate"
            code = {"device_code": self.material.new("device code"), "user_code": "ABCD-EFGH"}
            whole = {**code, "verification_uri": page, "expires_in": 900, "interval": 1}
            return reply(200, present({**whole, **self.device}))
        return reply(200 if path == REVOKE else 404)

    def _authorize(self, asked: dict[str, str]) -> Script:
        self.asked, self._challenge = asked, asked["code_challenge"]
        for name in ("state", "nonce"):
            self.material.note(name, asked[name])
        code = self.material.note("code", f"4/{secrets.token_hex(10)}=+")  # not as it stands in a form
        self._codes.add(code)
        customary = {"code": code, "state": asked["state"], "iss": self.place}

        def address(change: Callable[[dict[str, str]], Any]) -> str:
            return f"{asked['redirect_uri']}?{urlencode(present(change(dict(customary))))}"

        lines = [f"{BEFORE}: {address(change)}" for change in self.before] + [f"Location: {address(self.callback)}"]
        head = "\r\n".join(["HTTP/1.1 302 Found", "Content-Length: 0", *lines, "", ""])
        return lambda wire, seen: wire.sendall(head.encode())

    def _exchange(self, wire: socket.socket, seen: Seen) -> None:
        """Answer with tokens, once, to whoever has the verifier (RFC 7636 section 4.6); any refresh is granted."""
        form = dict(parse_qsl(seen.body))
        if form["grant_type"] == "authorization_code":
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert urlsafe_b64encode(digest).rstrip(b"=").decode() == self._challenge
            self._codes.remove(form["code"])
        reply(200, self.tokens())(wire, seen)
