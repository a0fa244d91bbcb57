"""A platform of two hosts over real TLS, and the SDK before it as production wires it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import pytest
from tests.adapters.http.conftest import World, world_of
from tests.adapters.http.far_platform import ADA, DISCOVERY, FarPlatform, Lax

from dagctl._sdk import Dagctl
from dagctl._wiring import connect
from dagctl.adapters.platform_model.grants import Family, Granted
from dagctl.domain.values.platform import SCOPE
from dagctl.testing import FollowingBrowser

if TYPE_CHECKING:
    import trustme

Parameters = dict[str, Any]


class TwoHosts(FarPlatform):
    """A platform that gives tokens for any code and any refresh token.

    Attributes:
        announced: members of the issuer's metadata that differ.
        callbacks: what a person is sent back with, one after the other: each turns the issuer's own answer into one.
        asked: the parameters of the last authorization request, each as often as it was there.
        tokens: every token answer so far.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world, Lax)
        self.announced: dict[str, Any] = {}
        self.callbacks: list[Callable[[Parameters], Parameters]] = [dict]
        self.asked: list[tuple[str, str]] = []
        self.tokens: list[dict[str, Any]] = []
        self.model.token_endpoint = lambda form: self.new_tokens()  # type: ignore[method-assign]

    def targets(self) -> list[str]:
        """What either of the two was asked for."""
        return [seen.target for seen in (*self.api.seen, *self.issuer.seen)]

    def new_tokens(self) -> dict[str, Any]:
        """A token answer."""
        granted = Granted(Family(ADA, SCOPE), secrets.token_urlsafe(32), dict(self.asked).get("nonce"))
        self.tokens.append(self.model._tokens(granted))
        return self.tokens[-1]

    def changed(self, path: str, members: dict[str, Any]) -> dict[str, Any]:
        return {**members, **self.announced} if path == DISCOVERY else members


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
            storage=home, browser=self.browser, environ={"SSL_CERT_FILE": str(ca_file)}, folder=home.parent
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
