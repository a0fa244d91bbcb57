"""OpenID Connect Core 3.1.3.7, 5.7, 12.2 and 16.15: whom an ID token speaks of, and who says so."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from dagctl.domain.errors import TokenRejected
from dagctl.domain.values.secret import Secret

if TYPE_CHECKING:
    from tests.standards.conftest import Somebody, TwoHosts


@pytest.mark.parametrize("change", ["", "/"])
def test_the_issuer_of_an_id_token_is_the_one_of_the_metadata_to_the_letter(
    somebody: Somebody, hosts: TwoHosts, change: str
) -> None:
    hosts.model.id_claims = {"iss": hosts.place.rstrip("/") + (change and f"/{change}")}
    with pytest.raises(TokenRejected, match="its issuer is not"):
        somebody.signs_in()


def test_a_person_is_known_by_the_subject_and_not_by_the_address(somebody: Somebody, hosts: TwoHosts) -> None:
    hosts.model.id_claims = {"sub": "auth0|grace", "email": "ada@acme.example"}
    somebody.signs_in()
    (question,) = [seen.target for seen in hosts.api.seen if seen.target.startswith("/api/v1/onboarding/status")]
    assert parse_qs(urlsplit(question).query) == {"auth0_id": ["auth0|grace"]}


@pytest.mark.parametrize(
    ("claims", "taken"),
    [
        ({"sub": "auth0|eve"}, False),
        ({"iss": "https://evil.example/"}, False),
        ({"aud": "another"}, False),
        ({"email": "countess@acme.example"}, True),
        ({"nonce": None}, True),
    ],
)
def test_a_renewed_id_token_is_of_the_same_issuer_subject_and_client(
    somebody: Somebody, hosts: TwoHosts, claims: dict[str, object], taken: bool
) -> None:
    somebody.signs_in()
    hosts.model.id_claims = claims
    if taken:
        assert somebody.client.session.renewed().id_token == Secret(hosts.tokens[1]["id_token"])
        return
    with pytest.raises(TokenRejected, match="not yours"):
        somebody.client.session.renewed()
    assert hosts.tokens[1]["access_token"] not in somebody.kept()
    assert hosts.tokens[0]["id_token"] in somebody.kept()
