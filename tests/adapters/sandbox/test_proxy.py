"""The PG proxy: what it refuses, and that it is not to be noticed otherwise."""

from __future__ import annotations

import io
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from dagctl.adapters.sandbox import Sandbox, SandboxOptions, proxy, running_sandbox
from dagctl.adapters.sandbox.databases import cursor
from dagctl.adapters.sandbox.upstream import Upstream

if TYPE_CHECKING:
    from tests.adapters.sandbox.conftest import Client

Connect = Callable[..., "psycopg2.extensions.connection"]
SSL_REQUEST = struct.pack("!II", 8, 80877103)
GSS_REQUEST = struct.pack("!II", 8, 80877104)


@pytest.fixture
def connect(sandbox: Sandbox, tokens: dict[str, Any]) -> Connect:
    """Connect as `acme/shop` with Ada's access token; keywords change that."""

    def connect(**changes: Any) -> psycopg2.extensions.connection:
        host, port = sandbox.proxy
        standard = {
            "host": host,
            "port": port,
            "user": "acme/shop",
            "dbname": "org_acme_shop",
            "password": tokens["access_token"],
            "sslmode": "require",
        }
        made: psycopg2.extensions.connection = psycopg2.connect(**{**standard, **changes})
        return made

    return connect


@pytest.fixture(name="cursor")
def fixture_cursor(connect: Connect) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor of a connection, whose transaction is rolled back."""
    with closing(connect()) as connection, connection.cursor() as cursor:
        yield cursor


def refusal(connect: Connect, **changes: Any) -> str:
    """What the proxy says as it refuses."""
    with pytest.raises(psycopg2.OperationalError) as raised:
        connect(**changes)
    return str(raised.value)


def test_the_certificate_is_good_for_the_strictest_client(connect: Connect, sandbox: Sandbox) -> None:
    with closing(connect(sslmode="verify-full", sslrootcert=str(sandbox.ca_file))) as connection:
        assert connection.info.ssl_in_use
        assert connection.info.dbname == "org_acme_shop"


def test_cleartext_is_refused(connect: Connect, sandbox: Sandbox) -> None:
    assert "TLS connections only" in refusal(connect, sslmode="disable")
    assert sandbox.observations.pg_logins[-1].refusal == "cleartext"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": 1}, "the token has expired"),
        ({"aud": "https://api.elsewhere.example"}, "for another audience"),
        ({"aud": []}, "for another audience"),
        ({"iss": "https://elsewhere.example/"}, "from another issuer"),
        ({"sub": "sandbox|eve"}, "does not belong to the user"),
        ({"sub": "sandbox|new"}, "does not belong to the user"),
    ],
)
def test_a_token_has_to_be_right_in_everything(
    connect: Connect, sandbox: Sandbox, forge: Callable[..., str], changes: dict[str, Any], reason: str
) -> None:
    token = forge(**{"aud": [sandbox.api_url], **changes})

    assert reason in refusal(connect, password=token)
    assert reason in str(sandbox.observations.pg_logins[-1].refusal)


def test_an_id_token_is_not_an_access_token(connect: Connect, tokens: dict[str, Any]) -> None:
    assert "for another audience" in refusal(connect, password=tokens["id_token"])


@pytest.mark.parametrize("password", ["nonsense", "a.b.c", "ü", "x" * 60_000])
def test_what_is_no_token_is_refused(connect: Connect, password: str) -> None:
    said = refusal(connect, password=password)

    assert "not one of this issuer's" in said
    assert password not in said


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user": "acme/none"}, 'does not belong to the user "acme/none"'),
        ({"user": "postgres"}, 'does not belong to the user "postgres"'),
        ({"user": "ACME/shop"}, 'does not belong to the user "ACME/shop"'),
        ({"dbname": "org_acme_web_analytics"}, "does not belong to the user"),
        ({"dbname": "postgres"}, "does not belong to the user"),
        ({"user": "acme/web-analytics"}, "does not belong to the user"),
        ({"replication": "database"}, "no replication"),
    ],
)
def test_only_the_projects_own_user_and_database_are_open(
    connect: Connect, changes: dict[str, str], reason: str
) -> None:
    assert reason in refusal(connect, **changes)


def test_the_sqlstate_tells_a_bad_password_from_a_bad_place(sandbox: Sandbox, tokens: dict[str, Any]) -> None:
    with Wire(sandbox) as bad_password:
        assert bad_password.enter("acme/shop", "org_acme_shop", "nonsense")[b"C"] == b"28P01"
    with Wire(sandbox) as bad_place:
        assert bad_place.enter("acme/shop", "postgres", tokens["access_token"])[b"C"] == b"28000"


def test_no_project_can_enter_anothers_database_in_postgresql_itself(sandbox: Sandbox) -> None:
    for user, database in (("acme/shop", "org_acme_web_analytics"), ("acme/web-analytics", "org_acme_shop")):
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            psycopg2.connect(**{**sandbox.admin_dsn("shop"), "user": user, "dbname": database})


def test_a_login_is_observed(connect: Connect, sandbox: Sandbox) -> None:
    connect().close()

    seen = sandbox.observations.pg_logins[-1]
    assert (seen.user, seen.database, seen.refusal) == ("acme/shop", "org_acme_shop", None)
    assert seen.token_age is not None
    assert seen.token_left is not None
    assert seen.token_left > 0


def test_parameters_and_settings_come_through(connect: Connect) -> None:
    with closing(connect(options="-c statement_timeout=4321", application_name="a tool")) as connection:
        assert connection.get_parameter_status("application_name") == "a tool"
        assert connection.info.server_version >= 180000
        assert connection.info.backend_pid > 0
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("4321ms",)


def test_large_values_in_both_directions(cursor: psycopg2.extensions.cursor) -> None:
    large = bytes(range(256)) * 40_000  # 10 MB

    cursor.execute("SELECT %s::bytea, md5(%s::bytea)", (psycopg2.Binary(large), psycopg2.Binary(large)))

    row = cursor.fetchone()
    assert row is not None
    back, digest = row
    assert bytes(back) == large
    assert digest


def test_many_rows(cursor: psycopg2.extensions.cursor) -> None:
    cursor.execute("SELECT n, repeat('x', 1000) FROM generate_series(1, 20000) n")

    assert sum(number for number, _ in cursor.fetchall()) == 20000 * 20001 // 2


def test_copy_in_both_directions(cursor: psycopg2.extensions.cursor) -> None:
    cursor.execute("CREATE TEMP TABLE copied (n int, text text)")
    cursor.copy_from(io.StringIO("".join(f"{n}\t{'y' * 500}\n" for n in range(20000))), "copied")
    back = io.StringIO()

    cursor.copy_expert("COPY (SELECT n FROM copied ORDER BY n) TO STDOUT", back)

    assert back.getvalue().split() == [str(n) for n in range(20000)]


def test_a_slow_reader_gets_everything(connect: Connect) -> None:
    """The relay stops reading from the server while the client takes nothing: nothing is lost, nothing piles up."""
    with closing(connect()) as connection, connection.cursor() as cursor:

        class Reader(io.StringIO):
            rows = 0

            def write(self, text: str) -> int:
                if self.rows == 0:
                    started.set()
                    go_on.wait(30)
                self.rows += text.count("\n")
                return len(text)

        started, go_on, reader = threading.Event(), threading.Event(), Reader()
        copying = threading.Thread(
            target=cursor.copy_expert,
            args=("COPY (SELECT repeat('z', 1000) FROM generate_series(1, 50000)) TO STDOUT", reader),
        )
        copying.start()
        assert started.wait(30)
        with closing(connect()) as other, other.cursor() as meanwhile:
            meanwhile.execute("SELECT 1")
            assert meanwhile.fetchone() == (1,)
        go_on.set()
        copying.join(60)
        assert reader.rows == 50000


def test_an_error_leaves_the_connection_usable(connect: Connect) -> None:
    with closing(connect()) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.DivisionByZero):
            cursor.execute("SELECT 1/0")
        connection.rollback()
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


def test_many_connections_at_once(connect: Connect) -> None:
    answers: list[int] = []

    def work(number: int) -> None:
        with closing(connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT %s", (number,))
            row = cursor.fetchone()
            assert row is not None
            answers.append(row[0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == list(range(40))


def test_a_client_that_goes_leaves_no_backend(connect: Connect, cursor: psycopg2.extensions.cursor) -> None:
    gone = connect()
    pid = gone.info.backend_pid
    gone.close()

    cursor.connection.autocommit = True
    left: list[Any] = [pid]
    while left:  # it ends by itself, or this test does not
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE pid = %s", (pid,))
        left = cursor.fetchall()


class Wire:
    """The protocol by hand."""

    def __init__(self, sandbox: Sandbox, *, tls: bool = True) -> None:
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", sandbox.proxy[1]), timeout=30)
        if tls:
            self.socket.sendall(SSL_REQUEST)
            assert self.socket.recv(1) == b"S"
            trust = ssl.create_default_context(cafile=str(sandbox.ca_file))
            self.socket = trust.wrap_socket(self.socket, server_hostname="localhost")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def start(self, version: int = 3 << 16, **parameters: str) -> None:
        """Send a StartupMessage."""
        content = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
        self.socket.sendall(struct.pack("!II", len(content) + 8, version) + content)

    def message(self) -> tuple[bytes, bytes]:
        """The next message."""
        kind, length = struct.unpack("!cI", self._exactly(5))
        return kind, self._exactly(length - 4)

    def password(self, password: str) -> None:
        """Answer a request for the password."""
        content = password.encode() + b"\0"
        self.socket.sendall(b"p" + struct.pack("!I", len(content) + 4) + content)

    def query(self, sql: str) -> None:
        """Send a query."""
        content = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!I", len(content) + 4) + content)

    def enter(self, user: str, database: str, password: str) -> dict[bytes, bytes]:
        """Try to get in; returns the fields of the refusal."""
        self.start(user=user, database=database)
        assert self.message() == (b"R", struct.pack("!I", 3))
        self.password(password)
        return error_fields(self.message())

    def ended(self) -> bool:
        """Whether the proxy has closed the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self.socket.recv(count - len(found))
            assert piece, "the proxy has closed the connection"
            found += piece
        return found


def error_fields(message: tuple[bytes, bytes]) -> dict[bytes, bytes]:
    """The fields of an ErrorResponse."""
    kind, content = message
    assert kind == b"E"
    return {field[:1]: field[1:] for field in content.split(b"\0") if field}


def test_encryption_by_gss_is_declined_and_tls_taken(sandbox: Sandbox) -> None:
    with Wire(sandbox, tls=False) as wire:
        wire.socket.sendall(GSS_REQUEST)
        assert wire.socket.recv(1) == b"N"
        wire.socket.sendall(SSL_REQUEST)
        assert wire.socket.recv(1) == b"S"


def test_a_newer_protocol_is_negotiated_down(sandbox: Sandbox, tokens: dict[str, Any]) -> None:
    with Wire(sandbox) as wire:
        wire.start(3 << 16 | 2, user="acme/shop", database="org_acme_shop", **{"_pq_.new": "on"})
        assert wire.message() == (b"v", struct.pack("!II", 3 << 16, 1) + b"_pq_.new\0")
        assert wire.message()[0] == b"R"
        wire.password(tokens["access_token"])
        assert wire.message() == (b"R", b"\0\0\0\0")


def test_a_query_can_be_cancelled(sandbox: Sandbox, tokens: dict[str, Any]) -> None:
    """By hand: psycopg2 holds Python's lock while it cancels, and the proxy lives in this process."""
    with Wire(sandbox) as wire:
        wire.start(user="acme/shop", database="org_acme_shop")
        wire.message()
        wire.password(tokens["access_token"])
        secret = dict(iter(wire.message, (b"Z", b"I")))[b"K"]
        wire.query("SELECT pg_sleep(60)")
        with cursor(sandbox.admin_dsn("shop")) as watch:
            state = None
            while state != "active":
                watch.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", struct.unpack_from("!I", secret))
                (state,) = watch.fetchone()
        with Wire(sandbox, tls=False) as other:
            other.socket.sendall(struct.pack("!II", 16, 80877102) + secret)
            assert other.ended()
        assert wire.message()[0] == b"T"
        assert error_fields(wire.message())[b"C"] == b"57014"


def test_another_protocol_is_refused(sandbox: Sandbox) -> None:
    with Wire(sandbox) as wire:
        wire.start(2 << 16, user="acme/shop")
        assert error_fields(wire.message())[b"C"] == b"08P01"


@pytest.mark.parametrize(
    "bytes_",
    [
        struct.pack("!II", 4, 3 << 16),
        struct.pack("!II", 0x7FFFFFFF, 3 << 16),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        SSL_REQUEST + b"what follows must wait for TLS",
    ],
)
def test_what_makes_no_sense_ends_the_connection(sandbox: Sandbox, bytes_: bytes) -> None:
    with Wire(sandbox, tls=False) as wire:
        wire.socket.sendall(bytes_)
        assert wire.ended()


def test_something_else_than_a_password_is_refused(sandbox: Sandbox) -> None:
    with Wire(sandbox) as wire:
        wire.start(user="acme/shop", database="org_acme_shop")
        wire.message()
        wire.query("SELECT 1")
        assert error_fields(wire.message())[b"C"] == b"08P01"


def test_nobody_fills_the_memory_before_being_let_in(sandbox: Sandbox) -> None:
    def talk_without_end(wire: Wire) -> None:
        while True:
            wire.socket.sendall(b"x" * 100_000)

    with Wire(sandbox) as wire:
        wire.start(user="acme/shop", database="org_acme_shop")
        wire.socket.sendall(b"p" + struct.pack("!I", 60_000))
        with pytest.raises((ConnectionError, ssl.SSLError)):
            talk_without_end(wire)


def test_a_server_that_says_nothing_is_not_kept_waiting(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "HANDSHAKE", 4.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        monkeypatch.setattr(sandbox._pg_proxy, "_upstream", Upstream("127.0.0.1", silent.getsockname()[1]))
        with pytest.raises(psycopg2.OperationalError):
            connect()
        backend, _ = silent.accept()
        with backend:
            backend.settimeout(20)
            while backend.recv(1024):
                pass


def test_a_restarted_proxy_drops_what_there_was_and_takes_new(
    sandbox_home: Path, new_client: Callable[[Sandbox], Client]
) -> None:
    with running_sandbox(home=sandbox_home) as sandbox:
        token = new_client(sandbox).tokens()["access_token"]
        host, port = sandbox.proxy
        known = {"host": host, "port": port, "user": "acme/shop", "dbname": "org_acme_shop", "password": token}
        for interrupt in (sandbox.restart_proxy, sandbox.drop_connections):
            with closing(psycopg2.connect(**known)) as connection, connection.cursor() as cursor:
                interrupt()
                with pytest.raises(psycopg2.OperationalError):
                    cursor.execute("SELECT pg_sleep(60)")
        with closing(psycopg2.connect(**known)) as connection:
            assert connection.info.dbname == "org_acme_shop"


def test_no_other_program_gets_the_port_of_a_proxy_that_is_down(sandbox_home: Path) -> None:
    with running_sandbox(home=sandbox_home) as sandbox:
        with sandbox.proxy_down():
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(sandbox.proxy, timeout=5)
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", sandbox.proxy[1]))
        socket.create_connection(sandbox.proxy, timeout=5).close()


def test_names_are_made_of_organization_and_project(
    sandbox_home: Path, new_client: Callable[[Sandbox], Client]
) -> None:
    options = SandboxOptions(organization="Big Co", projects={"Web-Shop 2": "p2"})
    with running_sandbox(options, home=sandbox_home) as sandbox:
        host, port = sandbox.proxy
        token = new_client(sandbox).tokens()["access_token"]
        with closing(
            psycopg2.connect(
                host=host, port=port, user="big co/web-shop 2", dbname="org_big_co_web_shop_2", password=token
            )
        ) as connection:
            assert connection.info.user == "big co/web-shop 2"
