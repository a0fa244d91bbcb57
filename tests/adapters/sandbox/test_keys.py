"""The CA, the certificate and the signing key: made once, whole, and trusted beside the system's."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from dagctl.adapters.platform_model.refusals import NotOurs
from dagctl.adapters.sandbox.keys import Keys

CLAIMS = {"iss": "i", "aud": "a", "exp": 1 << 40}


def test_they_last(tmp_path: Path) -> None:
    token = Keys(tmp_path).sign(CLAIMS)

    assert Keys(tmp_path).verify(token)["exp"] == 1 << 40


@pytest.mark.parametrize("lost", ["ca.pem", "server.pem", "signing.pem"])
def test_where_one_is_lost_all_are_made_anew(tmp_path: Path, lost: str) -> None:
    first = Keys(tmp_path)
    token, authority = first.sign(CLAIMS), first.ca_file.read_bytes()
    (tmp_path / lost).unlink()

    second = Keys(tmp_path)

    assert second.ca_file.read_bytes() != authority
    with pytest.raises(NotOurs):
        second.verify(token)


def test_the_bundle_has_the_systems_authorities_and_ours(tmp_path: Path) -> None:
    keys = Keys(tmp_path)

    assert keys.ca_bundle.read_bytes().count(keys.ca_file.read_bytes()) == 1
    trust = ssl.create_default_context(cafile=str(keys.ca_bundle))
    assert trust.cert_store_stats()["x509_ca"] >= 1


def test_the_bundle_does_not_grow_where_people_export_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(tmp_path)
    bundle = keys.ca_bundle.read_bytes()
    monkeypatch.setenv("SSL_CERT_FILE", str(keys.ca_bundle))

    for _ in range(2):
        assert Keys(tmp_path).ca_bundle.read_bytes().count(keys.ca_file.read_bytes()) == 1
    assert len(keys.ca_bundle.read_bytes()) <= 2 * len(bundle)


def test_nothing_of_them_can_be_read_by_others(tmp_path: Path) -> None:
    Keys(tmp_path)

    assert [path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077] == []
