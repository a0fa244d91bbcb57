"""RFC 7009: signing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.adapters.http.conftest import reply

from dagctl.domain.errors import NotSignedIn

if TYPE_CHECKING:
    from tests.adapters.http.conftest import Seen
    from tests.standards.conftest import Somebody, TwoHosts


def test_the_token_is_revoked_first_and_removed_then(somebody: Somebody, hosts: TwoHosts) -> None:
    kept: list[bool] = []

    def revoke(wire: object, seen: Seen) -> None:
        kept.append(hosts.tokens[0]["refresh_token"] in somebody.kept())
        reply(200)(wire, seen)  # type: ignore[arg-type]

    somebody.signs_in()
    hosts.answers["/oauth/revoke"] = revoke
    assert somebody.client.logout() is True
    assert kept == [True]
    assert not any(value in somebody.kept() for value in hosts.tokens[0].values() if isinstance(value, str))
    asked = len(hosts.issuer.seen)
    with pytest.raises(NotSignedIn):
        somebody.client.session.fresh()
    assert len(hosts.issuer.seen) == asked


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_issuer_that_did_not_revoke_is_not_said_to_have(somebody: Somebody, hosts: TwoHosts, status: int) -> None:
    somebody.signs_in()
    hosts.answers["/oauth/revoke"] = reply(status, {"error": "unsupported_token_type"})
    assert somebody.client.logout() is False
    assert hosts.tokens[0]["refresh_token"] not in somebody.kept()
