"""The guard at the point of use: SQLMesh's Python API, as a notebook uses it, over a real PostgreSQL."""

from __future__ import annotations

import inspect
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dagctl.domain import errors
from dagctl.domain.errors import DagctlError, EnvironmentProtected, ProtectionUnknown

if TYPE_CHECKING:
    from tests.sqlmesh.conftest import Database, Link

MODEL = "MODEL (name shop.{name}, kind FULL); SELECT {value} AS id"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models."""
    models = tmp_path / "project" / "models"
    models.mkdir(parents=True)
    (models / "a.sql").write_text(MODEL.format(name="a", value=1))
    (models / "b.sql").write_text(MODEL.format(name="b", value=2))
    monkeypatch.setattr("sqlmesh.core.constants.SQLMESH_PATH", tmp_path / "nobody")
    monkeypatch.chdir(tmp_path)
    return models.parent


Open = Callable[["Link"], Any]


@pytest.fixture
def context(project: Path, sqlmesh_cli: Any) -> Iterator[Open]:
    """Open a SQLMesh context with its state behind a link."""
    from sqlmesh.core.config import Config, GatewayConfig, ModelDefaultsConfig
    from sqlmesh.core.context import Context

    from dagctl.adapters.sqlmesh.connection import state_connection

    opened = []

    def open_context(link: Link) -> Any:
        gateway: dict[str, Any] = {
            "connection": {"type": "duckdb", "database": str(project / "warehouse.db")},
            "state_connection": state_connection(link),
        }
        config = Config(
            gateways={"g": GatewayConfig(**gateway)},
            model_defaults=ModelDefaultsConfig(dialect="duckdb", start="2024-01-01"),
            disable_anonymized_analytics=True,
        )
        opened.append(Context(paths=[str(project)], config=config))
        return opened[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield open_context
    for each in opened:
        each.close()


def apply(context: Any, environment: str) -> None:
    context.plan(environment, auto_apply=True, no_prompts=True, skip_tests=True, include_unmodified=True)


def change(project: Path) -> None:
    (project / "models" / "a.sql").write_text(MODEL.format(name="a", value=3))


def tables(context: Any) -> list[Any]:
    return list(
        context.engine_adapter.fetchall("select table_schema, table_name from information_schema.tables order by all")
    )


TOUCHES = {
    "plan": lambda context: apply(context, "staging"),
    "plan, in another spelling": lambda context: apply(context, "Staging"),
    "run": lambda context: context.run("staging"),
    "diff": lambda context: context.diff("staging"),
    "invalidate": lambda context: context.invalidate_environment("staging"),
    "table_name": lambda context: context.table_name("shop.a", "staging"),
    "check_intervals": lambda context: context.check_intervals("staging", no_signals=True, select_models=[]),
    "apply": lambda context: context.apply(context.plan_builder("staging", skip_tests=True).build()),
}


@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_a_notebook_does_not_get_at_a_protected_environment(
    touch: Callable[[Any], None], context: Open, project: Path, make_link: type[Link], database: Database
) -> None:
    builder = context(make_link(database.where))
    apply(builder, "prod")
    apply(builder, "staging")
    change(project)
    notebook = context(make_link(database.where, closed={"staging"}, wary=True))
    before = database.dump(), tables(notebook)
    with pytest.raises(EnvironmentProtected, match="staging"):
        touch(notebook)
    assert (database.dump(), tables(notebook)) == before
    apply(notebook, "dev")
    assert (database.dump(), tables(notebook)) != before


WRITES = {
    "plan": lambda context: apply(context, "prod"),
    "invalidate": lambda context: context.invalidate_environment("staging"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_command_may_read_but_not_change_what_it_did_not_target(
    write: Callable[[Any], None], context: Open, project: Path, make_link: type[Link], database: Database
) -> None:
    builder = context(make_link(database.where))
    apply(builder, "prod")
    apply(builder, "staging")
    change(project)
    command = context(make_link(database.where, closed={"prod", "staging"}))
    environments = "select name, plan_id, expiration_ts, finalized_ts from sqlmesh._environments order by name"
    before = database.query(environments)
    with pytest.raises(EnvironmentProtected):
        write(command)
    assert database.query(environments) == before
    apply(command, "dev")
    assert "dev" in [name for name, *_ in database.query(environments)]


def test_destroy_stops_at_a_protected_environment(context: Open, make_link: type[Link], database: Database) -> None:
    builder = context(make_link(database.where))
    apply(builder, "prod")
    link = make_link(database.where, closed={"prod"}, wary=True)
    before = database.dump()
    with pytest.raises(EnvironmentProtected):
        context(link)._destroy()
    assert database.dump() == before


def test_the_guard_sees_what_sqlmesh_writes_and_reads(context: Open, make_link: type[Link], database: Database) -> None:
    """Pins how SQLMesh words its statements about environments. It fails when that moves."""
    link = make_link(database.where)
    opened = context(link)
    apply(opened, "dev")
    opened.invalidate_environment("dev")
    assert (["dev"], False) in link.looked_at
    assert (["prod"], False) in link.looked_at
    changed = [names for names, changes in link.looked_at if changes]
    assert ["dev"] in changed
    assert all(names in (["dev"], []) for names in changed)
    sources = {"promote deletes and inserts": 2, "finalize updates": 1, "invalidate updates": 1}
    assert changed.count(["dev"]) >= sum(sources.values())


def test_the_refusal_is_one_of_sqlmeshs_own_errors(context: Open, make_link: type[Link], database: Database) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    opened = context(make_link(database.where, closed={"prod"}, wary=True))
    with pytest.raises(SQLMeshError) as refused:
        apply(opened, "prod")
    assert isinstance(refused.value, EnvironmentProtected)
    assert str(refused.value) == "The environment 'prod' is protected from you.\nAsk."


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select * from sqlmesh._environments where name = 'a'", (["a"], False)),
        ("select * from sqlmesh._environments where 'a' = name for update", (["a"], False)),
        ("select * from sqlmesh._environments where expiration_ts <= 1 and name = 'a'", (["a"], False)),
        ("select * from sqlmesh._environments", ([], False)),
        ("select * from sqlmesh._environment_statements where environment_name = 'a'", (["a"], False)),
        ("delete from other._environments where name = 'a'", (["a"], True)),
        ("delete from _environments where name = 'a' or name = 'b'", (["a", "b"], True)),
        ("delete from _environments where expiration_ts <= 1", ([], True)),
        ("update _environments set expiration_ts = 1 where name = 'a'", (["a"], True)),
        (
            "insert into _environments (plan_id, name) select plan_id, name from "
            "(values ('p', 'a'), ('p', cast('b' as text))) as t(plan_id, name)",
            (["a", "b"], True),
        ),
        ("insert into _environments select * from _environments_backup", ([], True)),
    ],
)
def test_statements_about_environments(
    sql: str, expected: tuple[list[str], bool], make_link: type[Link], sqlmesh_cli: Any
) -> None:
    from sqlglot import parse_one

    from dagctl.adapters.sqlmesh.guard import _look_at

    link = make_link({})
    _look_at(parse_one(sql, read="postgres"), link.guard)
    assert link.looked_at == [expected]


@pytest.mark.parametrize(
    "sql", ["select * from sqlmesh._snapshots where name = 'a'", "create table _environments (a int)"]
)
def test_other_statements(sql: str, make_link: type[Link], sqlmesh_cli: Any) -> None:
    from sqlglot import parse_one

    from dagctl.adapters.sqlmesh.guard import _look_at

    link = make_link({})
    _look_at(parse_one(sql, read="postgres"), link.guard)
    assert link.looked_at == []


def test_rows_that_cannot_be_understood_are_refused(make_link: type[Link], sqlmesh_cli: Any) -> None:
    from sqlglot import parse_one

    from dagctl.adapters.sqlmesh.guard import _look_at

    with pytest.raises(ProtectionUnknown):
        _look_at(parse_one("insert into _environments values ('a', 'b')"), make_link({}).guard)


def test_an_error_stays_what_it_was(sqlmesh_cli: Any) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    from dagctl.adapters.sqlmesh.errors import for_sqlmesh
    from dagctl.domain.errors import Refused

    error = for_sqlmesh(Refused("No.", code="x", hint="Ask."))
    assert isinstance(error, Refused)
    assert isinstance(error, SQLMeshError)
    assert isinstance(error, DagctlError)
    assert (error.message, error.hint, error.code, str(error)) == ("No.", "Ask.", "x", "No.\nAsk.")
    assert for_sqlmesh(error) is error


EVERY_CLASS = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, DagctlError)]


@pytest.mark.parametrize("kind", EVERY_CLASS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_crosses_processes(kind: type[DagctlError], protocol: int, sqlmesh_cli: Any) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    from dagctl.adapters.sqlmesh.errors import for_sqlmesh

    fields = {name: "set" for name, value in vars(kind).items() if isinstance(value, str) and name[0] != "_"}
    error = for_sqlmesh(kind("No.", **fields))
    again = pickle.loads(pickle.dumps(error, protocol))
    assert isinstance(again, kind)
    assert isinstance(again, SQLMeshError)
    assert type(again).__name__ == kind.__name__
    assert (vars(again), str(again), again.args) == (vars(error), str(error), error.args)
    assert vars(again).items() >= fields.items()
    assert str(pickle.loads(pickle.dumps(again, protocol))) == str(error)


def test_a_cause_crosses_processes_too(sqlmesh_cli: Any) -> None:
    from dagctl.adapters.sqlmesh.errors import for_sqlmesh

    unknown = for_sqlmesh(ProtectionUnknown("No.", environment="dev", cause=errors.Unreachable("Away.", proxied=True)))
    again = pickle.loads(pickle.dumps(unknown))
    assert isinstance(again.cause, errors.Unreachable)
    assert again.cause.proxied
    assert again.hint == "Check HTTPS_PROXY, ALL_PROXY and NO_PROXY."


@pytest.mark.parametrize(
    ("argv", "command"),
    [(["/bin/sqlmesh", "plan", "prod"], True), (["ipykernel_launcher.py"], False), (["/bin/sqlmesh_lsp"], False)],
)
def test_only_on_its_command_line_a_command_of_sqlmeshs_is_named(
    argv: list[str], command: bool, sqlmesh_cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagctl.adapters.sqlmesh.errors import for_sqlmesh

    monkeypatch.setattr(sys, "argv", argv)
    said = for_sqlmesh(errors.EnvironmentProtected("No.", environment="prod", organization="Acme")).hint or ""
    assert "administrator of Acme" in said
    assert ("sqlmesh plan dev_YOURNAME" in said) is command
