"""Whom the transport believes to be who they say they are, and for whom `-k` turns that off."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.adapters.http.conftest import HIDDEN, SECRETS, FarSide, World, new_ca, reply

from dagctl._cures import cure
from dagctl.adapters.http.trust import Trust, trust_from
from dagctl.domain.errors import CertificateRefused, Malformed, Unreachable
from dagctl.domain.values.platform import ApiAccess, Platform

EXPIRED = datetime(2020, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Nothing here talks: whoever passes `-k` is warned by the CLI, in its own words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert [str(warning.message) for warning in caught if not issubclass(warning.category, ResourceWarning)] == []
    assert capfd.readouterr() == ("", "")


def test_a_certificate_that_is_in_order(world: World, far: FarSide) -> None:
    assert world.transport().get(far.url).status == 200


def test_a_ca_that_nobody_knows(world: World, far: FarSide) -> None:
    with pytest.raises(CertificateRefused, match="certificate of localhost") as caught:
        world.transport(trust=Trust()).get(far.url)

    said = f"{caught.value} {cure(caught.value)}"
    assert "SSL_CERT_FILE" in said
    assert "insecure" not in said


def test_a_certificate_for_another_name(world: World) -> None:
    far = world.serve(tls=world.server_context("elsewhere.example"))

    with pytest.raises(CertificateRefused, match="mismatch") as caught:
        world.transport().get(far.url)

    assert "Check the URL" in (cure(caught.value) or "")
    assert far.seen == []


def test_a_certificate_that_has_expired(world: World) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    world.ca.issue_cert("localhost", not_before=EXPIRED - timedelta(days=9), not_after=EXPIRED).configure_cert(context)
    far = world.serve(tls=context)

    with pytest.raises(CertificateRefused, match="expired") as caught:
        world.transport().get(far.url)

    assert "clock" in (cure(caught.value) or "")


def test_tls_1_1_is_too_old(world: World) -> None:
    context = world.server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    far = world.serve(tls=context)

    with pytest.raises(Unreachable, match=r"TLS 1\.2"):
        world.transport().get(far.url)

    assert far.seen == []


def test_https_to_a_port_that_speaks_plain_http(world: World) -> None:
    far = world.serve(tls=False)

    with pytest.raises(Unreachable, match="does not speak TLS"):
        world.transport().get(f"https://{far.host}/")


def test_http_to_a_port_that_speaks_tls(world: World, far: FarSide) -> None:
    with pytest.raises((Malformed, Unreachable)):
        world.transport().get(f"http://{far.host}/")

    assert far.seen == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_http_on_the_loopback_interface(world: World, host: str) -> None:
    far = world.serve(tls=False)

    assert world.transport().get(f"http://{host}:{far.port}/").status == 200


# the environment's CA


def test_a_ca_from_the_environment(world: World, far: FarSide) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        assert world.transport(trust=trust_from({name: str(world.ca_file)})).get(far.url).status == 200


def test_the_first_variable_wins(world: World, far: FarSide, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    new_ca().cert_pem.write_to_path(str(other))
    trust = trust_from({"SSL_CERT_FILE": str(other), "REQUESTS_CA_BUNDLE": str(world.ca_file)})

    with pytest.raises(CertificateRefused):
        world.transport(trust=trust).get(far.url)


@pytest.fixture
def hashed(world: World, tmp_path: Path) -> Path:
    """A folder with the CA under the name by which OpenSSL looks for it."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to name the folder's files")
    folder = tmp_path / "certs"
    folder.mkdir()
    digest = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", world.ca_file], capture_output=True, text=True, check=True
    )
    os.link(world.ca_file, folder / f"{digest.stdout.strip()}.0")
    return folder


def test_a_folder_of_cas(world: World, far: FarSide, hashed: Path) -> None:
    trust = trust_from({"REQUESTS_CA_BUNDLE": str(hashed)})

    assert world.transport(trust=trust).get(far.url).status == 200


def test_a_folder_of_cas_in_place_of_the_systems(
    world: World, far: FarSide, hashed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = trust_from({"SSL_CERT_DIR": str(hashed)})

    assert world.transport(trust=trust).get(far.url).status == 200
    monkeypatch.setenv("SSL_CERT_DIR", str(hashed))
    with pytest.raises(CertificateRefused):
        world.transport(trust=trust_from({})).get(far.url)


# the system's CAs


@pytest.fixture
def bundle(world: World, hashed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's bundle, with the CA in it, and `hashed` being the system's folder."""
    found = hashed.with_name("bundle.pem")
    shutil.copy(world.ca_file, found)
    paths = ssl.DefaultVerifyPaths(str(found), str(hashed), "SSL_CERT_FILE", str(found), "SSL_CERT_DIR", str(hashed))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    monkeypatch.setenv("SSL_CERT_FILE", str(found))  # which is where OpenSSL itself has it from
    return found


def read_by(trust: Trust) -> int:
    """How many CA certificates have been read before any is needed."""
    return trust.context("localhost").cert_store_stats()["x509"]


@pytest.mark.parametrize("named", [False, True])
def test_where_each_has_a_file_only_the_one_that_is_needed_is_read(
    world: World, far: FarSide, bundle: Path, named: bool
) -> None:
    trust = trust_from({"SSL_CERT_FILE": str(bundle)} if named else {})

    assert read_by(trust) == 0
    assert world.transport(trust=trust).get(far.url).status == 200


@pytest.mark.parametrize("lacking", ["a file", "the folder"])
def test_where_the_bundle_holds_more_it_is_read(
    world: World, far: FarSide, bundle: Path, hashed: Path, lacking: str
) -> None:
    bundle.write_bytes(new_ca().cert_pem.bytes() + Path(world.ca_file).read_bytes())
    if lacking == "the folder":
        shutil.rmtree(hashed)

    assert read_by(Trust()) == 2
    assert world.transport(trust=Trust()).get(far.url).status == 200


def test_the_systems_folder_does_not_stand_for_a_bundle_of_ones_own(
    world: World, far: FarSide, bundle: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.pem"
    new_ca().cert_pem.write_to_path(str(own))

    with pytest.raises(CertificateRefused):
        world.transport(trust=trust_from({"SSL_CERT_FILE": str(own)})).get(far.url)


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), ("not a certificate", "holds no CA certificate")])
def test_a_ca_file_that_cannot_be_used(
    world: World, far: FarSide, tmp_path: Path, content: str | None, why: str
) -> None:
    path = tmp_path / "company.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(CertificateRefused, match=why) as caught:
        world.transport(trust=trust_from({"SSL_CERT_FILE": str(path)})).get(far.url)

    assert str(path) in caught.value.message
    assert "SSL_CERT_FILE" in caught.value.message


def test_the_sandboxs_ca_is_believed_on_the_loopback_interface_alone(world: World) -> None:
    trust = Trust(loopback_ca=world.ca_file)
    elsewhere = world.serve(tls=world.server_context("api.example.test", "localhost"))

    way = world.proxy(elsewhere)

    assert world.transport(trust=trust).get(elsewhere.url).status == 200
    with pytest.raises(CertificateRefused):
        world.transport(trust=trust, proxy=lambda url: way.url).get("https://api.example.test/")


def test_the_sandboxs_ca_is_believed_beside_the_environments(world: World, far: FarSide, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    new_ca().cert_pem.write_to_path(str(other))

    trust = trust_from({"SSL_CERT_FILE": str(other)}, loopback_ca=world.ca_file)

    assert world.transport(trust=trust).get(far.url).status == 200


def test_a_sandbox_that_has_never_run(tmp_path: Path) -> None:
    assert Trust(loopback_ca=tmp_path / "ca.pem").context("localhost").verify_mode is ssl.CERT_REQUIRED


def test_every_context_verifies_and_starts_at_tls_1_2(world: World) -> None:
    for trust in (Trust(), Trust(world.ca_file), Trust(loopback_ca=world.ca_file)):
        for host in ("localhost", "api.example.test"):
            context = trust.context(host)
            assert context.minimum_version is ssl.TLSVersion.TLSv1_2
            assert context.verify_mode is ssl.CERT_REQUIRED
            assert context.check_hostname


# -k


@pytest.fixture
def stranger(world: World) -> FarSide:
    """An API whose CA nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    new_ca().issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return world.serve(reply(200, []), tls=context)


def test_insecure_is_for_the_api(world: World, stranger: FarSide) -> None:
    access = ApiAccess(stranger.url, SECRETS["id token"])

    assert world.api(insecure=True).projects(access) == ()
    with pytest.raises(CertificateRefused):
        world.api().projects(access)


def test_insecure_holds_for_one_call(world: World, stranger: FarSide) -> None:
    transport = world.transport()

    assert transport.get(stranger.url, insecure=True).status == 200
    with pytest.raises(CertificateRefused):
        transport.get(stranger.url)


def test_insecure_through_a_proxy(world: World, stranger: FarSide) -> None:
    way = world.proxy(stranger)
    transport = world.transport(proxy=lambda url: way.url)

    assert transport.get("https://api.example.test/", insecure=True).status == 200


def test_insecure_is_for_an_issuer_on_the_apis_own_host(world: World, stranger: FarSide) -> None:
    issuer = Platform("https://localhost:1", stranger.host, "the-client")

    world.identity(insecure=True).revoke(issuer, HIDDEN["refresh token"])
    with pytest.raises(CertificateRefused):
        world.identity().revoke(issuer, HIDDEN["refresh token"])


@pytest.mark.parametrize("api_host", ["api.dagctl.io", "localhost.example", "host"])
def test_insecure_is_for_no_other_issuer(world: World, stranger: FarSide, api_host: str) -> None:
    issuer = Platform(f"https://{api_host}", stranger.host, "the-client")
    identity = world.identity(insecure=True)

    for call in (
        lambda: identity.endpoints(issuer),
        lambda: identity.exchange(issuer, HIDDEN["code"], HIDDEN["verifier"], "http://localhost:8080/callback"),
        lambda: identity.refresh(issuer, HIDDEN["refresh token"]),
        lambda: identity.revoke(issuer, HIDDEN["refresh token"]),
        lambda: identity.begin_device(issuer),
        lambda: identity.poll_device(issuer, HIDDEN["device code"]),
    ):
        with pytest.raises(CertificateRefused):
            call()

    assert stranger.seen == []
