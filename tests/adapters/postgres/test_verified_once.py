"""A proxy whose certificate a CA of this machine vouches for is verified, and stays so."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from dagctl.adapters.postgres.trust import LocalProxyTrust
from dagctl.adapters.postgres.wire import SSL_REQUEST
from dagctl.adapters.sqlmesh.link import StateLink
from dagctl.domain.errors import SettingUnusable, Unreachable
from dagctl.domain.values.context import Overrides, resolved
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.state import StateCredentials, StateEndpoint

if TYPE_CHECKING:
    from trustme import CA

trustme = pytest.importorskip("trustme", reason="the sandbox extra is not installed")
Machine = Callable[..., LocalProxyTrust]
NAME = "pg-proxy.example.test"


class Proxy:
    """A PostgreSQL server as far as TLS.

    Attributes:
        context: whose certificate it shows; no TLS where None.
        seen: the connections so far.
    """

    def __init__(self) -> None:
        self.context: ssl.SSLContext | None = None
        self.seen = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        Thread(target=self._accept, daemon=True).start()

    def show(self, ca: CA, name: str = NAME) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(name).configure_cert(self.context)

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self.listener.accept()
            except OSError:
                return
            self.seen += 1
            with wire, suppress(OSError):
                assert wire.recv(8) == SSL_REQUEST
                wire.sendall(b"S" if self.context else b"N")
                if self.context:
                    self.context.wrap_socket(wire, server_side=True).close()


@pytest.fixture
def proxy(certificate_authority: CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """It is at `NAME`, with a certificate of the CA of this machine."""
    look_up = socket.getaddrinfo

    def here(host: str | None, *args: Any, **options: Any) -> Any:
        return look_up("127.0.0.1" if host == NAME else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    proxy = Proxy()
    proxy.show(certificate_authority)
    yield proxy
    proxy.listener.close()


@pytest.fixture
def endpoint(proxy: Proxy) -> StateEndpoint:
    return StateEndpoint(NAME, proxy.listener.getsockname()[1], "org_acme_shop", "acme/shop")


@pytest.fixture
def machine(certificate_authority: CA, tmp_path: Path) -> Machine:
    """A process of this machine, whose variables name its CA."""
    ca = tmp_path / "machine.pem"
    certificate_authority.cert_pem.write_to_path(str(ca))
    return lambda **environ: LocalProxyTrust(tmp_path / "home", {"SSL_CERT_FILE": str(ca), **environ})


def test_where_the_certificate_holds_it_is_verified_from_then_on(
    machine: Machine, proxy: Proxy, endpoint: StateEndpoint, tmp_path: Path
) -> None:
    assert machine().applied(endpoint) == endpoint
    strict = machine().tried(endpoint)
    assert (strict.sslmode, strict.taken_on_trust) == ("verify-full", False)
    assert machine().applied(endpoint) == strict  # in another process, and without asking
    assert machine().tried(endpoint) == strict
    assert proxy.seen == 1
    kept = tmp_path / "home" / "verified_proxies"
    assert kept.read_text() == f"{endpoint.hostspec}\n"
    assert os.name != "posix" or kept.stat().st_mode & 0o777 == 0o600


def test_there_is_no_way_back_by_itself(machine: Machine, proxy: Proxy, endpoint: StateEndpoint) -> None:
    machine().tried(endpoint)
    proxy.show(trustme.CA())
    assert machine().tried(endpoint).sslmode == "verify-full"
    proxy.context = None
    assert machine().tried(endpoint).sslmode == "verify-full"
    chosen = evolve(endpoint, chosen=True)
    assert machine().tried(chosen) == chosen


@pytest.mark.parametrize("lacking", ["another CA", "another name", "no TLS"])
def test_where_it_does_not_hold_it_is_as_the_platform_documents_it(
    lacking: str, machine: Machine, proxy: Proxy, endpoint: StateEndpoint, certificate_authority: CA
) -> None:
    if lacking == "no TLS":
        proxy.context = None
    else:
        proxy.show(*((trustme.CA(), NAME) if lacking == "another CA" else (certificate_authority, "other.test")))
    here = machine()
    assert here.tried(endpoint) == endpoint
    assert endpoint.taken_on_trust
    assert here.tried(endpoint) == endpoint
    assert proxy.seen == 1  # once a process
    proxy.show(certificate_authority)
    assert machine().tried(endpoint).sslmode == "verify-full"


def test_a_proxy_that_is_not_there(machine: Machine, proxy: Proxy, endpoint: StateEndpoint) -> None:
    with pytest.raises(Unreachable, match=NAME):
        machine().tried(evolve(endpoint, port=1))


def test_without_a_home_it_is_tried_each_time(
    machine: Machine, proxy: Proxy, endpoint: StateEndpoint, certificate_authority: CA, tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("not a folder")
    for _ in range(2):
        assert machine().tried(endpoint).sslmode == "verify-full"
    assert proxy.seen == 2


def test_a_ca_of_its_own_needs_no_try(machine: Machine, endpoint: StateEndpoint, proxy: Proxy) -> None:
    named = machine(DAGCTL_STATE_SSLROOTCERT="/own.pem")
    assert named.applied(endpoint) == evolve(endpoint, sslmode="verify-full", sslrootcert="/own.pem")
    assert named.tried(endpoint) == named.applied(endpoint)
    chosen = evolve(endpoint, chosen=True)
    assert named.applied(chosen) == evolve(chosen, sslrootcert="/own.pem")
    assert proxy.seen == 0


def test_the_ca_that_verifies(tmp_path: Path) -> None:
    asked = StateEndpoint("proxy.example.com", 6432, sslmode="verify-full", chosen=True)

    def ca(environ: dict[str, str], host: str = asked.host) -> str | None:
        return LocalProxyTrust(tmp_path, environ).applied(evolve(asked, host=host)).sslrootcert

    first, second = {"SSL_CERT_FILE": "first.pem"}, {"REQUESTS_CA_BUNDLE": "second.pem"}
    assert ca({**first, **second}) == "first.pem"
    assert ca(second) == "second.pem"
    assert ca({**first, "DAGCTL_STATE_SSLROOTCERT": "own.pem"}) == "own.pem"
    assert ca({"PGSSLROOTCERT": "another.pem"}) == ca({})
    system = ca({})
    assert system == "system" or Path(system or "").is_file()
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "ca.pem").write_text("a CA")
    assert ca(first, "localhost") == str(tmp_path / "sandbox" / "ca.pem")
    assert ca({"DAGCTL_STATE_SSLROOTCERT": "own.pem"}, "localhost") == "own.pem"
    assert ca(first) == "first.pem"


@pytest.mark.parametrize("host", ["/tmp/socket", "a.test,b.test", "a test", "a\nb"])
def test_a_recorded_proxy_obeys_the_rule_of_the_apis_answer(host: str) -> None:
    settings = Settings(pg_proxy_host=host)
    with pytest.raises(SettingUnusable, match=r"^config\.yaml sets pg_proxy_host"):
        resolved(settings, "config.yaml", Overrides())


def test_who_connects_from_sqlmesh_is_told_once(
    machine: Machine,
    proxy: Proxy,
    endpoint: StateEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    proxy.context = None
    state = SimpleNamespace(trust=machine())
    link = StateLink(lambda: state)  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(StateLink, "credentials", lambda link: StateCredentials(endpoint, "secret-token"))
    for _ in range(2):
        assert link.entering().endpoint == endpoint
    told = capsys.readouterr().err
    assert told.count(f"the state database's proxy {endpoint.hostspec} is not verified") == 1
    assert told.count("\n") == 1
