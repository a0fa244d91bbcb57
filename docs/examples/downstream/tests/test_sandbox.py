"""The same over TLS, with a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys

import psycopg2
from shopctl.deploy import deploy

from dagctl.testing.fixtures import SignedInSandbox


def test_protection_over_https(dagctl_sandbox: SignedInSandbox) -> None:
    dagctl_sandbox.platform.protect("shop", "staging")
    assert deploy(dagctl_sandbox.client, "staging").startswith("refused:")
    assert deploy(dagctl_sandbox.connected("grace@acme.example"), "staging") == "deployed to staging"


def test_what_one_test_writes_the_next_does_not_find(dagctl_sandbox: SignedInSandbox) -> None:
    assert dagctl_sandbox.sandbox.tables("shop") == []
    assert deploy(dagctl_sandbox.client, "staging") == "deployed to staging"


def test_the_state_database(dagctl_sandbox: SignedInSandbox) -> None:
    credentials = dagctl_sandbox.client.state.credentials("shop")
    endpoint = credentials.endpoint
    connection = psycopg2.connect(
        host=endpoint.host,
        port=endpoint.port,
        dbname=endpoint.database,
        user=endpoint.user,
        password=credentials.password.reveal(),
        sslmode=endpoint.sslmode,
        sslrootcert=endpoint.sslrootcert,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE deployments (environment text)")
    connection.close()
    assert dagctl_sandbox.sandbox.tables("shop") == [("public.deployments", 0)]


def test_a_child_process_finds_the_session(dagctl_sandbox: SignedInSandbox) -> None:
    shown = subprocess.run([sys.executable, "-m", "dagctl", "projects"], capture_output=True, text=True, check=True)
    assert "web-analytics" in shown.stdout
