"""Whose certificates are believed: the system's CAs, what stands in for them, and a company's own."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.adapters.http.conftest import World, new_ca

from dagctl._cures import cure
from dagctl.adapters.http.trust import Trust, trust_from
from dagctl.adapters.system.authorities import system_bundles
from dagctl.domain.errors import CertificateRefused

HOST = "api.example.test"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python whose store is empty, on a machine that has no bundle; the folder of its hashed CAs."""
    folder = tmp_path / "certs"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))  # where OpenSSL itself would look
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    paths = ssl.DefaultVerifyPaths("", str(folder), "", str(tmp_path / "missing.pem"), "", str(folder))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setattr("dagctl.adapters.system.authorities._BUNDLES", ())
    monkeypatch.setitem(sys.modules, "certifi", None)
    return folder


def test_a_python_without_cas_is_told_so(empty: Path, world: World) -> None:
    with pytest.raises(CertificateRefused, match="This Python knows no CA certificates") as caught:
        world.transport(trust=Trust()).get(f"https://{HOST}/")
    assert "company" not in (cure(caught.value) or "")
    assert "certifi" in (cure(caught.value) or "")


def test_a_python_without_cas_knows_its_sandbox(empty: Path, world: World) -> None:
    assert world.transport(trust=Trust(loopback_ca=world.ca_file)).get(world.serve().url).status == 200
    assert world.transport(trust=Trust()).get(world.serve(tls=False).url).status == 200


def test_certifi_stands_in(empty: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "certifi", SimpleNamespace(where=lambda: str(world.ca_file)))
    far = world.serve()
    assert world.transport(trust=Trust()).get(far.url).status == 200
    assert Trust().described("localhost") == f"the system's CA store ({world.ca_file})"


def test_the_file_that_other_pythons_know_stands_in(
    empty: Path, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.pem").write_text("nonsense")
    known = (str(tmp_path / "gone.pem"), str(tmp_path / "broken.pem"), str(world.ca_file))
    monkeypatch.setattr("dagctl.adapters.system.authorities._BUNDLES", known)
    assert list(system_bundles()) == [tmp_path / "broken.pem", world.ca_file]
    assert world.transport(trust=Trust()).get(world.serve().url).status == 200


def test_a_folder_alone_is_a_store(empty: Path) -> None:
    (empty / "0a1b2c3d.0").write_text("a CA")
    assert Trust().context(HOST).verify_mode is ssl.CERT_REQUIRED
    assert Trust().described(HOST) == "the system's CA store"


def test_the_variables_that_are_given_say_who_is_believed_and_not_the_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(world.ca_file))
    far = world.serve()
    with pytest.raises(CertificateRefused):
        world.transport(trust=trust_from({})).get(far.url)
    assert world.transport(trust=trust_from({"SSL_CERT_FILE": str(world.ca_file)})).get(far.url).status == 200


@pytest.mark.skipif(not next(system_bundles(), None), reason="this machine has no CAs")
def test_a_store_that_is_not_empty_is_all_there_is() -> None:
    assert Trust().described(HOST) == "the system's CA store"


def test_x509_is_as_strict_wherever_a_ca_is_from(world: World) -> None:
    flags = {
        trust.context(HOST).verify_flags
        for trust in (Trust(), Trust(world.ca_file), trust_from({"SSL_CERT_FILE": str(world.ca_file)}))
    }
    assert len(flags) == 1
    assert not flags.pop() & ssl.VERIFY_X509_STRICT


def test_a_proxy_that_inspects_is_believed_by_its_own_ca_alone(world: World, tmp_path: Path) -> None:
    company = new_ca()
    named = tmp_path / "company.pem"
    company.cert_pem.write_to_path(str(named))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    company.issue_cert(HOST).configure_cert(context)
    way = world.proxy(world.serve(tls=context))

    def through(url: str) -> str:
        return way.url

    with pytest.raises(CertificateRefused) as caught:
        world.transport(proxy=through).get(f"https://{HOST}/")
    assert (
        cure(caught.value)
        == "If the certificate comes from your company's own CA, set SSL_CERT_FILE to that CA's PEM file."
    )
    trust = trust_from({"SSL_CERT_FILE": str(named)})
    assert world.transport(trust=trust, proxy=through).get(f"https://{HOST}/").status == 200
    assert os.path.exists(named)
