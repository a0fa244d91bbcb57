"""The guard at the point of use: what SQLMesh asks of its state is looked at before it is sent.

A notebook, or any program that holds a `Context`, chooses its target long after the configuration was
loaded. All its state passes through the engine adapter that our state connection hands out, and there every
change to an environment names it. A connection that is lost on the way shows there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlglot import exp
from sqlmesh.core.engine_adapter.postgres import PostgresEngineAdapter

from dagctl.adapters.sqlmesh.errors import for_sqlmesh
from dagctl.domain.errors import DagctlError, ProtectionUnknown, Unreachable
from dagctl.domain.values.text import printable

Guard = Callable[[Iterable[str], bool], None]
"""Takes environments and whether they are about to change; raises `DagctlError` where they must not be."""

OPTION = "dagctl_guard"

_COLUMNS = {"_environments": "name", "_environment_statements": "environment_name"}
"""SQLMesh's tables of environments, and the column that names the environment."""


class GuardedPostgresEngineAdapter(PostgresEngineAdapter):
    """SQLMesh's adapter for PostgreSQL, with a look at each statement about environments."""

    def execute(self, expressions: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute, unless it is about an environment that is protected.

        Raises:
            DagctlError: it is; as an SQLMesh error, so that SQLMesh reports it as one of its own.
        """
        guard: Guard | None = self._extra_config.get(OPTION)
        if guard is not None:
            try:
                for expression in expressions if isinstance(expressions, (list, tuple)) else [expressions]:
                    _look_at(expression, guard)
            except DagctlError as error:
                raise for_sqlmesh(error) from None
        return super().execute(expressions, *args, **kwargs)

    @contextmanager
    def transaction(self, condition: bool | None = None) -> Iterator[None]:
        """A transaction as SQLMesh has it; after one that has lost its connection, the next one gets a new one.

        Raises:
            DagctlError: the connection was lost in the middle; as an SQLMesh error.
        """
        import psycopg2

        outermost = not self._connection_pool.is_transaction_active
        inside: Exception | None = None
        try:
            with super().transaction(condition):
                try:
                    yield
                except Exception as error:
                    inside = error  # SQLMesh's rollback fails on a lost connection, and its error covers this one
                    raise
        except psycopg2.Error as error:
            if not self.connection.closed:
                raise
            if outermost:
                self._connection_pool.close()
            cause = inside or error
            raise (_lost(cause) if isinstance(cause, psycopg2.Error) else cause) from None


def _lost(error: Exception) -> DagctlError:
    why = (str(error).strip() or "no reason given").splitlines()[0]
    return for_sqlmesh(
        Unreachable(
            f"The connection to the state database was lost in the middle of a transaction: {printable(why)}.",
            hint="Run it again: SQLMesh goes on from what it has recorded.",
        )
    )


def _look_at(expression: object, guard: Guard) -> None:
    if not isinstance(expression, (exp.Select, exp.Insert, exp.Update, exp.Delete)):
        return
    changes = not isinstance(expression, exp.Select)
    table = expression.find(exp.Table) if not changes else _changed_table(expression)
    column = _COLUMNS.get(table.name) if table is not None else None
    if column is not None:
        names = _inserted if isinstance(expression, exp.Insert) else _selected
        guard(sorted(set(names(expression, column))), changes)


def _changed_table(expression: Any) -> exp.Table | None:
    target = expression.this
    return target if isinstance(target, exp.Table) else target.find(exp.Table) if target else None


def _selected(expression: Any, column: str) -> Iterator[str]:
    """The environments that the statement's conditions name."""
    for condition in expression.find_all(exp.EQ):
        sides = (condition.left, condition.right)
        for one, other in (sides, sides[::-1]):
            if isinstance(one, exp.Column) and one.name == column and isinstance(other, exp.Literal):
                yield other.name


def _inserted(expression: Any, column: str) -> Iterator[str]:
    """The environments that the new rows name. Rows that come from another table name none."""
    for values in expression.find_all(exp.Values):
        columns = values.alias_column_names
        if column not in columns:
            raise ProtectionUnknown(
                "SQLMesh is about to write environments in a way that this version of dagctl does not know.",
                hint="Upgrade dagctl: pip install --upgrade dagctl",
            )
        for row in values.expressions:
            value = row.expressions[columns.index(column)]
            literal = value if isinstance(value, exp.Literal) else value.find(exp.Literal)
            if literal is not None:
                yield literal.name
