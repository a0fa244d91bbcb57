"""The gate: SQLMesh's Python API, as notebooks and scripts use it, over a real PostgreSQL and a real warehouse."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dagctl.domain.errors import DagctlError, EnvironmentProtected, ProtectionUnknown

if TYPE_CHECKING:
    from sqlmesh.core.context import Context
    from tests.adapters.sqlmesh.conftest import Database, Link, OpenContext

    Everything = Callable[[Context], tuple[object, object]]

APPLIED: dict[str, Any] = {"auto_apply": True, "no_prompts": True, "skip_tests": True}


def warehouse(context: Context) -> list[Any]:
    """Its tables and views."""
    query = "select table_schema, table_name from information_schema.tables order by all"
    return list(context.engine_adapter.fetchall(query))


@pytest.fixture
def everything(stocked: Link) -> Everything:
    """All that there is in the state and, by a context, in its warehouse."""
    return lambda context: (stocked.database.dump(), warehouse(context))


CHANGES: dict[str, Callable[[Context], object]] = {
    "plan": lambda context: context.plan("prod", **APPLIED),
    "plan, in another spelling": lambda context: context.plan("STAGING", **APPLIED),
    "plan, of the default": lambda context: context.plan(**APPLIED),
    "plan, of an empty name": lambda context: context.plan("", **APPLIED),
    "plan, forward only": lambda context: context.plan("prod", forward_only=True, **APPLIED),
    "plan_builder": lambda context: context.plan_builder("prod"),
    "plan_builder, by keyword": lambda context: context.plan_builder(environment="prod"),
    "restatement": lambda context: context.plan("prod", restate_models=["shop.a"], **APPLIED),
    "run": lambda context: context.run("prod"),
    "run, of the default": lambda context: context.run(),
    "run, another": lambda context: context.run(environment="staging", ignore_cron=True),
    "invalidate": lambda context: context.invalidate_environment("staging"),
    "invalidate --sync": lambda context: context.invalidate_environment("staging", sync=True),
    "the UI's": lambda context: context.state_sync.invalidate_environment("staging"),
    "janitor": lambda context: context.run_janitor(ignore_ttl=True),
    "destroy": lambda context: context.destroy(),
    "migrate": lambda context: context.migrate(),
    "rollback": lambda context: context.rollback(),
    "state import": lambda context: context.import_state(Path("nothing.json"), confirm=False),
    # past the gate, into the net
    "removal": lambda context: context.state_sync.remove_state(including_backup=True),
    "a janitor's deletion": lambda context: context.state_sync.invalidate_environment("prod", protect_prod=False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_protected_environment_is_not_changed(
    change: Callable[[Context], object], stocked: Link, open_context: OpenContext, everything: Everything
) -> None:
    context = open_context(stocked)
    before = everything(context)
    with pytest.raises(EnvironmentProtected):
        change(context)
    assert everything(context) == before


def explained(context: Context) -> None:
    from sqlmesh.core.console import TerminalConsole

    context.console = TerminalConsole()
    context.plan("prod", explain=True, **APPLIED)


READS: dict[str, Callable[[Context], object]] = {
    "diff": lambda context: context.diff("prod"),
    "environments": lambda context: context.print_environment_names(),
    "table_name": lambda context: context.table_name("shop.a", "prod"),
    "check_intervals": lambda context: context.check_intervals("prod", no_signals=True, select_models=[]),
    "export": lambda context: context.export_state(Path("out.json")),
    "render": lambda context: context.render("shop.a"),
    "evaluate": lambda context: context.evaluate("shop.a", "2024-01-01", "2024-01-02", "2024-01-02"),
    "explain": explained,
    "the UI's list": lambda context: context.state_reader.get_environments(),
    "expiry": lambda context: context.state_reader.get_expired_environments(1),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_reading_asks_nobody(
    read: Callable[[Context], object], stocked: Link, open_context: OpenContext, everything: Everything
) -> None:
    context = open_context(stocked)
    before = everything(context)
    read(context)
    assert stocked.asked + stocked.asked_again == []
    assert everything(context) == before


def test_what_is_open_works_beside_what_is_protected(stocked: Link, open_context: OpenContext) -> None:
    context = open_context(stocked)
    environments = "select name, plan_id, expiration_ts from sqlmesh._environments where name <> 'dev' order by name"
    before = stocked.database.query(environments)
    context.plan("dev", **APPLIED)
    context.run("dev")
    context.invalidate_environment("dev", sync=True)
    assert stocked.database.query(environments) == before
    assert {*stocked.asked, *stocked.asked_again} == {"dev"}


def test_a_plan_is_asked_about_again_before_it_is_applied(
    stocked: Link, open_context: OpenContext, everything: Everything
) -> None:
    context = open_context(stocked)
    plan = context.plan_builder("dev", skip_tests=True).build()
    stocked.protected.add("dev")
    before = everything(context)
    with pytest.raises(EnvironmentProtected):
        context.apply(plan)
    assert stocked.asked_again == ["dev"]
    assert everything(context) == before


def test_a_plan_that_was_made_elsewhere(
    stocked: Link, open_context: OpenContext, make_link: type[Link], everything: Everything
) -> None:
    elsewhere = open_context(make_link(stocked.where))
    plan = pickle.loads(pickle.dumps(elsewhere.plan_builder("prod", skip_tests=True).build()))
    context = open_context(stocked)
    before = everything(context)
    with pytest.raises(EnvironmentProtected):
        context.apply(plan)
    assert everything(context) == before


def test_the_default_is_the_configurations(stocked: Link, open_context: OpenContext) -> None:
    context = open_context(stocked, default_target_environment="Staging")
    with pytest.raises(EnvironmentProtected, match="Staging"):
        context.plan(**APPLIED)
    with pytest.raises(EnvironmentProtected, match="Staging"):
        context.run()


@pytest.mark.parametrize("command", ["destroy", "migrate", "rollback"])
def test_what_changes_everything_asks_about_everything_first(
    command: str, stocked: Link, open_context: OpenContext, everything: Everything
) -> None:
    stocked.protected = {"staging"}
    context = open_context(stocked)
    before = everything(context)
    with pytest.raises(EnvironmentProtected, match="staging"):
        getattr(context, command)()
    assert everything(context) == before


def test_a_first_access_of_an_empty_database_asks_nobody(
    open_context: OpenContext, make_link: type[Link], database: Database
) -> None:
    link = make_link(database.where, {"prod"})
    assert open_context(link).state_reader.get_environments() == []
    assert link.asked == []


def test_the_refusal_is_one_of_sqlmeshs_own_errors(stocked: Link, open_context: OpenContext) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    with pytest.raises(SQLMeshError) as refused:
        open_context(stocked).run("prod")
    assert isinstance(refused.value, DagctlError)


def test_a_state_sync_of_ones_own(stocked: Link, open_context: OpenContext) -> None:
    state = open_context(stocked).state_sync
    context = open_context(None, state_sync=state)
    with pytest.raises(EnvironmentProtected):
        context.run("prod")


def test_threads(stocked: Link, open_context: OpenContext, everything: Everything) -> None:
    contexts = [open_context(stocked) for _ in range(4)]
    before = everything(contexts[0])

    def attempt(context: Context) -> bool:
        try:
            context.run("prod")
        except EnvironmentProtected:
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(attempt, contexts)) == [True] * 4
    assert everything(contexts[0]) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_forked_child(stocked: Link, open_context: OpenContext) -> None:
    context = open_context(stocked)
    before = stocked.database.dump()
    child = os.fork()
    if child == 0:
        try:
            context.run("prod")
        except EnvironmentProtected:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert stocked.database.dump() == before


def test_a_connection_that_arrives_in_a_process_brings_the_gate(
    monkeypatch: pytest.MonkeyPatch, make_link: type[Link]
) -> None:
    from dagctl.adapters.sqlmesh import connection

    link = make_link({"host": "h", "port": 1, "database": "d", "user": "u"})
    dumped = pickle.dumps(connection.state_connection(link))
    stood: list[bool] = []
    monkeypatch.setattr(connection, "stand", lambda: stood.append(True))
    pickle.loads(dumped)
    assert stood


class TestStateThatIsSomebodyElses:
    """Where `check_environment_protection` was called and the state is kept without dagctl."""

    @pytest.fixture
    def context(self, open_context: OpenContext, make_link: type[Link]) -> Context:
        made = open_context(None)
        for name in ("prod", "staging"):
            made.plan(name, include_unmodified=True, **APPLIED)
        return made

    @pytest.fixture
    def warden(self, context: Context, make_link: type[Link]) -> Link:
        from dagctl.adapters.sqlmesh.gate import stand

        asked = make_link({}, {"staging"})
        stand(asked)
        stand(asked)
        return asked

    def test_it_is_not_asked_about_otherwise(self, context: Context) -> None:
        context.run("prod")

    @pytest.mark.parametrize("change", ["invalidate_environment", "run", "plan_builder"])
    def test_it_is_guarded(self, change: str, context: Context, warden: Link) -> None:
        before = warehouse(context), context.state_reader.get_environments()
        with pytest.raises(EnvironmentProtected):
            getattr(context, change)("staging")
        assert (warehouse(context), context.state_reader.get_environments()) == before
        assert warden.asked == ["staging"]

    def test_so_is_the_way_of_the_ui(self, context: Context, warden: Link) -> None:
        with pytest.raises(EnvironmentProtected):
            context.state_sync.invalidate_environment("staging")

    def test_a_run_of_production_would_drop_what_is_protected_and_expired(
        self, context: Context, make_link: type[Link]
    ) -> None:
        from dagctl.adapters.sqlmesh.gate import stand

        context.invalidate_environment("staging")
        stand(make_link({}, {"staging"}))
        before = warehouse(context)
        with pytest.raises(EnvironmentProtected):
            context.run("prod")
        assert warehouse(context) == before
        context.run("prod", skip_janitor=True)


def test_a_sqlmesh_without_these_methods_is_refused(monkeypatch: pytest.MonkeyPatch, make_link: type[Link]) -> None:
    from sqlmesh.core.context import GenericContext

    from dagctl.adapters.sqlmesh.gate import stand

    monkeypatch.setattr(GenericContext, "run", lambda self, target: None)
    with pytest.raises(ProtectionUnknown, match=r"cannot guard environments in SQLMesh .*GenericContext\.run"):
        stand()
    monkeypatch.delattr(GenericContext, "run")
    with pytest.raises(ProtectionUnknown):
        stand()


def test_standing_twice_asks_once(stocked: Link, open_context: OpenContext) -> None:
    from sqlmesh.core.context import Context

    from dagctl.adapters.sqlmesh.gate import stand

    before = Context.run
    stand()
    assert Context.run is before
    with pytest.raises(EnvironmentProtected):
        open_context(stocked).run("prod")
    assert stocked.asked == ["prod"]
