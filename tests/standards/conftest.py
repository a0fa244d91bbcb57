"""A platform of two hosts over real TLS, and the SDK before it as production wires it."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import pytest
from tests.http.conftest import Script, Seen, World, reply, world_of

from dagctl._sdk import Dagctl
from dagctl._wiring import connect
from dagctl.testing import FollowingBrowser

if TYPE_CHECKING:
    import trustme

CLIENT_ID = "the-client"
AUTHORIZE, TOKEN, REVOKE, DEVICE = "/authorize", "/oauth/token", "/oauth/revoke", "/oauth/device/code"
DISCOVERY, METADATA = "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource"
ONBOARDING, INFO, PROJECTS = "/api/v1/onboarding/status", "/api/v1/env/info", "/api/v1/projects"

Parameters = dict[str, Any]


def jwt(claims: Mapping[str, object]) -> str:
    """A JWT that is signed by nobody we know."""

    def segment(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{segment({'alg': 'RS256'})}.{segment(claims)}.c2lnbmF0dXJl"


class TwoHosts:
    """An API and an issuer, each on a port of its own. They grant everything.

    Attributes:
        answers: by path, what is answered there instead of what is customary.
        announced: members of the issuer's metadata that differ.
        claims: claims of the ID token that differ.
        callbacks: what a person is sent back with, one after the other: each turns the issuer's own answer into one.
        asked: the parameters of the last authorization request, each as often as it was there.
        tokens: every token answer so far.
    """

    def __init__(self, world: World) -> None:
        self.answers: dict[str, Script] = {}
        self.announced: dict[str, object] = {}
        self.claims: dict[str, object] = {}
        self.callbacks: list[Callable[[Parameters], Parameters]] = [dict]
        self.asked: list[tuple[str, str]] = []
        self.tokens: list[dict[str, Any]] = []
        self.api = world.serve(self._serve_api)
        self.issuer = world.serve(self._serve_issuer)

    @property
    def place(self) -> str:
        """The issuer identifier."""
        return f"{self.issuer.url}/"

    def forms(self, path: str) -> list[dict[str, str]]:
        """The forms that were posted there."""
        return [dict(parse_qsl(seen.body)) for seen in self.issuer.seen if seen.target == path]

    def targets(self) -> list[str]:
        """What either of the two was asked for."""
        return [seen.target for seen in (*self.api.seen, *self.issuer.seen)]

    def new_tokens(self) -> dict[str, Any]:
        """A token answer."""
        number, now = len(self.tokens), int(time.time())
        whole = {"iss": self.place, "aud": CLIENT_ID, "sub": "auth0|ada", "email": "ada@acme.example"}
        times = {"iat": now, "exp": now + 3600}
        identity = jwt({**whole, **times, "nonce": dict(self.asked).get("nonce"), "jti": number, **self.claims})
        access = f"access-token-{number}"
        answer = {"access_token": access, "id_token": identity, "refresh_token": f"refresh-token-{number}"}
        self.tokens.append({**answer, "token_type": "Bearer", "expires_in": 3600})
        return self.tokens[-1]

    def _serve_api(self, wire: socket.socket, seen: Seen) -> None:
        path = seen.target.partition("?")[0]
        customary: dict[str, object] = {
            METADATA: {
                "resource": self.api.url,
                "authorization_servers": [self.place],
                "dagctl_client_id": CLIENT_ID,
            },
            ONBOARDING: {"onboarded": True, "organization": {"id": "org_acme", "name": "Acme"}},
            INFO: {"state_proxy": {"host": "pg-proxy.acme.example"}},
            PROJECTS: [{"id": "prj_shop", "name": "shop"}],
        }
        script = self.answers.get(path) or (reply(200, customary[path]) if path in customary else reply(404, {}))
        script(wire, seen)

    def _serve_issuer(self, wire: socket.socket, seen: Seen) -> None:
        script = self.answers.get(seen.target)
        if script is None and seen.target == DISCOVERY:
            named = {"authorization_response_iss_parameter_supported": True}
            endpoint = {"authorization_endpoint": f"{self.issuer.url}{AUTHORIZE}"}
            script = reply(200, {"issuer": self.place, **endpoint, **named, **self.announced})
        elif script is None and seen.target == TOKEN:
            script = reply(200, self.new_tokens())
        (script or reply(200, {}))(wire, seen)


class Person(FollowingBrowser):
    """Somebody at a browser who agrees, and is sent back with `TwoHosts.callbacks`."""

    def __init__(self, hosts: TwoHosts) -> None:
        super().__init__(hosts)  # type: ignore[arg-type]  # it has no page: `callbacks` knows what comes back
        self._hosts = hosts
        self.on_opening: Callable[[], object] = bool

    def callbacks(self, url: str) -> Iterator[Parameters]:
        self.opened.append(url)
        self.on_opening()
        self._hosts.asked = parse_qsl(url.partition("?")[2])
        state = dict(self._hosts.asked)["state"]
        for change in self._hosts.callbacks:
            answer = change({"code": "the-code", "state": state, "iss": self._hosts.place})
            yield {name: value for name, value in answer.items() if value is not None}


class Somebody:
    """A person and the SDK on their machine."""

    def __init__(self, hosts: TwoHosts, home: Path, ca_file: Path) -> None:
        self.hosts = hosts
        self.home = home
        self.browser = Person(hosts)
        self.client: Dagctl = connect(
            home=home, browser=self.browser, environ={"SSL_CERT_FILE": str(ca_file)}, folder=home.parent
        )

    def signs_in(self) -> None:
        """Sign in through the browser."""
        self.client.login("acme", api_url=self.hosts.api.url)

    def asked(self) -> dict[str, str]:
        """The parameters of the last authorization request, once it is seen that each is there once."""
        found = dict(parse_qsl(self.browser.opened[-1].partition("?")[2]))
        assert urlencode(found) == urlencode(self.hosts.asked)
        return found

    def kept(self) -> str:
        """All that is in the home."""
        files = [path for path in self.home.rglob("*") if path.is_file()] if self.home.exists() else []
        return "\n".join(path.read_text() for path in files)


@pytest.fixture
def world(certificate_authority: trustme.CA, tmp_path: Path) -> Iterator[World]:
    """Servers that vanish with the test, and adapters that trust them."""
    with world_of(certificate_authority, tmp_path) as world:
        yield world


@pytest.fixture
def hosts(world: World) -> TwoHosts:
    """The platform."""
    return TwoHosts(world)


@pytest.fixture
def somebody(hosts: TwoHosts, world: World, home: Path) -> Somebody:
    """Somebody who has not signed in yet."""
    return Somebody(hosts, home, world.ca_file)
