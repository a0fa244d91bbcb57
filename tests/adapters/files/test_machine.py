"""The dagctl home, looked at from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dagctl.adapters.files.machine import LocalMachine
from dagctl.ports.machine import FileSeen, VariableSeen

posix = pytest.mark.skipif(os.name != "posix", reason="modes mean nothing here")


def put(path: Path, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("secret")
    path.chmod(mode)
    return path


def seen(home: Path) -> dict[str, FileSeen]:
    return {os.path.relpath(file.path, home): file for file in LocalMachine(home, {}, home).files()}


def test_no_home_yet(home: Path) -> None:
    assert LocalMachine(home, {}, home).files() == ()
    assert LocalMachine(home, {}, home).home() == str(home)
    assert not home.exists()


@posix
def test_what_dagctl_keeps_and_nothing_else(home: Path) -> None:
    for name in ("auth.json", "config.yaml", ".auth.lock", "credentials/acme_shop.json", "accounts/globex/auth.json"):
        put(home / name)
    for name in ("sandbox/ca.pem", "bug.log", "notes.txt", "accounts/globex/notes.txt"):
        put(home / name, 0o644)
    found = seen(home)
    assert set(found) == {
        ".",
        ".auth.lock",
        "auth.json",
        "config.yaml",
        "accounts",
        "accounts/globex",
        "accounts/globex/auth.json",
        "credentials",
        "credentials/acme_shop.json",
    }
    assert {name for name, file in found.items() if file.secret} == {
        "auth.json",
        "accounts/globex/auth.json",
        "credentials/acme_shop.json",
    }
    assert {name for name, file in found.items() if file.folder} == {".", "accounts", "accounts/globex", "credentials"}
    assert all(file.readable and not file.link and not file.leftover for file in found.values())


@posix
@pytest.mark.parametrize(("mode", "exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o601, True)])
def test_modes(mode: int, exposed: bool, home: Path) -> None:
    put(home / "auth.json", mode)
    file = seen(home)["auth.json"]
    assert (file.mode, file.exposed) == (mode, exposed)


@posix
def test_links_are_seen_as_such_but_for_the_home_itself(home: Path, tmp_path: Path) -> None:
    put(tmp_path / "real" / "auth.json")
    home.symlink_to(tmp_path / "real")
    (home / "config.yaml").symlink_to("nowhere")
    found = seen(home)
    assert {name for name, file in found.items() if file.link} == {"config.yaml"}
    assert found["config.yaml"].mode is None
    assert not found["config.yaml"].exposed


def test_what_killed_writers_leave(home: Path) -> None:
    for name in (".auth.json.123.0.tmp", "credentials/.acme_shop.json.7.1.tmp", "accounts/a/.config.yaml.7.1.tmp"):
        put(home / name)
    put(home / "tmp.tmp")
    leftovers = {name for name, file in seen(home).items() if file.leftover}
    assert leftovers == {
        ".auth.json.123.0.tmp",
        os.path.join("credentials", ".acme_shop.json.7.1.tmp"),
        os.path.join("accounts", "a", ".config.yaml.7.1.tmp"),
    }


def test_a_writers_own_temporary_file_has_such_a_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagctl.adapters.files import private

    found: list[bool] = []

    def look(path: Path, target: Path) -> None:
        found.append(any(file.leftover for file in seen(home).values()))

    monkeypatch.setattr(os, "replace", look)
    private.write_private(home / "auth.json", "{}")
    assert found == [True]


@posix
def test_what_cannot_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / "auth.json")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, as in a container, may read everything
    assert not seen(home)["auth.json"].readable


@posix
def test_what_belongs_to_somebody_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / "auth.json")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert not seen(home)["auth.json"].readable


def test_variables_are_named_and_their_values_are_not(home: Path) -> None:
    environ = {
        "DAGCTL_ACCESS_TOKEN": "secret",
        "DAGCTL_ORG": "",
        "HTTPS_PROXY": "http://user:secret@proxy",
        "https_proxy": "http://proxy",
        "no_proxy": "localhost",
        "SSL_CERT_FILE": "/ca.pem",
        "PGSSLROOTCERT": "/ca.pem",
        "PATH": "/bin",
        "MY_DAGCTL_THING": "1",
    }
    assert [seen.name for seen in LocalMachine(home, environ, home).variables()] == [
        "DAGCTL_ACCESS_TOKEN",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "https_proxy",
        "no_proxy",
    ]


def test_what_a_dotenv_sets_otherwise_is_named_with_the_file(home: Path, tmp_path: Path) -> None:
    pytest.importorskip("dotenv", reason="the sqlmesh extra is not installed")
    (tmp_path / ".env").write_text(
        "SSL_CERT_FILE=/ca.pem\nPGSSLMODE=disable\nDAGCTL_PROJECT=secret\nDAGCTL_ORG=acme\nMINE=1\n"
    )
    environ = {"DAGCTL_ORG": "acme", "DAGCTL_PROJECT": "shop"}
    file = str(tmp_path / ".env")
    assert LocalMachine(home, environ, tmp_path).variables() == (
        VariableSeen("DAGCTL_ORG"),
        VariableSeen("DAGCTL_PROJECT"),
        VariableSeen("DAGCTL_PROJECT", file),
        VariableSeen("SSL_CERT_FILE", file),
    )


def test_a_dotenv_that_is_no_text(home: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"DAGCTL_ORG=\xff\n")
    assert LocalMachine(home, {}, tmp_path).variables() == ()
