"""The projects' databases in PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import parse_dsn

from dagctl.adapters.sandbox.options import SandboxOptions
from dagctl.adapters.sandbox.upstream import Upstream
from dagctl.domain.errors import DagctlError


def upstream_of(url: str) -> Upstream:
    """The server of a `postgresql://` URL, where the projects' roles get passwords.

    Raises:
        DagctlError: it is another kind of URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres") or not parts.hostname:
        raise DagctlError("The database URL is not like postgresql://user:password@host:port/database.")
    return Upstream(unquote(parts.hostname), parts.port or 5432, secrets.token_bytes(32))


def dsn_of(upstream: Upstream, url: str | None, database: str) -> dict[str, Any]:
    """How to enter `database` as an administrator, as keywords of libpq."""
    given = {"user": "postgres", **(parse_dsn(url) if url else _OURS)}
    return {**given, "host": upstream.host, "port": upstream.port, "dbname": database}


_OURS = {
    "hostaddr": "",
    "options": "",
    "sslmode": "disable",
    "gssencmode": "disable",
    "target_session_attrs": "any",
}
"""Keywords for a server that we have started: otherwise libpq takes those of a person's `PG*` variables."""


@contextmanager
def cursor(dsn: dict[str, Any]) -> Iterator[Any]:
    """A cursor that commits each statement."""
    connection = psycopg2.connect(**dsn, connect_timeout=10)
    try:
        connection.autocommit = True
        with connection.cursor() as opened:
            yield opened
    finally:
        connection.close()


def make_databases(options: SandboxOptions, upstream: Upstream) -> None:
    """Make a role and a database for each project. No role can enter another project's database.

    Raises:
        DagctlError: PostgreSQL refuses the administrator.
    """
    url = options.database_url
    try:
        entrance = parse_dsn(url).get("dbname", "postgres") if url else "postgres"
        with cursor(dsn_of(upstream, url, entrance)) as run:
            for project in options.projects:
                _make(run, options.role_of(project), options.database_of(project), upstream)
    except psycopg2.Error as error:
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise DagctlError(f"PostgreSQL at {upstream.host}:{upstream.port} cannot be prepared: {reason}") from None


def _make(run: Any, role: str, database: str, upstream: Upstream) -> None:
    names = {"role": sql.Identifier(role), "database": sql.Identifier(database)}
    run.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
    if run.fetchone() is None:
        run.execute(sql.SQL("CREATE ROLE {role} LOGIN").format(**names))
    if upstream.secret is not None:  # it differs at each start
        password = sql.Literal(upstream.password_of(role))
        run.execute(sql.SQL("ALTER ROLE {role} PASSWORD {password}").format(**names, password=password))
    run.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
    if run.fetchone() is None:
        run.execute(sql.SQL("CREATE DATABASE {database} OWNER {role}").format(**names))
        run.execute(sql.SQL("REVOKE ALL ON DATABASE {database} FROM PUBLIC").format(**names))


def empty(dsn: dict[str, Any], role: str) -> None:
    """Drop everything that a project's role owns in its database, and end the connections to it."""
    with cursor(dsn) as run:
        run.execute(
            # returns once they have ended, or after 5 seconds
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        run.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(role)))


def tables(dsn: dict[str, Any]) -> list[tuple[str, int]]:
    """Every table of the database, with its number of rows."""
    with cursor(dsn) as run:
        run.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        )
        found = []
        for schema, table in run.fetchall():
            run.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table)))
            found.append((f"{schema}.{table}", int(run.fetchone()[0])))
        return found
