"""Who renews, where several want to: threads, other processes, and clients that know nothing of our lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier

import pytest
from tests.domain.conftest import World

from dagctl.domain.errors import (
    DagctlError,
    FileBusy,
    FileUnusable,
    SessionEnded,
)
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.testing import MemoryPlatform, MemoryTokenStore

HOUR = 3600


def _revoke(world: World) -> None:
    refresh_token = world.kept().refresh_token
    assert refresh_token is not None
    world.platform.revoke(world.platform.place, refresh_token)


class _Overtaken(MemoryPlatform):
    """A platform on which another client, one without our lock, does something while we ask for a refresh."""

    _then: Callable[[], None] | None = None

    def meanwhile(self, then: Callable[[], None]) -> None:
        self._then = then

    def refresh(self, platform: Platform, refresh_token: Secret) -> TokenSet:
        then, self._then = self._then, None
        if then is not None:
            then()
        return super().refresh(platform, refresh_token)


def _overtaken(make_world: type[World]) -> tuple[World, _Overtaken]:
    platform = _Overtaken()
    world = make_world(platform)
    world.login()
    world.clock.advance(HOUR)
    return world, platform


def test_whoever_was_overtaken_takes_the_winners_tokens(make_world: type[World]) -> None:
    world, platform = _overtaken(make_world)

    def renew() -> None:
        kept = world.kept()
        assert kept.refresh_token is not None
        world.tokens.save(kept.renewed_by(world.platform.refresh(world.platform.place, kept.refresh_token)))

    platform.meanwhile(renew)
    fresh = world.session.fresh()
    assert fresh == world.kept()
    assert world.platform.refreshes == 1


def test_only_what_was_seen_is_cleared(make_world: type[World]) -> None:
    world, platform = _overtaken(make_world)
    theirs = TokenSet("a", "i", "another-refresh-token", expires_at=world.clock.now() - timedelta(seconds=1))

    def replace() -> None:
        _revoke(world)
        world.tokens.save(theirs)

    platform.meanwhile(replace)
    with pytest.raises(SessionEnded):
        world.session.fresh()
    assert world.kept() == theirs


def test_tokens_that_somebody_has_removed_meanwhile_stay_removed(make_world: type[World]) -> None:
    world, platform = _overtaken(make_world)

    def sign_out() -> None:
        _revoke(world)
        world.tokens.clear()

    platform.meanwhile(sign_out)
    with pytest.raises(SessionEnded):
        world.session.fresh()
    assert world.tokens.load() is None


class _LockTrouble(MemoryTokenStore):
    """A store whose lock cannot be had."""

    def __init__(self, tokens: TokenSet, error: DagctlError) -> None:
        super().__init__(tokens)
        self.error = error

    def lock(self) -> AbstractContextManager[None]:
        raise self.error


@pytest.mark.parametrize("error", [FileBusy("held"), FileUnusable("no such folder")])
def test_a_lock_that_cannot_be_had_matters_only_when_the_tokens_are_dead(signed_in: World, error: DagctlError) -> None:
    signed_in.tokens = _LockTrouble(signed_in.kept(), error)
    signed_in.clock.advance(HOUR - 60)
    assert signed_in.session.fresh() == signed_in.kept()
    signed_in.clock.advance(60)
    with pytest.raises(type(error)):
        signed_in.session.fresh()
    assert signed_in.platform.refreshes == 0


class _Crowded(MemoryTokenStore):
    """A store whose lock nobody gets before sixteen have asked for it, each of them with old tokens in hand."""

    together = Barrier(16)

    def lock(self) -> AbstractContextManager[None]:
        self.together.wait(60)
        return super().lock()


def test_sixteen_threads_renew_once(signed_in: World) -> None:
    signed_in.tokens = _Crowded(signed_in.kept())
    signed_in.clock.advance(HOUR)

    def fresh(_: int) -> object:
        return signed_in.session.fresh().access_token

    with ThreadPoolExecutor(16) as pool:
        got = set(pool.map(fresh, range(16)))
    assert got == {signed_in.kept().access_token}
    assert signed_in.platform.refreshes == 1
    assert signed_in.platform.revoked_families == ()


def test_a_busy_lock_keeps_nobody_signed_in(signed_in: World) -> None:
    signed_in.tokens = _LockTrouble(signed_in.kept(), FileBusy("held"))
    signed_in.session.end()
    assert signed_in.tokens.load() is None
