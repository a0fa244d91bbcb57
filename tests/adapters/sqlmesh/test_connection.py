"""The state connection: each new database connection has a token of its own, and nothing else ever has one."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from dagctl import __version__, _cures
from dagctl.adapters.postgres.libpq import explained
from dagctl.domain.errors import (
    CertificateRefused,
    DagctlError,
    MissingExtra,
    NotFound,
    NotSignedIn,
    PlatformError,
    Unreachable,
)
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.state import StateCredentials, StateEndpoint

if TYPE_CHECKING:
    import click
    from sqlmesh.core.config import Config
    from tests.adapters.sqlmesh.conftest import Database, Link

    from dagctl.adapters.sqlmesh.connection import DagctlStateConnection

    Connect = Callable[[Link], DagctlStateConnection]

SOMEWHERE = {"host": "proxy.example.com", "port": 6432, "database": "org_acme_shop", "user": "acme/shop"}


@pytest.fixture
def connection(sqlmesh_cli: click.Group) -> Connect:
    """The state connection over a link."""
    from dagctl.adapters.sqlmesh.connection import state_connection

    return state_connection


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that psycopg2 is given, in order."""
    psycopg2 = pytest.importorskip("psycopg2")
    seen: list[str] = []
    connect = psycopg2.connect

    def noting(*args: Any, **settings: Any) -> Any:
        if "password" in settings:
            seen.append(settings["password"])
        return connect(*args, **settings)

    monkeypatch.setattr(psycopg2, "connect", noting)
    return seen


def opener(connection: DagctlStateConnection) -> Callable[..., Any]:
    """What SQLMesh calls for each new connection."""
    return connection._connection_factory_with_kwargs


def test_each_new_connection_has_a_fresh_token(
    connection: Connect, make_link: type[Link], database: Database, passwords: list[str]
) -> None:
    open_one = opener(connection(make_link(database.where)))
    for _ in range(3):
        open_one().close()
    assert passwords == ["token-0", "token-1", "token-2"]


def test_sqlmeshs_adapter_reconnects_with_a_fresh_token(
    connection: Connect, make_link: type[Link], database: Database, passwords: list[str]
) -> None:
    adapter = connection(make_link(database.where)).create_engine_adapter()
    adapter.fetchone("select 1")
    adapter.recycle()
    database.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'dagctl/%'")
    assert adapter.fetchone("select 1") == (1,)
    adapter.close()
    assert passwords == ["token-0", "token-1"]


def test_threads_connect_at_the_same_time(
    connection: Connect, make_link: type[Link], database: Database, passwords: list[str]
) -> None:
    open_one, together, opened = opener(connection(make_link(database.where))), Barrier(8), []

    def connect() -> None:
        together.wait()
        opened.append(open_one())

    threads = [Thread(target=connect) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in opened:
        each.close()
    assert len(set(passwords)) == 8


def test_what_libpq_is_told(connection: Connect, make_link: type[Link], database: Database) -> None:
    opened = opener(connection(make_link(database.where)))()
    told = opened.get_dsn_parameters()
    cursor = opened.cursor()
    cursor.execute("select application_name from pg_stat_activity where pid = pg_backend_pid()")
    assert cursor.fetchone() == (f"dagctl/{__version__}",)
    opened.close()
    expected = {"connect_timeout": "10", "keepalives": "1", "keepalives_idle": "30", "keepalives_count": "3"}
    assert {key: told[key] for key in expected} == expected


def test_what_a_person_changes_on_it_counts(connection: Connect, make_link: type[Link], database: Database) -> None:
    changed = connection(make_link(database.where)).copy(
        update={"connect_timeout": 3, "keepalives_idle": 7, "role": "pg_monitor"}
    )
    told = opener(changed)().get_dsn_parameters()
    assert (told["connect_timeout"], told["keepalives_idle"]) == ("3", "7")
    adapter = changed.create_engine_adapter()
    assert adapter.fetchone("select current_user") == ("pg_monitor",)
    adapter.close()


def configured(connection: DagctlStateConnection) -> Config:
    """A SQLMesh configuration with this state connection."""
    from sqlmesh.core.config import Config, GatewayConfig, ModelDefaultsConfig

    gateway: dict[str, Any] = {"connection": {"type": "duckdb"}, "state_connection": connection}
    return Config(gateways={"g": GatewayConfig(**gateway)}, model_defaults=ModelDefaultsConfig(dialect="duckdb"))


def everywhere(connection: DagctlStateConnection) -> str:
    """All that is shown of a connection by whatever shows it."""
    from sqlmesh.utils.config import print_config

    config = configured(connection)
    printed: list[str] = []

    class Console:
        def log_status_update(self, text: str) -> None:
            printed.append(text)

    print_config(connection, Console(), "State Connection")
    shown = [repr(connection), str(connection), f"{connection}", connection.json(), str(connection.dict())]
    shown += [repr(config), config.json(exclude={"loader"}), config.fingerprint, *printed, str(vars(connection))]
    shown += [repr(pickle.dumps(connection.dict())), repr(connection._connection_factory_with_kwargs)]
    return "\n".join(shown)


def test_the_token_is_in_nothing_that_is_shown(
    connection: Connect,
    make_link: type[Link],
    database: Database,
    passwords: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    made = connection(make_link(database.where))
    opener(made)().close()
    assert passwords[0] not in everywhere(made) + caplog.text
    assert "renewed by dagctl" in repr(made)


def test_the_fingerprint_does_not_change_with_the_token(
    connection: Connect, make_link: type[Link], database: Database
) -> None:
    def fingerprint(link: Link) -> tuple[str, str]:
        made = connection(link)
        config = configured(made)
        first = config.fingerprint
        opener(made)().close()
        return first, config.fingerprint

    link = make_link(database.where)
    link.tokens += ["from", "another", "hour"]
    assert len({*fingerprint(make_link(database.where)), *fingerprint(link)}) == 1


def test_it_reads_as_a_mapping(connection: Connect, make_link: type[Link]) -> None:
    made = connection(make_link({**SOMEWHERE, "sslmode": "require"}))
    expected = {"type": "postgres", **SOMEWHERE, "sslmode": "require", "connect_timeout": 10}
    assert {**dict(made), "password": ""} == {**expected, "password": ""}
    assert {**made}.keys() == dict(made).keys() == set(made) == {*expected, "password"}
    assert (made["host"], made.get("port"), made.get("nothing", 1)) == ("proxy.example.com", 6432, 1)
    assert made["password"] != made["password"]
    assert "host" in made
    assert "nothing" not in made
    assert len(made) == len(list(made)) == len(made.items()) == len(made.values())
    assert isinstance(json.dumps(dict(made)), str)
    with pytest.raises(KeyError):
        made["nothing"]


def test_a_copy_as_a_mapping_is_one_that_sqlmesh_takes(
    connection: Connect, make_link: type[Link], database: Database
) -> None:
    from sqlmesh.core.config.connection import PostgresConnectionConfig, parse_connection_config

    made = connection(make_link(database.where))
    assert isinstance(made, PostgresConnectionConfig)
    plain = parse_connection_config(dict(made))
    assert type(plain) is PostgresConnectionConfig
    assert plain.create_engine_adapter().fetchone("select 1") == (1,)


COPIES: dict[str, Callable[[DagctlStateConnection], DagctlStateConnection]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pydantic": lambda made: made.copy(),
    "pydantic, deep": lambda made: made.copy(deep=True),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_renews_its_token_too(
    copied: Callable[[DagctlStateConnection], DagctlStateConnection],
    connection: Connect,
    make_link: type[Link],
    database: Database,
    passwords: list[str],
) -> None:
    made = copied(connection(make_link(database.where)))
    for _ in range(2):
        opener(made)().close()
    assert len(set(passwords)) == 2


def test_it_survives_sqlmeshs_configuration(connection: Connect, make_link: type[Link]) -> None:
    from sqlmesh.core.config import Config

    made = connection(make_link(SOMEWHERE))
    config = configured(made)
    updated = config.update_with(Config(default_target_environment="dev"))
    for each in (config, config.copy(), copy.deepcopy(config), updated):
        assert type(each.get_state_connection("g")) is type(made)


def test_a_database_that_is_not_known_yet(connection: Connect, make_link: type[Link]) -> None:
    link = make_link(SOMEWHERE)
    link.endpoint = lambda: None  # type: ignore[method-assign,assignment,return-value]
    assert "not known" in connection(link).host
    assert link.tokens == []


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that answers one connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(4096)
            answer(peer)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(30)
        listener.close()


def fatal(code: str, message: str, severity: str = "FATAL") -> Callable[[socket.socket], None]:
    """Answers with an ErrorResponse."""
    fields = b"".join(
        kind.encode() + value.encode() + b"\0" for kind, value in (("S", severity), ("C", code), ("M", message))
    )

    def answer(peer: socket.socket) -> None:
        peer.sendall(b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0")

    return answer


@pytest.mark.parametrize(
    ("answer", "sslmode", "kind", "words", "cure"),
    [
        (fatal("28P01", "the token has expired"), "disable", PlatformError, "refused your token", "auth login"),
        (
            fatal("28000", 'password authentication failed for user "acme/shop"'),
            "disable",
            PlatformError,
            "refused your token",
            "auth login",
        ),
        (
            fatal("3D000", 'database "org_acme_shop" does not exist'),
            "disable",
            PlatformError,
            "no state database org_acme_shop",
            "dagctl projects",
        ),
        (fatal("53300", "sorry, too many clients already"), "disable", PlatformError, "no more", "Try again"),
        (lambda peer: peer.sendall(b"N"), "require", CertificateRefused, "TLS", "DAGCTL_STATE_SSLMODE"),
        (fatal("57P03", "the database system is starting up"), "disable", PlatformError, "refused", "in a moment"),
        (
            fatal("28P01", "Passwort-Authentifizierung für Benutzer »acme/shop« fehlgeschlagen"),
            "disable",
            PlatformError,
            "refused the connection: Passwort-Auth",
            "dagctl doctor",
        ),
        (
            fatal("3D000", "база данных не существует", "ВАЖНО"),
            "disable",
            PlatformError,
            "refused the connection: база",
            "dagctl doctor",
        ),
        (
            lambda peer: peer.sendall(b"HTTP/1.1 400"),
            "require",
            Unreachable,
            "is not a PostgreSQL server",
            "config current",
        ),
        (
            lambda peer: peer.sendall(b"HTTP/1.1 400"),
            "disable",
            Unreachable,
            "is not a PostgreSQL server",
            "config current",
        ),
        (lambda peer: None, "disable", Unreachable, "cannot be reached", "network"),
    ],
)
def test_a_connection_that_fails_says_what_to_do(
    answer: Callable[[socket.socket], None],
    sslmode: str,
    kind: type[DagctlError],
    words: str,
    cure: str,
    connection: Connect,
    make_link: type[Link],
) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    pytest.importorskip("psycopg2")
    with server(answer) as port:
        where = {**SOMEWHERE, "host": "127.0.0.1", "port": port, "sslmode": sslmode}
        with pytest.raises(kind) as failed:
            opener(connection(make_link(where)))()
    assert isinstance(failed.value, SQLMeshError)
    assert words in failed.value.message
    assert f"127.0.0.1:{port}" in failed.value.message
    assert cure in (failed.value.hint or "")
    assert "token-0" not in str(failed.value)
    assert "\n" not in failed.value.message
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_nobody_listens(connection: Connect, make_link: type[Link]) -> None:
    pytest.importorskip("psycopg2")
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port} cannot be reached") as failed:
        opener(connection(make_link({**SOMEWHERE, "host": "127.0.0.1", "port": port})))()
    assert (failed.value.host, failed.value.database) == (f"127.0.0.1:{port}", SOMEWHERE["database"])


def test_no_session_at_connect_time(connection: Connect, make_link: type[Link]) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    link = make_link(SOMEWHERE)

    def signed_out() -> StateCredentials:
        raise NotSignedIn("You are not signed in.", hint="Run: dagctl auth login --org ORG")

    link.credentials = signed_out  # type: ignore[method-assign]
    with pytest.raises(SQLMeshError, match="not signed in") as failed:
        opener(connection(link))()
    assert isinstance(failed.value, NotSignedIn)


ENDPOINT = StateEndpoint(**SOMEWHERE)  # type: ignore[arg-type]
CREDENTIALS = StateCredentials(ENDPOINT, "secret-token")


@pytest.mark.parametrize(
    ("said", "kind", "words", "cure"),
    [
        (
            'connection to server at "localhost" (::1), port 6432 failed: Connection refused\n'
            "\tIs the server running on that host and accepting TCP/IP connections?\n"
            'connection to server at "localhost" (127.0.0.1), port 6432 failed: Connection refused\n'
            "\tIs the server running on that host and accepting TCP/IP connections?\n",
            Unreachable,
            "cannot be reached: Connection refused.",
            "network",
        ),
        (
            'connection to server at "tls" (::1), port 6432 failed: FATAL:  database "org_acme_tls" does not exist',
            NotFound,
            'no state database org_acme_shop for you: database "org_acme_tls" does not exist.',
            "dagctl projects",
        ),
        ("server does not support SSL, but SSL was required", CertificateRefused, "offers no TLS", "config current"),
        ("FATAL:  the proxy takes TLS connections only", CertificateRefused, "accepts only TLS", "verify-full"),
        ("SSL error: certificate verify failed", CertificateRefused, "TLS with", "DAGCTL_STATE_SSLROOTCERT"),
        ("", Unreachable, "no reason is given", "network"),
    ],
)
def test_what_libpq_says_becomes_one_sentence(said: str, kind: type[DagctlError], words: str, cure: str) -> None:
    sslmode = "disable" if "TLS connections only" in said else "require"
    error = explained(said, evolve(CREDENTIALS, endpoint=evolve(ENDPOINT, sslmode=sslmode)))
    assert type(error) is kind
    assert words in error.message
    assert cure in (_cures.cure(error) or "")
    assert error.message.count("proxy.example.com:6432") == 1
    assert not set("\n\t") & set(error.message)


@pytest.mark.parametrize("variable", ["PGHOSTADDR", "PGSERVICE"])
def test_no_variable_leads_the_token_to_another_server(
    variable: str, connection: Connect, make_link: type[Link], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg2")
    came: list[socket.socket] = []
    with server(came.append) as port:
        elsewhere = tmp_path / "services.conf"
        elsewhere.write_text("[wh]\nhostaddr=127.0.0.1\n")
        monkeypatch.setenv("PGSERVICEFILE", str(elsewhere))
        monkeypatch.setenv(variable, {"PGHOSTADDR": "127.0.0.1", "PGSERVICE": "wh"}[variable])
        with pytest.raises(Unreachable, match=r"127\.0\.0\.2"):
            opener(connection(make_link({**SOMEWHERE, "host": "127.0.0.2", "port": port, "sslmode": "disable"})))()
        assert came == []
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(b"enough")


def test_an_explanation_never_holds_the_token() -> None:
    assert "secret-token" not in str(explained("bad password 'secret-token'", CREDENTIALS))


@pytest.mark.parametrize("echoed", ["{0}", "{1}", "{2}", "{0}.{1}", "(…{2}", "{1}\ncut", "x{3}", '"{4}"', "{5}"])
def test_an_explanation_holds_no_part_of_the_token(echoed: str) -> None:
    head, body, sign = "eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiJhZGEifQ", "c2lnbmF0dXJl-Z9_x2"
    parts = [head, body, sign, sign[5:], body[:9], f"{head}.{body}.{sign}"[12:30]]
    heard = f"FATAL:  the token {echoed.format(*parts)} is of no use"
    said = str(explained(heard, evolve(CREDENTIALS, password=Secret(f"{head}.{body}.{sign}"))))
    token = f"{head}.{body}.{sign}"
    assert not any(said[at : at + 8] in token for at in range(len(said) - 7))
    assert "the token" in said


def test_without_psycopg2_our_extra_is_named(
    connection: Connect, make_link: type[Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(MissingExtra, match="psycopg2") as raised:
        connection(make_link(SOMEWHERE))
    assert _cures.cure(raised.value) == "Run: pip install 'dagctl[sqlmesh]'"
