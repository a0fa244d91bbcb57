"""A PgBouncer in front of the sandbox's PostgreSQL, with TLS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import trustme
from tests.benchmarks.stage import Failed, free_port

SETTINGS = """\
[databases]
{database} = host={host} port={port} dbname={database}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = session
max_client_conn = 100
default_pool_size = 50
pkt_buf = 65536
ignore_startup_parameters = extra_float_digits
client_tls_sslmode = require
client_tls_cert_file = {folder}/server.pem
client_tls_key_file = {folder}/server.pem
log_connections = 0
log_disconnections = 0
log_stats = 0
"""
UNPRIVILEGED = "nobody"


class Pooler:
    """A PgBouncer of one database.

    Args:
        dsn: where the database is, keywords of libpq.
        role: who may enter.
    """

    PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])

    def __init__(self, dsn: Mapping[str, Any], role: str) -> None:
        self._dsn = dsn
        self._role = role
        self._port = free_port()

    @contextmanager
    def running(self) -> Iterator[dict[str, str]]:
        """How to reach it, as environment variables of libpq."""
        with tempfile.TemporaryDirectory(prefix="dagctl-bench-", dir="/var/tmp") as name:
            folder, identity = Path(name), _identity()
            self._lay_out(folder)
            if identity:
                for path in (folder, *folder.iterdir()):
                    os.chown(path, identity["user"], identity["group"])
            process = subprocess.Popen(
                [shutil.which("pgbouncer", path=self.PATH) or "pgbouncer", "--quiet", str(folder / "pgbouncer.ini")],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **identity,
            )
            try:
                self._wait(process)
                tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(folder / "ca.pem")}
                yield {"PGHOST": "localhost", "PGPORT": str(self._port), **tls}
            finally:
                process.kill()
                process.wait(30)

    def _lay_out(self, folder: Path) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        (folder / "users.txt").write_text(f'"{self._role}" ""\n', "utf-8")
        settings = SETTINGS.format(
            database=self._dsn["dbname"],
            host=self._dsn["host"],
            port=self._dsn["port"],
            own_port=self._port,
            folder=folder,
        )
        (folder / "pgbouncer.ini").write_text(settings, "utf-8")

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return
            time.sleep(0.05)
        raise Failed("PgBouncer did not come up.")


def _identity() -> dict[str, Any]:
    """Keywords of `Popen`: PgBouncer refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    user = pwd.getpwnam(UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
