"""A protected environment that has expired is left alone by whoever's janitor comes by, and the rest is cleaned up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sqlmesh.core.context import Context
    from tests.adapters.sqlmesh.conftest import Link, OpenContext

EXPIRE = "update sqlmesh._environments set expiration_ts = 1 where name <> 'prod'"
APPLIED: dict[str, Any] = {"auto_apply": True, "no_prompts": True, "skip_tests": True}

CLEANUPS: dict[str, Callable[[Context], object]] = {
    "run prod": lambda context: context.run("prod"),
    "janitor": lambda context: context.run_janitor(ignore_ttl=False),
    "the UI's": lambda context: context.state_sync.delete_expired_environments(),
}


def views(context: Context) -> set[tuple[str, str]]:
    """The views of the warehouse."""
    query = "select table_schema, table_name from information_schema.tables where table_type = 'VIEW'"
    return {(schema, name) for schema, name in context.engine_adapter.fetchall(query) if "__" in schema}


def rows(link: Link, environment: str) -> list[Any]:
    """What the state says of an environment."""
    return [
        *link.database.query(f"select * from sqlmesh._environments where name = '{environment}'"),
        *link.database.query(f"select * from sqlmesh._environment_statements where environment_name = '{environment}'"),
    ]


@pytest.fixture
def expired(stocked: Link) -> Link:
    """`staging`, which is protected, and `dev`, which is not, have expired; `prod` is open."""
    stocked.protected = {"staging"}
    stocked.database.query(EXPIRE)
    return stocked


@pytest.mark.parametrize("clean_up", CLEANUPS.values(), ids=CLEANUPS)
def test_what_is_protected_stays(
    clean_up: Callable[[Context], object], expired: Link, open_context: OpenContext
) -> None:
    context = open_context(expired)
    before, state = views(context), rows(expired, "staging")
    assert {schema for schema, _ in before} == {"shop__staging", "shop__dev"}
    clean_up(context)
    assert rows(expired, "staging") == state != []
    assert rows(expired, "dev") == []
    left = {view for view in views(context) if view[0] == "shop__staging"}
    assert left == {view for view in before if view[0] == "shop__staging"}


def test_an_invalidation_leaves_the_others_alone(expired: Link, open_context: OpenContext) -> None:
    """SQLMesh 0.200 cleans up whatever has expired; later ones, what was named."""
    context = open_context(expired)
    before, state = views(context), rows(expired, "staging")
    context.invalidate_environment("dev", sync=True)
    assert rows(expired, "staging") == state
    assert rows(expired, "dev") == []
    assert views(context) == {view for view in before if view[0] == "shop__staging"}


def test_snapshots_of_what_stays_stay(expired: Link, open_context: OpenContext) -> None:
    expired.database.query("update sqlmesh._snapshots set updated_ts = 1, ttl_ms = 1")
    context = open_context(expired)
    context.plan("prod", **APPLIED)
    context.run("prod")
    assert context.engine_adapter.fetchall("select id from shop__staging.a") == [(0,)]


def test_it_runs_again_and_again(expired: Link, open_context: OpenContext) -> None:
    context = open_context(expired)
    context.run("prod")
    context.run("prod")
    assert rows(expired, "staging")


def test_where_nothing_is_protected_all_is_cleaned_up(expired: Link, open_context: OpenContext) -> None:
    expired.protected = set()
    context = open_context(expired)
    context.run("prod")
    assert (rows(expired, "staging"), rows(expired, "dev"), views(context)) == ([], [], set())
