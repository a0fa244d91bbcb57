"""The engine adapter through which SQLMesh keeps its state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlmesh.core.engine_adapter.postgres import PostgresEngineAdapter

from dagctl.adapters.sqlmesh import net
from dagctl.adapters.sqlmesh.errors import for_sqlmesh
from dagctl.adapters.sqlmesh.warden import OPTION, Warden
from dagctl.domain.errors import DagctlError, Unreachable
from dagctl.domain.values.text import printable


class StateEngineAdapter(PostgresEngineAdapter):
    """SQLMesh's adapter for PostgreSQL, which checks each statement about environments."""

    def execute(self, expressions: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute the statements, unless one would change a protected environment.

        Raises:
            DagctlError: one would; as an SQLMesh error, so that SQLMesh reports it as its own.
        """
        warden: Warden | None = self._extra_config.get(OPTION)
        if warden is None:
            return super().execute(expressions, *args, **kwargs)
        # one transaction: a refusal undoes the statements before it
        with self.transaction():
            for each in expressions if isinstance(expressions, (list, tuple)) else [expressions]:
                if isinstance(each, str):
                    super().execute(each, *args, **kwargs)  # the cursor checks texts, wherever they come from
                    continue
                statement = self._asked(each, warden)
                with self.cursor.seen():  # SQLMesh sends it as a text, which the cursor would ask about again
                    super().execute(statement, *args, **kwargs)
        return None

    def _asked(self, statement: Any, warden: Warden) -> Any:
        """The statement, once the warden allows it. A janitor's statement loses the environments it must not touch."""
        from dagctl.adapters.sqlmesh.cursor import ask, met

        try:
            expiring = net.expiring(statement)
            if expiring is not None:
                closed = warden.closed(met(expiring, self.connection))
                statement = net.sparing(statement, closed) if closed else statement
            ask(net.question(statement), self.connection, warden)
        except DagctlError as error:
            raise for_sqlmesh(error) from None
        return statement

    @contextmanager
    def transaction(self, condition: bool | None = None) -> Iterator[None]:
        """SQLMesh's transaction. If one loses its connection, the next one gets a new connection.

        Raises:
            DagctlError: the connection was lost during the transaction; as an SQLMesh error.
        """
        import psycopg2

        outermost = not self._connection_pool.is_transaction_active
        inside: Exception | None = None
        try:
            with super().transaction(condition):
                try:
                    yield
                except Exception as error:
                    inside = error  # on a lost connection SQLMesh's rollback fails too, and would hide this error
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
            f"The connection to the state database was lost during a transaction: {printable(why)}.",
            lost=True,
        )
    )
