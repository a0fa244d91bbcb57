"""Every call is over TLS, to a server that is who it says it is.

RFC 6749 section 10.9, RFC 6750 section 5.3, RFC 7009 sections 2 and 5, RFC 8414 section 6, RFC 8628 section 3.1,
RFC 9728 section 7.3.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.adapters.http.conftest import HIDDEN, SECRETS, FarSide, World, new_ca

from dagctl.domain.errors import CertificateRefused, Malformed, Unreachable
from dagctl.domain.values.platform import ApiAccess, Platform

if TYPE_CHECKING:
    from tests.standards.conftest import Somebody, TwoHosts

    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.identity_provider import IdentityProvider

REDIRECT = "http://localhost:8080/callback"

API: dict[str, Callable[[ApiGateway, ApiAccess], object]] = {
    "advertisement": lambda api, access: api.advertisement(access.api_url),
    "server_date": lambda api, access: api.server_date(access.api_url),
    "organization": lambda api, access: api.organization(access, "ada"),
    "state_proxy": lambda api, access: api.state_proxy(access),
    "projects": lambda api, access: api.projects(access),
    "protection": lambda api, access: api.protection(access, "prj_1", "prod"),
}
ISSUER: dict[str, Callable[[IdentityProvider, Platform], object]] = {
    "endpoints": lambda identity, place: identity.endpoints(place),
    "exchange": lambda identity, place: identity.exchange(place, HIDDEN["code"], HIDDEN["verifier"], REDIRECT),
    "refresh": lambda identity, place: identity.refresh(place, HIDDEN["refresh token"]),
    "revoke": lambda identity, place: identity.revoke(place, HIDDEN["refresh token"]),
    "begin_device": lambda identity, place: identity.begin_device(place),
    "poll_device": lambda identity, place: identity.poll_device(place, HIDDEN["device code"]),
}


def called(world: World, url: str, call: str) -> object:
    """Make one call of either adapter to a host."""
    host = url.partition("://")[2]
    if call in API:
        return API[call](world.api(), ApiAccess(url, SECRETS["id token"], "org_1"))
    return ISSUER[call](world.identity(), Platform(url, host, "the-client"))


@pytest.fixture
def strangers(world: World) -> dict[str, FarSide]:
    """Servers that nobody should talk to."""
    unknown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    new_ca().issue_cert("localhost").configure_cert(unknown)
    another = world.server_context("elsewhere.example")
    return {"a CA that nobody knows": world.serve(tls=unknown), "another name": world.serve(tls=another)}


@pytest.mark.parametrize("stranger", ["a CA that nobody knows", "another name"])
@pytest.mark.parametrize("call", [*API, *ISSUER])
def test_every_call_verifies_the_servers_certificate(
    world: World, strangers: dict[str, FarSide], call: str, stranger: str
) -> None:
    far = strangers[stranger]
    with pytest.raises(CertificateRefused):
        called(world, f"https://{far.host}", call)
    assert far.seen == []


@pytest.mark.parametrize("call", ISSUER)
def test_nothing_is_said_to_an_issuer_without_tls(world: World, call: str) -> None:
    far = world.serve(tls=False)
    with pytest.raises(Unreachable, match="does not speak TLS"):
        called(world, f"http://{far.host}", call)
    assert far.seen == []


@pytest.mark.parametrize("call", API)
def test_nothing_is_said_in_the_clear_to_an_api_elsewhere(world: World, call: str) -> None:
    far = world.serve(tls=False)
    with pytest.raises(Unreachable, match="in the clear"):
        called(world, f"http://localhost.example:{far.port}", call)
    assert far.connections == 0


def test_a_page_that_is_not_over_tls_is_opened_for_nobody(somebody: Somebody, hosts: TwoHosts) -> None:
    hosts.announced = {"authorization_endpoint": f"http://{hosts.issuer.host}/authorize"}
    with pytest.raises(Malformed, match="names an endpoint that is not on"):
        somebody.signs_in()
    assert somebody.browser.opened == []
