"""RFC 8414, OpenID Connect Discovery 1.0 and RFC 9728: where metadata are read, and whose are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.adapters.http.conftest import reply

from dagctl.domain.errors import DagctlError, Malformed

if TYPE_CHECKING:
    from tests.standards.conftest import Somebody, TwoHosts

DISCOVERY, METADATA = "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource"


def test_metadata_are_read_with_get_where_the_standards_put_them(somebody: Somebody, hosts: TwoHosts) -> None:
    hosts.announced = {"of_the_future": {"x": [1]}, "signed_metadata": "x.y.z", "scopes_supported": None}
    somebody.signs_in()
    first = [hosts.api.seen[0], hosts.issuer.seen[0]]
    assert [(seen.method, seen.target) for seen in first] == [("GET", METADATA), ("GET", DISCOVERY)]
    assert not any("authorization" in seen.headers or seen.body for seen in first)


@pytest.mark.parametrize("issuer", ["https://evil.example/", "{place}x/", "{bare}", "{place}\u0000", "{upper}"])
def test_an_issuer_whose_metadata_name_another_is_not_gone_to(somebody: Somebody, hosts: TwoHosts, issuer: str) -> None:
    place = hosts.place
    named = issuer.format(place=place, bare=place.rstrip("/"), upper=place.upper())
    hosts.announced = {"issuer": named, "authorization_endpoint": f"{hosts.issuer.url}/authorize?theirs"}
    with pytest.raises(Malformed, match="speaks for another issuer"):
        somebody.signs_in()
    assert somebody.browser.opened == []


@pytest.mark.parametrize("resource", ["https://evil.example", "{url}/other", "{upper}", "{url}?x", "{url}#x"])
def test_an_api_whose_metadata_name_another_is_not_used(somebody: Somebody, hosts: TwoHosts, resource: str) -> None:
    named = resource.format(url=hosts.api.url, upper=hosts.api.url.upper())
    hosts.answers[METADATA] = reply(200, {"resource": named, "authorization_servers": [hosts.place]})
    with pytest.raises(Malformed, match="speaks for another API"):
        somebody.signs_in()
    assert somebody.browser.opened == []
    assert hosts.issuer.seen == []


@pytest.mark.parametrize("name", ["authorization_endpoint", "device_authorization_endpoint"])
def test_an_endpoint_with_a_fragment_is_not_used(somebody: Somebody, hosts: TwoHosts, name: str) -> None:
    hosts.announced = {name: f"{hosts.issuer.url}/authorize#x"}
    with pytest.raises(Malformed, match="fragment"):
        somebody.signs_in()
    assert somebody.browser.opened == []


def test_an_issuer_elsewhere_is_asked_nothing_before_somebody_vouches_for_it(
    somebody: Somebody, hosts: TwoHosts
) -> None:
    metadata: dict[str, object] = {"resource": hosts.api.url, "authorization_servers": ["https://issuer.example/"]}
    hosts.answers[METADATA] = reply(200, metadata)
    with pytest.raises(DagctlError, match="that you have not approved"):
        somebody.signs_in()
    assert somebody.browser.opened == []
    assert hosts.issuer.seen == []
