"""Tokens as values."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dagctl.domain.errors import TokenRejected
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import (
    LEEWAY,
    REFRESH_MARGIN,
    Identity,
    TokenSet,
    bounded,
    checked_identity,
    claims_of,
    expiry_of,
    identity_of,
    instant,
    same_subject,
)

NOW = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)

instants = st.datetimes(timezones=st.just(timezone.utc))
near = st.timedeltas(timedelta(days=-2), timedelta(days=2)).map(lambda away: NOW + away)
texts = st.text(min_size=1)
members = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=3)
token_sets = st.builds(
    TokenSet,
    access_token=texts,
    id_token=texts,
    refresh_token=st.none() | texts,
    expires_at=st.none() | instants,
    lifetime=st.none() | st.timedeltas(timedelta(0), timedelta(days=30)),
    extra=members,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def jwt(claims: object, header: object = None, signature: str = "c2ln") -> Secret:
    """A JWT with some signature."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"} if header is None else header, claims)]
    return Secret(".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature]))


GOOD: dict[str, Any] = {
    "iss": "https://issuer.example/",
    "aud": "client",
    "sub": "s|1",
    "exp": NOW.timestamp() + 3600,
    "iat": NOW.timestamp(),
    "nonce": "n",
}


def check(token: Secret) -> Identity:
    return checked_identity(token, issuer="https://issuer.example/", client_id="client", nonce="n", now=NOW)


@given(tokens=token_sets, now=instants)
def test_what_is_dead_is_due(tokens: TokenSet, now: datetime) -> None:
    if tokens.expired(now):
        assert tokens.due(now)


@given(tokens=token_sets, now=near, later=near)
def test_what_is_dead_or_due_stays_so(tokens: TokenSet, now: datetime, later: datetime) -> None:
    first, second = sorted((now, later))
    assert tokens.expired(second) >= tokens.expired(first)
    assert tokens.due(second) >= tokens.due(first)


@given(tokens=token_sets.filter(lambda tokens: tokens.expires_at is not None), now=near)
def test_nothing_is_due_with_more_than_the_margin_to_live(tokens: TokenSet, now: datetime) -> None:
    assert tokens.expires_at is not None
    assert tokens.due(now) <= (tokens.expires_at <= now + REFRESH_MARGIN)


@given(lifetime=st.timedeltas(SECOND, timedelta(days=30)))
def test_nothing_is_due_at_its_birth(lifetime: timedelta) -> None:
    assert not TokenSet("a", "i", expires_at=NOW + lifetime, lifetime=lifetime).due(NOW)


@given(now=instants)
def test_what_cannot_be_told_counts_as_expired(now: datetime) -> None:
    tokens = TokenSet("a", "i", "r")
    assert tokens.expired(now)
    assert tokens.due(now)


@given(old=token_sets, answer=token_sets.map(lambda tokens: evolve(tokens, id_token="")))
def test_what_a_refresh_lacks_stays_as_it_was(old: TokenSet, answer: TokenSet) -> None:
    renewed = old.renewed_by(answer)
    assert renewed.access_token == answer.access_token
    assert renewed.id_token == old.id_token
    assert renewed.refresh_token == (answer.refresh_token or old.refresh_token)
    assert renewed.expires_at == answer.expires_at
    assert renewed.extra == {**old.extra, **answer.extra}


@given(tokens=token_sets, exp=st.integers(-(10**11), 10**11))
def test_bounded_tokens_live_no_longer_than_their_id_token(tokens: TokenSet, exp: int) -> None:
    tokens = evolve(tokens, id_token=jwt({"exp": exp}))
    kept, dies = bounded(tokens), expiry_of(tokens.id_token)
    assert bounded(kept) == kept
    assert (kept.expires_at is None) == (tokens.expires_at is None)
    if kept.expires_at is not None and tokens.expires_at is not None:
        assert kept.expires_at == min(tokens.expires_at, dies or tokens.expires_at)


@given(claims=st.dictionaries(st.text(), json_values, max_size=4))
def test_claims_are_read_as_they_were_written(claims: dict[str, Any]) -> None:
    assert repr(claims_of(jwt(claims))) == repr(claims)  # NaN is no equal of itself


@given(text=st.text())
def test_any_text_is_a_jwt_or_is_refused(text: str) -> None:
    with pytest.raises(TokenRejected) as caught:
        claims_of(Secret(text))
    assert len(text) < 20 or text not in str(caught.value)


@given(value=json_values)
def test_any_value_is_an_instant_or_none(value: object) -> None:
    found = instant(value)
    assert found is None or found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("value", [True, None, "1", [1], float("nan"), float("inf"), 1e300, -1e300])
def test_what_is_no_numeric_date(value: object) -> None:
    assert instant(value) is None


def test_a_token_that_is_in_order() -> None:
    assert check(jwt({**GOOD, "email": "a@b"})).email == "a@b"
    assert check(jwt({**GOOD, "email": 7})).email is None
    assert check(jwt({**GOOD, "aud": ["client", "other"], "azp": "client"})).subject == "s|1"


@given(name=st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nonce", "azp"]), value=json_values)
def test_no_claim_of_any_kind_does_more_than_be_refused(name: str, value: object) -> None:
    try:
        found = check(jwt({**GOOD, name: value}))
    except TokenRejected:
        return
    assert found.subject == (value if name == "sub" else "s|1")


@given(name=st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nonce"]))
def test_every_claim_is_needed(name: str) -> None:
    with pytest.raises(TokenRejected):
        check(jwt({key: value for key, value in GOOD.items() if key != name}))


@pytest.mark.parametrize(
    ("claims", "taken"),
    [
        ({"exp": (NOW - LEEWAY + SECOND).timestamp()}, True),
        ({"exp": (NOW - LEEWAY).timestamp()}, False),
        ({"iat": (NOW + LEEWAY).timestamp()}, True),
        ({"iat": (NOW + LEEWAY + SECOND).timestamp()}, False),
    ],
)
def test_clocks_may_be_a_minute_apart(claims: dict[str, Any], taken: bool) -> None:
    token = jwt({**GOOD, **claims})
    if taken:
        assert check(token).subject == "s|1"
    else:
        with pytest.raises(TokenRejected, match="clock"):
            check(token)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (jwt(GOOD), jwt({**GOOD, "exp": 1, "nonce": None}), True),
        (jwt(GOOD), jwt({**GOOD, "aud": ["client"]}), True),
        (jwt(GOOD), jwt({**GOOD, "sub": "s|2"}), False),
        (jwt(GOOD), jwt({key: value for key, value in GOOD.items() if key != "sub"}), False),
        (jwt(GOOD), jwt({**GOOD, "iss": "https://evil.example/"}), False),
        (jwt(GOOD), jwt({**GOOD, "aud": "other"}), False),
        (jwt(GOOD), jwt({**GOOD, "aud": ["client", "other"]}), False),
        (jwt(GOOD), jwt({key: value for key, value in GOOD.items() if key != "aud"}), False),
        (jwt(GOOD), Secret("not a JWT"), False),
        (Secret("not a JWT"), jwt(GOOD), True),
    ],
)
def test_whether_two_id_tokens_speak_of_one_person(old: Secret, new: Secret, same: bool) -> None:
    assert same_subject(old, new) is same


@pytest.mark.parametrize("claims", [{}, {"sub": None}, {"sub": ""}, {"sub": 1}])
def test_an_id_token_that_names_nobody(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenRejected, match="identifies nobody"):
        identity_of(jwt(claims))


@given(text=st.text(), limit=st.integers(1, 300))
def test_other_peoples_words_are_one_short_printable_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


@given(tokens=token_sets.map(lambda tokens: evolve(tokens, access_token="SECRET-a", id_token="SECRET-i")))
def test_nothing_is_shown_of_a_token(tokens: TokenSet) -> None:
    tokens = evolve(tokens, refresh_token="SECRET-r", extra={"x": "SECRET-x"})
    assert "SECRET" not in f"{tokens!r} {tokens}"
