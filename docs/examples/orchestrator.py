"""An orchestrator: a process that runs for days, and connects to the state database again and again.

It works in the environment `dev`. dagctl asks about `dev` alone, and a protected `prod` does not stop the program.
"""

from __future__ import annotations

from typing import Any

import psycopg2
from sqlalchemy import Engine, create_engine, event, text

import dagctl

PROJECT = "acme/shop"  # whatever account is current on this machine
ENVIRONMENT = "dev"


def state_connection(client: dagctl.Dagctl) -> Any:
    """For a SQLMesh `Config`: each connection takes a fresh token, and SQLMesh can change no other environment."""
    return client.state.connection(PROJECT, environment=ENVIRONMENT)


def snapshots(client: dagctl.Dagctl) -> int:
    """With psycopg2, and in the same way with `psycopg.connect`."""
    connection = psycopg2.connect(**client.state.keywords(PROJECT, environment=ENVIRONMENT))
    try:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_catalog.pg_class")
            row = cursor.fetchone()
            return int(row[0]) if row else 0
    finally:
        connection.close()


def engine(client: dagctl.Dagctl) -> Engine:
    """With SQLAlchemy: the pool gets new keywords for each connection that it opens."""
    made = create_engine("postgresql+psycopg2://", pool_pre_ping=True)

    @event.listens_for(made, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, keywords: dict[str, Any]) -> None:
        keywords.update(client.state.keywords(PROJECT, environment=ENVIRONMENT))

    return made


def main() -> None:
    """One round of work."""
    client = dagctl.connect()
    print(snapshots(client), "relations, by psycopg2")
    with engine(client).connect() as connection:
        print(connection.execute(text("select current_user")).scalar_one(), "by SQLAlchemy")


if __name__ == "__main__":
    main()
