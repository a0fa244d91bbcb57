"""The connections and cursors of the state database. Every SQL text passes through here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from psycopg2 import extensions
from sqlglot import exp

from dagctl.adapters.sqlmesh.errors import for_sqlmesh
from dagctl.adapters.sqlmesh.net import Question, questions
from dagctl.adapters.sqlmesh.warden import Warden
from dagctl.domain.errors import DagctlError


class StateConnection(extensions.connection):
    """A connection whose cursors ask its warden."""

    warden: Warden | None = None  # `opened` sets it: psycopg2 calls a factory with the DSN only


class StateCursor(extensions.cursor):
    """A cursor that asks before it changes environments.

    In psycopg2's C code no method calls another, so each one that takes SQL is overridden.
    """

    _seen = False

    @contextmanager
    def seen(self) -> Iterator[None]:
        """Within the block, the caller has already asked about its statements."""
        self._seen = True
        try:
            yield
        finally:
            self._seen = False

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002
        """Execute the query, unless it would change a protected environment.

        Raises:
            DagctlError: it would; as an SQLMesh error.
        """
        # with its values in it: an environment's name usually is one
        self._look(query if vars is None else self.mogrify(query, vars))
        super().execute(query, vars)

    def executemany(self, query: Any, vars_list: Iterable[Any]) -> None:
        for each in vars_list:
            self.execute(query, each)

    def callproc(self, procname: Any, *parameters: Any) -> Any:
        given = parameters[0] if parameters and parameters[0] else ()
        values = [*given.values()] if isinstance(given, Mapping) else [*given]
        self._look(self.mogrify(f"SELECT * FROM {procname}({', '.join(['%s'] * len(values))})", values))  # noqa: S608 - only looked at
        return super().callproc(procname, *parameters)

    def copy_expert(self, sql: Any, *args: Any, **kwargs: Any) -> None:
        self._look(sql)
        super().copy_expert(sql, *args, **kwargs)

    def copy_from(self, file: Any, table: str, *args: Any, **kwargs: Any) -> None:
        self._look(f'copy "{table}" from stdin')
        super().copy_from(file, table, *args, **kwargs)

    def _look(self, query: Any) -> None:
        warden = getattr(self.connection, "warden", None)
        if warden is None or self._seen:
            return
        text = query.as_string(self) if hasattr(query, "as_string") else query  # a `psycopg2.sql.Composable`
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        try:
            for question in questions(text):
                ask(question, self.connection, warden)
        except DagctlError as error:
            raise for_sqlmesh(error) from None


def ask(question: Question, connection: Any, warden: Warden) -> None:
    """Ask a warden.

    Raises:
        DagctlError: the warden refuses.
    """
    names = question.names or met(question, connection)
    if names:
        warden.require(names)


def met(question: Question, connection: Any) -> tuple[str, ...]:
    """The environments whose rows a statement affects; none if the table does not exist yet."""
    table = question.rows.find(exp.Table) if question.rows else None
    if question.rows is None or table is None:
        return ()
    with connection.cursor(cursor_factory=extensions.cursor) as cursor:  # its own kind asks nobody
        # a query of a missing table would fail, and with it the caller's transaction
        cursor.execute("SELECT to_regclass(%s)", (table.sql("postgres", identify=True, comments=False),))
        if cursor.fetchone() == (None,):
            return ()
        cursor.execute(question.rows.sql("postgres", identify=True))
        return tuple(sorted(str(name) for (name,) in cursor.fetchall()))
