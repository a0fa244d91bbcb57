"""Another PostgreSQL than the embedded one, with each way in which it may ask for a password."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from dagctl.adapters.sandbox import Sandbox, SandboxOptions, running_sandbox
from dagctl.adapters.sandbox.databases import cursor
from dagctl.adapters.sandbox.postgres import EmbeddedPostgres
from dagctl.domain.errors import DagctlError

if TYPE_CHECKING:
    from tests.adapters.sandbox.conftest import Client

PASSWORD = "p@ss/word:%"
QUOTED = "p%40ss%2Fword%3A%25"


class TcpPostgres(EmbeddedPostgres):
    """One that listens on TCP and asks for passwords there, as a team's own does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]

    def _settings(self) -> list[str]:
        return [*super()._settings(), "-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}"]

    def ask_by(self, method: str) -> None:
        """Ask for passwords in that way from here on."""
        admin = {"host": str(self.data), "port": self.port, "user": "postgres", "dbname": "postgres"}
        kept_as = "md5" if method == "md5" else "scram-sha-256"
        (self.data / "pg_hba.conf").write_text(f"local all all trust\nhost all all 127.0.0.1/32 {method}\n")
        self.start()
        with cursor(admin) as run:
            run.execute("ALTER SYSTEM SET password_encryption = %s", (kept_as,))
            run.execute("SET password_encryption = %s", (kept_as,))
            run.execute("ALTER ROLE postgres PASSWORD %s", (PASSWORD,))
        self.start()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpPostgres]:
    """A PostgreSQL on TCP."""
    server = TcpPostgres(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "password"])
def test_the_proxy_gets_in(
    server: TcpPostgres, method: str, sandbox_home: Path, new_client: Callable[[Sandbox], Client]
) -> None:
    server.ask_by(method)
    url = f"postgresql://postgres:{QUOTED}@127.0.0.1:{server.port}/postgres"
    for _ in range(2):  # the second time, roles and databases are there already
        with running_sandbox(SandboxOptions(database_url=url), home=sandbox_home) as sandbox:
            assert PASSWORD not in repr(sandbox.options)
            host, port = sandbox.proxy
            token = new_client(sandbox).tokens()["access_token"]
            with closing(
                psycopg2.connect(host=host, port=port, user="acme/shop", dbname="org_acme_shop", password=token)
            ) as connection:
                assert connection.info.server_version >= 180000
            assert sandbox.tables("shop") == []
    assert server.alive


def test_a_wrong_password_is_told_without_being_shown(server: TcpPostgres, sandbox_home: Path) -> None:
    server.ask_by("scram-sha-256")
    url = f"postgresql://postgres:wrong-{QUOTED}@127.0.0.1:{server.port}/postgres"

    with (
        pytest.raises(DagctlError, match=f"127.0.0.1:{server.port}") as raised,
        running_sandbox(SandboxOptions(database_url=url), home=sandbox_home),
    ):
        pass

    assert PASSWORD not in str(raised.value)


def test_a_server_that_is_gone_is_told_to_the_client(
    tmp_path_factory: pytest.TempPathFactory, sandbox_home: Path, new_client: Callable[[Sandbox], Client]
) -> None:
    server = TcpPostgres(tmp_path_factory.mktemp("gone"))
    server.start()
    url = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
    with running_sandbox(SandboxOptions(database_url=url), home=sandbox_home) as sandbox:
        host, port = sandbox.proxy
        token = new_client(sandbox).tokens()["access_token"]
        server.stop()
        with pytest.raises(psycopg2.OperationalError, match="behind the proxy cannot be reached"):
            psycopg2.connect(host=host, port=port, user="acme/shop", dbname="org_acme_shop", password=token)
