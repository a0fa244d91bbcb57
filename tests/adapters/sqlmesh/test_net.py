"""The net: every statement that SQLMesh makes about environments passes, and none of another shape does.

This file, `test_gate.py` and `test_janitor.py` run on any SQLMesh from 0.200, with the interpreter that has it.
"""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dagctl.domain.errors import DagctlError, EnvironmentProtected, ProtectionUnknown

if TYPE_CHECKING:
    import click
    from sqlmesh.core.engine_adapter.base import EngineAdapter
    from tests.adapters.sqlmesh.conftest import Database, Link

READS = [
    "select * from sqlmesh._environments",
    'select "name", "plan_id" from "sqlmesh"."_environments" where "name" = \'prod\' for update',
    "select name from sqlmesh._environments where expiration_ts <= 1",
    "select environment_statements from _environment_statements where environment_name = 'prod'",
    "select count(*) from _environments e join _environment_statements s on e.name = s.environment_name",
    "select name from _environments where name in ('a', 'b') union all select 'x'",
    "with e as (select * from _environments) select max(finalized_ts) from e",
    "describe sqlmesh._environments",
    "delete from sqlmesh._snapshots where name in (select name from _environments)",
    "insert into sqlmesh._snapshots (name, snapshot) values ('a', 'select * from _environments')",
    "create table if not exists sqlmesh._environments (name text, primary key (name))",
    "create table if not exists sqlmesh._environments_backup (like sqlmesh._environments including all)",
    "insert into _environments_backup (name, plan_id) select name, plan_id from (select * from _environments) as t",
    "insert into _environments__x1 select * from _environments",
    "update other set name = 'prod' where name = 'dev'",
]

NAMES = [
    ("delete from other._environments where name = 'a'", ["a"]),
    ("delete from _environments where name = 'a' or name = 'b'", ["a", "b"]),
    ("delete from _environment_statements where ((environment_name = 'a') or environment_name = 'b')", ["a", "b"]),
    ("update _environments set expiration_ts = 1 where name = 'a'", ["a"]),
    ("update _environments set finalized_ts = 1 where \"name\" = 'Pr o''d'", ["Pr o'd"]),
    (
        "insert into _environments (plan_id, name) select cast(plan_id as text) as plan_id, name from "
        "(values ('p', 'a'), ('p', cast('b' as text))) as t(plan_id, name)",
        ["a", "b"],
    ),
    (
        "insert into _environments (plan_id, name) select name, plan_id from (values ('p', 'a')) as t(plan_id, name)",
        ["p"],
    ),
    ("insert into _environment_statements (environment_name, plan_id) values ('a', 'p')", ["a"]),
    ("insert into _environments_backup (name) values ('a')", ["a"]),
]

ROWS = [
    "delete from _environments where true",
    "delete from _environments",
    "delete from _environments where expiration_ts <= 1",
    "delete from _environments where expiration_ts <= 1 and name = 'a'",
    "update _environments set gateway_managed = false where true",
    "update _environments set suffix_target = 'schema' where 1 = 1",
    "drop table if exists sqlmesh._environments",
    "drop table _environments_backup",
    "alter table sqlmesh._environments add column gateway_managed boolean",
    "alter table sqlmesh._environments_backup rename to _environments",
    "alter table sqlmesh._environments__x1 rename to _environments",
]

UNKNOWN = [
    "delete from _environments where name in ('prod')",
    "delete from _environments where name like 'pro%'",
    "delete from _environments where name = any(array['prod'])",
    "delete from _environments where lower(name) = 'prod'",
    "delete from _environments where name = 'pr' || 'od'",
    "delete from _environments where name <> 'dev'",
    "delete from _environments where not name = 'dev'",
    "delete from _environments where name = 'dev' or true",
    "delete from _environments where name = (select 'prod')",
    "delete from _environments where name::text = 'prod'",
    "delete from _environments where name = E'pr\\x6fd'",
    "delete from _environments where name = U&'pr\\006fd'",
    "delete from _environments where plan_id = 'dev'",
    "delete from _environments where expiration_ts >= 1",
    "delete from _environments as e where e.name = 'dev'",
    "delete from _environments using other where name = 'dev'",
    "delete from _environments where name = 'dev' returning *",
    "DELETE FROM SQLMESH._ENVIRONMENTS WHERE NAME IN ('prod')",
    'delete from "sqlmesh"."_environments" where "name" between \'a\' and \'z\'',
    "update _environments set name = 'prod' where name = 'dev'",
    "update _environments set NAME = 'prod' where name = 'dev'",
    "update _environments set (name, plan_id) = ('prod', 'x') where name = 'dev'",
    "update _environments set plan_id = (select 'x') where name = 'dev'",
    "update _environments set plan_id = 'x' from other where name = 'dev'",
    "update only _environments set plan_id = 'x'",
    "insert into _environments values ('dev', 'x')",
    "insert into _environments select * from other",
    "insert into _environments (name) select 'pr' || 'od'",
    "insert into _environments (name) values (lower('PROD'))",
    "insert into _environments (name) values ('dev') on conflict (name) do update set plan_id = 'x'",
    "insert into _environments (name) select x from (values ('dev')) as t(name)",
    "insert into _environments (name) select name from (values ('dev')) as t(name) union select 'prod'",
    "insert into _environments (name) select name from (values ('dev')) as t(name) cross join other",
    "merge into _environments as t using x on t.name = x.name when matched then delete",
    "insert into _environments (name) select name from (values ('dev', 'prod')) as t(\"NAME\", name)",
    "explain analyze delete from _environments where name like 'p%'",
    "truncate table sqlmesh._environments",
    "truncate sqlmesh._snapshots, sqlmesh._environments",
    "copy _environments from stdin",
    "alter table sqlmesh.other rename to _environments",
    "alter table sqlmesh._environments rename to gone",
    "alter table sqlmesh._environments rename column name to other",
    "alter table sqlmesh._environments alter column name type text using 'prod'",
    "alter table sqlmesh._environments disable trigger all",
    "alter table sqlmesh._environments set schema elsewhere",
    "create table _environments as select 'prod' as name",
    "create view v as select * from _environments",
    "create rule r as on select to _environments do instead nothing",
    "create trigger t before insert on _environments execute function f()",
    "drop table a, _environments",
    "drop view _environments",
    "drop schema sqlmesh cascade",
    "alter schema sqlmesh rename to gone",
    "with gone as (delete from _environments returning *) select * from gone",
    "with gone as (delete from _environments where name = 'dev' returning *) insert into other select * from gone",
    "select * into _environments from other",
    "select query_to_xml('delete from _environments', true, true, '')",
    "do $$ begin delete from _environments; end $$",
    "prepare p as delete from _environments",
    "lock table _environments",
    "comment on table _environments is 'x'",
    "grant all on _environments to public",
    "delete from __temp__environments_a1 where name like 'p%'",
    "insert into _environments select * from __temp__environments_a1",
    'delete from U&"\\005fenvironments"',
    "delete from _environments where (name = 'dev'",
    "select 1; delete from _environments where name like 'p%'",
]


@pytest.fixture(autouse=True)
def quiet(sqlmesh_cli: click.Group) -> Iterator[None]:
    """SQLMesh is loaded; what its old versions warn of is theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def asked(text: str) -> list[Any]:
    from dagctl.adapters.sqlmesh.net import questions

    return list(questions(text))


@pytest.mark.parametrize("text", READS)
def test_nobody_is_asked(text: str) -> None:
    assert all(not question.names and question.rows is None for question in asked(text))


@pytest.mark.parametrize(("text", "names"), NAMES)
def test_those_are_asked_about_that_a_statement_names(text: str, names: list[str]) -> None:
    (question,) = asked(text)
    assert sorted(question.names) == names
    assert question.rows is None


@pytest.mark.parametrize("text", ROWS)
def test_those_are_asked_about_whose_rows_a_statement_meets(text: str) -> None:
    (question,) = asked(text)
    assert not question.names
    assert question.rows is not None


@pytest.mark.parametrize("text", UNKNOWN)
def test_other_shapes_are_refused(text: str) -> None:
    with pytest.raises(ProtectionUnknown):
        asked(text)


@pytest.mark.parametrize("text", [text for text in UNKNOWN if "query_to_xml" not in text])
def test_other_shapes_are_refused_as_expressions(text: str) -> None:
    import sqlglot

    from dagctl.adapters.sqlmesh.net import question

    try:
        statements = sqlglot.parse(text, read="postgres")
    except sqlglot.errors.SqlglotError:
        return  # only a text can say this
    with pytest.raises(ProtectionUnknown):
        list(map(question, statements))


@pytest.fixture
def adapter(make_link: type[Link], database: Database) -> Iterator[EngineAdapter]:
    """SQLMesh's adapter over a database with three environments, of which `prod` is protected."""
    from dagctl.adapters.sqlmesh.connection import state_connection

    for table, column in (("_environments", "name"), ("_environment_statements", "environment_name")):
        database.query(f"create table {table} ({column} text, expiration_ts bigint)")
        database.query(f"insert into {table} values ('prod', 1), ('dev', 1), ('new', null)")
    made = state_connection(make_link(database.where, {"prod"})).create_engine_adapter()
    yield made
    made.close()


def attempts(sql: Any) -> dict[str, Callable[[EngineAdapter], object]]:
    from sqlglot import exp

    table, clear, one = exp.to_table("_environments"), "delete from {}", "delete from _environments where name = %s"
    both = [exp.delete(table, "name = 'dev'"), exp.delete(table, "name = 'prod'")]
    return {
        "execute": lambda a: a.execute("delete from _environments where name = 'prod'"),
        "execute, several": lambda a: a.execute(both),
        "fetchone": lambda a: a.fetchone("delete from _environments returning name"),
        "cursor": lambda a: a.cursor.execute("delete from _environments"),
        "cursor, bytes": lambda a: a.cursor.execute(b"delete from _environments"),
        "cursor, with values": lambda a: a.cursor.execute(one, ("prod",)),
        "cursor, composed": lambda a: a.cursor.execute(sql.SQL(clear).format(sql.Identifier("_environments"))),
        "cursor, many": lambda a: a.cursor.executemany(one, [("dev",), ("prod",)]),
        "cursor, copy": lambda a: a.cursor.copy_expert("copy _environments from stdin", io.StringIO("prod\t2\n")),
        "cursor, copy from": lambda a: a.cursor.copy_from(io.StringIO("prod\t2\n"), "_environments"),
        "cursor, a function": lambda a: a.cursor.callproc(
            "query_to_xml", ["delete from _environments", True, True, ""]
        ),
        "connection": lambda a: a.connection.cursor().execute("truncate _environments"),
        "drop_table": lambda a: a.drop_table("_environments"),
        "rename_table": lambda a: a.rename_table("_environments", "_environments_backup"),
        "delete_from": lambda a: a.delete_from("_environments", "TRUE"),
        "update_table": lambda a: a.update_table(table, {"expiration_ts": 2}, where="name LIKE 'p%'"),
        "insert_append": lambda a: a.insert_append("_environments", exp.select("'prod'", "1")),
        "replace_query": lambda a: a.replace_query("_environments", exp.select("'prod' AS name", "1 AS expiration_ts")),
        "drop_schema": lambda a: a.drop_schema("public", cascade=True),
        "truncate": lambda a: a._truncate_table("_environments"),
        "clone": lambda a: a.with_settings(execute_log_level=10).execute("drop table _environments"),
    }


@pytest.mark.parametrize("way", attempts(None))
def test_no_way_around_the_adapter(way: str, adapter: EngineAdapter, database: Database) -> None:
    sql = pytest.importorskip("psycopg2.sql")
    before = database.dump()
    with pytest.raises(DagctlError) as refused, adapter.transaction():
        attempts(sql)[way](adapter)
    assert isinstance(refused.value, (ProtectionUnknown, EnvironmentProtected))
    assert database.dump() == before


def test_pandas_wraps_the_refusal(adapter: EngineAdapter, database: Database) -> None:
    before = database.dump()
    with pytest.raises(Exception, match="of a kind that this version does not know") as refused:
        adapter.fetchdf("delete from _environments returning name")
    assert isinstance(refused.value.__cause__, ProtectionUnknown)
    assert database.dump() == before


def test_what_meets_no_protected_row_goes_through(adapter: EngineAdapter, database: Database) -> None:
    database.query("delete from _environments where name = 'prod'")
    adapter.delete_from("_environments", "TRUE")
    adapter.drop_table("_environments")
    adapter.drop_table("_environments_backup")
    adapter.cursor.execute("select 1")
    assert database.query("select to_regclass('_environments') is null") == [(True,)]


def test_a_text_that_cannot_be_meant_costs_next_to_nothing() -> None:
    text = "insert into _snapshots (snapshot) values ('" + "x" * 5_000_000 + "')"
    began = time.perf_counter()
    assert asked(text) == []
    assert time.perf_counter() - began < 0.5
