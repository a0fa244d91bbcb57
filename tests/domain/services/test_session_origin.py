"""Whose tokens they are: each goes to its own issuer, and nobody is given another person's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from attrs import define, evolve, field
from tests.domain.conftest import World

from dagctl.domain.errors import ClockSkewed, NotSignedIn, ProjectConflict, SessionEnded
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet, claims_of
from dagctl.testing import FixedClock, MemoryPlatform, MemoryTokenStore, elsewhere

HOUR = 3600
BOB = "bob@globex.example"


@define(eq=False, slots=False, kw_only=True)
class Listening(MemoryPlatform):
    """A platform that notes which issuer is told a refresh token, and on which something may happen before that."""

    told: list[str] = field(factory=list)
    meanwhile: Callable[[], object] = bool

    def refresh(self, platform: Platform, refresh_token: Secret) -> TokenSet:
        self.told.append(platform.issuer_host)
        self.meanwhile()
        return super().refresh(platform, refresh_token)

    def revoke(self, platform: Platform, refresh_token: Secret) -> None:
        self.told.append(platform.issuer_host)
        super().revoke(platform, refresh_token)


class Swapped(MemoryTokenStore):
    """A store in which other tokens have come by the time that its lock is had."""

    others: TokenSet | None = None

    def lock(self) -> AbstractContextManager[None]:
        if self.others is not None:
            self.save(self.others)
        return super().lock()


@define
class Listened(World):
    """A world in which it is noted who is told a refresh token."""

    platform: Listening = field(factory=Listening)


@pytest.fixture
def listened() -> Listened:
    """Ada has signed in, and it is noted who is told her refresh token."""
    world = Listened()
    world.login()
    return world


def bobs(world: World, machine: World) -> TokenSet:
    """Tokens of somebody else at the same issuer."""
    machine.platform = world.platform
    machine.login("Globex", email=BOB)
    tokens = machine.kept()
    assert isinstance(tokens, TokenSet)
    return tokens


@pytest.fixture
def swapped(listened: Listened, make_world: type[World]) -> Listened:
    """A machine on which Bob's tokens come while Ada's session waits for the lock."""
    listened.tokens = tokens = Swapped(listened.kept())
    listened.clock.advance(HOUR)
    tokens.others = bobs(listened, make_world())
    return listened


def _another_domain(world: World) -> None:
    world.settings.save(evolve(world.settings.load(), auth0_domain="login.evil.example"))


def _no_config(world: World) -> None:
    world.settings.save(Settings())


@pytest.mark.parametrize(("place", "change"), [(None, _another_domain), (elsewhere(), _no_config)])
def test_a_refresh_token_is_told_to_its_own_issuer_alone(
    place: Platform | None, change: Callable[[World], None]
) -> None:
    world = Listened(platform=Listening(place) if place else Listening())
    world.login()
    before = world.kept()
    change(world)
    world.clock.advance(HOUR)
    for ask in (world.session.fresh, world.session.renewed):
        with pytest.raises(NotSignedIn, match="are not from") as caught:
            ask()
        assert caught.value.organization == world.settings.load().current_org_name
        assert not isinstance(caught.value, SessionEnded)
    assert world.kept() == before
    assert world.session.end() is False
    assert world.tokens.load() is None
    assert world.platform.told == []


def test_the_same_issuer_is_told(listened: Listened) -> None:
    listened.session.renewed()
    assert listened.session.end() is True
    assert listened.platform.told == [listened.platform.place.issuer_host] * 2


@pytest.mark.parametrize("way", ["fresh", "renewed"])
def test_whoever_waits_for_the_lock_is_not_given_somebody_elses_tokens(swapped: Listened, way: str) -> None:
    with pytest.raises(ProjectConflict, match="current account has changed"):
        getattr(swapped.session, way)()
    assert isinstance(swapped.tokens, Swapped)
    assert swapped.kept() == swapped.tokens.others
    assert swapped.platform.told == []


def test_a_refused_refresh_is_not_answered_with_somebody_elses_tokens(
    listened: Listened, make_world: type[World]
) -> None:
    theirs = bobs(listened, make_world())

    def sign_in() -> None:
        refresh_token = listened.kept().refresh_token
        assert refresh_token is not None
        MemoryPlatform.revoke(listened.platform, listened.platform.place, refresh_token)
        listened.tokens.save(theirs)

    listened.platform.meanwhile = sign_in
    with pytest.raises(SessionEnded):
        listened.session.renewed()
    assert listened.kept() == theirs


def test_signing_out_revokes_what_it_removes(swapped: Listened) -> None:
    assert swapped.session.end() is True
    assert swapped.tokens.load() is None
    assert [family.person.email for family in swapped.platform.revoked_families] == [BOB]


def test_a_wrong_clock_is_named_while_the_old_tokens_live(signed_in: World) -> None:
    before = signed_in.kept()
    signed_in.machine = FixedClock(signed_in.platform.clock.now() + timedelta(minutes=58))
    assert not before.expired(signed_in.clock.now())
    with pytest.raises(ClockSkewed, match="58 min 0 s ahead of"):
        signed_in.session.fresh()
    assert signed_in.platform.refreshes == 1
    assert signed_in.kept().refresh_token != before.refresh_token


def test_an_issuer_that_gives_no_new_id_token_ends_the_session_with_the_old_one(make_world: type[World]) -> None:
    world = make_world(MemoryPlatform(id_token_again=False))
    world.login()
    before = world.kept()
    world.clock.advance(HOUR)
    with pytest.raises(SessionEnded, match="ID token has expired") as caught:
        world.session.fresh()
    assert caught.value.organization == "Acme"
    after = world.kept()
    assert after.id_token == before.id_token
    assert after.refresh_token != before.refresh_token
    assert claims_of(after.access_token)["exp"] > world.clock.now().timestamp()
