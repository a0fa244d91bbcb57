"""Tokens that are fresh whenever they are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tests.domain.conftest import World

from dagctl.domain.errors import (
    DagctlError,
    FileCorrupt,
    FileUnusable,
    Malformed,
    NotSignedIn,
    Refused,
    SessionEnded,
    TokenRejected,
    Unreachable,
)
from dagctl.domain.values.context import Origin, Overrides, Sourced
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet, claims_of
from dagctl.ports.token_store import TokenStore
from dagctl.testing import MemoryPlatform, MemoryTokenStore, NullTokenStore

HOUR = 3600

TROUBLE = [
    Unreachable("The issuer cannot be reached."),
    Refused("The issuer answers 503."),
    Malformed("The issuer answers with something that is no JSON."),
]


@pytest.mark.parametrize(("left", "renewed"), [(HOUR, 0), (301, 0), (300, 1), (1, 1), (0, 1), (-HOUR, 1)])
def test_tokens_are_renewed_five_minutes_before_they_die(signed_in: World, left: int, renewed: int) -> None:
    signed_in.clock.advance(HOUR - left)
    before = signed_in.kept()
    fresh = signed_in.session.fresh()
    assert signed_in.platform.refreshes == renewed
    assert fresh == signed_in.kept()
    assert (fresh.access_token != before.access_token) is bool(renewed)
    assert not fresh.expired(signed_in.clock.now())


@pytest.mark.parametrize(("lifetime", "age", "renewed"), [(60, 29, 0), (60, 30, 1), (599, 299, 0), (600, 300, 1)])
def test_short_lived_tokens_are_renewed_at_half_their_life(
    make_world: type[World], lifetime: int, age: int, renewed: int
) -> None:
    world = make_world(MemoryPlatform(access_lifetime=lifetime))
    world.login()
    world.clock.advance(age)
    world.session.fresh()
    assert world.platform.refreshes == renewed


def test_the_id_token_dies_first(make_world: type[World]) -> None:
    world = make_world(MemoryPlatform(access_lifetime=24 * HOUR, id_lifetime=HOUR))
    world.login()
    world.clock.advance(HOUR - 300)
    world.session.fresh()
    assert world.platform.refreshes == 1


def test_tokens_of_unknown_age_are_renewed(signed_in: World) -> None:
    signed_in.tokens.save(evolve(signed_in.kept(), expires_at=None, lifetime=None))
    assert signed_in.session.fresh().expires_at is not None
    assert signed_in.platform.refreshes == 1


def test_renewal_can_be_forced(signed_in: World) -> None:
    before = signed_in.kept()
    assert signed_in.session.renewed().access_token != before.access_token
    assert signed_in.platform.refreshes == 1


def test_every_renewed_token_is_worth_another_renewal(signed_in: World) -> None:
    for _ in range(3):
        signed_in.clock.advance(HOUR)
        signed_in.session.fresh()
    assert signed_in.platform.refreshes == 3
    assert signed_in.platform.revoked_families == ()


def test_an_issuer_that_does_not_rotate_leaves_the_old_refresh_token(make_world: type[World]) -> None:
    world = make_world(MemoryPlatform(rotate=False))
    world.login()
    before = world.kept()
    world.clock.advance(HOUR)
    assert world.session.fresh().refresh_token == before.refresh_token
    world.clock.advance(HOUR)
    assert world.session.fresh()


def test_a_refresh_without_an_id_token_leaves_the_old_one_and_its_death(make_world: type[World]) -> None:
    world = make_world(MemoryPlatform(id_token_again=False, id_lifetime=2 * HOUR))
    world.login()
    before = world.kept()
    world.clock.advance(90 * 60)
    fresh = world.session.fresh()
    assert fresh.id_token == before.id_token
    assert fresh.access_token != before.access_token
    assert fresh.expires_at is not None
    assert fresh.expires_at.timestamp() == claims_of(before.id_token)["exp"]


def test_members_that_a_refresh_does_not_repeat_are_kept(signed_in: World) -> None:
    signed_in.tokens.save(evolve(signed_in.kept(), extra={"theirs": 1, "scope": "old"}))
    extra = signed_in.session.renewed().extra
    assert extra["theirs"] == 1
    assert extra["scope"] != "old"


@pytest.mark.parametrize("claims", [{"sub": "memory|bob"}, {"iss": "https://evil.example/"}, {"aud": "another"}])
def test_a_refresh_that_answers_for_somebody_else_is_refused(signed_in: World, claims: dict[str, Any]) -> None:
    before = signed_in.kept()
    signed_in.platform.id_claims = claims
    signed_in.clock.advance(HOUR)
    with pytest.raises(TokenRejected, match="not yours"):
        signed_in.session.fresh()
    assert signed_in.kept() == before


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: type(trouble).__name__)
def test_a_refresh_that_fails_while_the_tokens_live_stops_nobody(signed_in: World, trouble: DagctlError) -> None:
    signed_in.clock.advance(HOUR - 60)
    before = signed_in.kept()
    signed_in.platform.issuer_trouble = trouble
    assert signed_in.session.fresh() == before
    assert signed_in.kept() == before


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: type(trouble).__name__)
def test_a_refresh_that_fails_when_they_are_dead_is_said_to_and_clears_nothing(
    signed_in: World, trouble: DagctlError
) -> None:
    signed_in.clock.advance(HOUR)
    before = signed_in.kept()
    signed_in.platform.issuer_trouble = trouble
    with pytest.raises(type(trouble)) as caught:
        signed_in.session.fresh()
    assert caught.value is trouble
    assert signed_in.kept() == before
    signed_in.platform.issuer_trouble = None
    assert signed_in.session.fresh()


def _revoke(world: World) -> None:
    refresh_token = world.kept().refresh_token
    assert refresh_token is not None
    world.platform.revoke(world.platform.place, refresh_token)


def test_an_ended_session_is_cleared(signed_in: World) -> None:
    _revoke(signed_in)
    signed_in.clock.advance(HOUR)
    with pytest.raises(SessionEnded, match="has ended") as caught:
        signed_in.session.fresh()
    assert (caught.value.organization, caught.value.api_url) == ("Acme", None)
    assert signed_in.tokens.load() is None
    with pytest.raises(NotSignedIn, match="not signed in"):
        signed_in.session.fresh()


def test_an_ended_session_whose_tokens_live_is_used_to_its_end(signed_in: World) -> None:
    _revoke(signed_in)
    signed_in.clock.advance(HOUR - 60)
    before = signed_in.kept()
    assert signed_in.session.fresh() == before
    assert signed_in.kept() == before


def test_tokens_without_a_refresh_token_end(signed_in: World) -> None:
    signed_in.tokens.save(evolve(signed_in.kept(), refresh_token=None))
    signed_in.clock.advance(HOUR - 60)
    assert signed_in.session.fresh()
    signed_in.clock.advance(60)
    with pytest.raises(SessionEnded, match="without a refresh token"):
        signed_in.session.fresh()


class _ReadOnlyDisk(MemoryTokenStore):
    """A store that could be written once."""

    def save(self, tokens: TokenSet) -> None:
        raise FileUnusable("auth.json cannot be written.")


def test_new_tokens_that_cannot_be_kept_are_not_used(signed_in: World) -> None:
    signed_in.tokens = _ReadOnlyDisk(signed_in.kept())
    signed_in.clock.advance(HOUR)
    with pytest.raises(FileUnusable):
        signed_in.session.fresh()


def test_a_clock_that_is_ahead_is_named(make_world: type[World]) -> None:
    platform = MemoryPlatform()
    world = make_world(platform)
    world.login()
    world.clock.advance(HOUR)
    platform.id_claims = {"exp": int(world.clock.now().timestamp()) - 10}
    with pytest.raises(DagctlError, match="have already expired"):
        world.session.fresh()


def test_nobody_is_signed_in(world: World) -> None:
    for ask in (world.session.fresh, world.session.open):
        with pytest.raises(NotSignedIn) as caught:
            ask()
        assert not isinstance(caught.value, SessionEnded)
    assert world.session.status().signed_in is False


@pytest.mark.parametrize(
    ("tokens", "error"),
    [
        (NullTokenStore(), NotSignedIn),
        (MemoryTokenStore(trouble=FileUnusable("It is locked.")), FileUnusable),
        (MemoryTokenStore(trouble=FileCorrupt("auth.json cannot be used.")), FileCorrupt),
    ],
)
def test_stores_that_do_not_keep_anything(
    make_world: type[World], tokens: TokenStore, error: type[DagctlError]
) -> None:
    world = make_world(tokens=tokens)
    with pytest.raises(error):
        world.session.fresh()


class TestGiven:
    """Tokens that are given from outside."""

    @pytest.fixture
    def given(self, signed_in: World) -> World:
        signed_in.tokens = MemoryTokenStore(evolve(signed_in.kept(), refresh_token=None), writable=False)
        signed_in.overrides = Overrides(given_session=True)
        return signed_in

    @pytest.mark.parametrize("age", [0, HOUR - 1])
    def test_they_are_used_as_they_are(self, given: World, age: int) -> None:
        given.clock.advance(age)
        assert given.session.fresh() == given.kept()
        assert given.platform.refreshes == 0

    def test_dead_ones_are_named(self, given: World) -> None:
        given.clock.advance(HOUR)
        with pytest.raises(SessionEnded, match="has expired") as caught:
            given.session.fresh()
        assert caught.value.given_by == given.tokens.describe()

    def test_ones_of_unknown_age_are_tried(self, given: World) -> None:
        given.tokens = MemoryTokenStore(TokenSet("opaque", "opaque"), writable=False)
        assert given.session.fresh().access_token == Secret("opaque")

    def test_status(self, given: World) -> None:
        assert given.session.status().renewable is False
        assert given.session.status().signed_in is True
        given.clock.advance(HOUR)
        assert given.session.status().signed_in is False


class TestStatus:
    """Who is signed in, without asking anybody."""

    def test_signed_in(self, signed_in: World) -> None:
        signed_in.platform.issuer_trouble = signed_in.platform.api_trouble = Unreachable("nobody is to be asked")
        status = signed_in.session.status()
        assert status.signed_in
        assert status.renewable
        assert status.identity is not None
        assert status.identity.email == "ada@acme.example"
        assert status.expires_at == signed_in.kept().expires_at

    def test_dead_tokens_that_can_be_renewed(self, signed_in: World) -> None:
        signed_in.clock.advance(2 * HOUR)
        assert signed_in.session.status().signed_in

    def test_dead_tokens_that_cannot(self, signed_in: World) -> None:
        signed_in.tokens.save(evolve(signed_in.kept(), refresh_token=None))
        signed_in.clock.advance(2 * HOUR)
        assert not signed_in.session.status().signed_in

    def test_an_id_token_that_cannot_be_read_names_nobody(self, signed_in: World) -> None:
        signed_in.tokens.save(evolve(signed_in.kept(), id_token="x"))
        assert signed_in.session.status().identity is None


class TestEnd:
    """Signing out."""

    def test_tokens_are_revoked_and_removed(self, signed_in: World) -> None:
        assert signed_in.session.end() is True
        assert signed_in.tokens.load() is None
        assert [family.person.email for family in signed_in.platform.revoked_families] == ["ada@acme.example"]

    @pytest.mark.parametrize("trouble", TROUBLE, ids=lambda trouble: type(trouble).__name__)
    def test_the_far_side_is_no_reason_to_fail(self, signed_in: World, trouble: DagctlError) -> None:
        signed_in.platform.issuer_trouble = trouble
        assert signed_in.session.end() is False
        assert signed_in.tokens.load() is None

    def test_nobody_signed_in_is_no_error(self, world: World) -> None:
        assert world.session.end() is False


@pytest.mark.parametrize(
    ("api_url", "given"), [(None, True), ("https://api.dagctl.io", True), ("https://api.x.test", False)]
)
def test_tokens_of_unknown_origin_go_to_the_hosted_api_alone(
    signed_in: World, api_url: str | None, given: bool
) -> None:
    signed_in.settings.save(Settings())
    signed_in.overrides = Overrides(api_url=Sourced(api_url, Origin.VARIABLE, "DAGCTL_API_URL") if api_url else None)
    if given:
        assert signed_in.session.fresh() == signed_in.kept()
    else:
        with pytest.raises(NotSignedIn, match=r"not signed in at https://api\.x\.test"):
            signed_in.session.fresh()
