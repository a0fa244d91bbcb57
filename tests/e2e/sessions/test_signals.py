"""Signals at random moments of a renewal, a sign-in and a switch: the next renewal works."""

from __future__ import annotations

import os
import random
import signal

import pytest
from tests.e2e.sessions.conftest import ACME, GLOBEX, Machine

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOMENTS = {"auth refresh": 120, "auth login": 40, "auth switch": 40}


def test_there_are_200_of_them() -> None:
    assert sum(MOMENTS.values()) == 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", MOMENTS)
def test_signals_at_random_moments(machine: Machine, command: str) -> None:
    """The same DAGCTL_TEST_SEED draws the same moments."""
    seed = int(os.environ.get("DAGCTL_TEST_SEED") or random.SystemRandom().getrandbits(32))
    print(f"DAGCTL_TEST_SEED={seed}")
    chance, struck = random.Random(seed), 0
    for organization in (GLOBEX, ACME):
        machine.signs_in(organization)
    seconds, reuses = machine.run(*_words(machine, command)).seconds, machine.reuses()
    for _ in range(MOMENTS[command]):
        args, by = _words(machine, command), chance.choice(SIGNALS)
        ending = machine.run(*args, kill_after=chance.uniform(0, 1.1 * seconds), by=by)
        struck += ending.code != 0
        assert ending.code in (0, 99, 130, -by), ending  # 99: before the program began
        if machine.look().current is None:  # it was put aside, whole
            assert machine.run("auth", "switch", ACME).code == 0
        again = machine.run("auth", "refresh")
        assert again.code == 0, again
        assert machine.reuses() == reuses
    assert {ACME, GLOBEX} == set(machine.look().sessions)
    assert struck > 0


def _words(machine: Machine, command: str) -> tuple[str, ...]:
    if command == "auth login":
        return machine.login(machine.look().current or ACME)
    if command == "auth switch":
        return ("auth", "switch", GLOBEX if machine.look().current == ACME else ACME)
    return ("auth", "refresh")
