"""Wrong input of every kind: one clear sentence, the right exit code, nothing lost."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Done, Person, Run

    from dagctl.adapters.sandbox import Sandbox


def refused(done: Done, code: int, *words: str) -> None:
    """The program has ended as an expected failure does."""
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    sentences = [line for line in done.stderr.splitlines() if line.startswith("dagctl: ")]
    assert len(sentences) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder, byte by byte; locks apart."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def test_no_such_organization(run: Run, person: Person, sandbox: Sandbox, home: Path) -> None:
    before = sandbox.observations.revocations
    refused(person.signs_in(run, org="othr"), 1, "ada@acme.example belongs to 'acme', not to 'othr'")
    assert contents(home) == {}
    assert sandbox.observations.revocations == before + 1


def test_nobody_onboarded_yet(run: Run, person: Person, home: Path) -> None:
    done = person.signs_in(run, who=("--user", "new@acme.example"))
    refused(done, 1, "new@acme.example has no organization", "web UI")
    assert contents(home) == {}


def test_a_sign_in_that_the_person_refuses(run: Run, person: Person, home: Path) -> None:
    refused(person.signs_in(run, who=("--deny",)), 1, "refused the sign-in", "access_denied")
    assert contents(home) == {}


def test_a_failed_sign_in_leaves_the_session_before_it(run: Run, person: Person, home: Path) -> None:
    person.signs_in(run)
    before = contents(home)
    refused(person.signs_in(run, org="other"), 1, "not to 'other'")
    assert contents(home) == before


def test_no_such_project(run: Run, person: Person, home: Path) -> None:
    person.signs_in(run)
    before = contents(home)
    refused(
        run("use-project", "web-analitics"), 1, "no project 'web-analitics' in 'acme'", "Did you mean web-analytics?"
    )
    assert contents(home) == before


def test_no_network(run: Run, home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        done = run("auth", "login", "--org", "acme", "--api-url", f"https://localhost:{port}", env={"BROWSER": "none"})
    refused(done, 1, f"localhost:{port} cannot be reached", "Connection refused")
    assert contents(home) == {}


def test_a_name_that_does_not_exist(run: Run) -> None:
    done = run("auth", "login", "--org", "acme", "--api-url", "https://api.invalid", env={"BROWSER": "none"})
    refused(done, 1, "api.invalid")


def test_a_certificate_that_nobody_vouches_for(run: Run, sandbox: Sandbox, home: Path) -> None:
    done = run("auth", "login", "--org", "acme", "--api-url", sandbox.api_url, env={"BROWSER": "none"})
    refused(done, 1, "The TLS certificate of localhost:", "SSL_CERT_FILE")
    assert "-k" not in done.stderr
    assert contents(home) == {}


def test_insecure_is_loud_and_not_recorded(run: Run, person: Person, home: Path) -> None:
    del person.environ["SSL_CERT_FILE"]
    done = person.signs_in(run, "-k")
    assert done.returncode == 0, done.stderr
    assert "WARNING: -k turns certificate verification off" in done.stderr
    refused(run("use-project", "shop"), 1, "The TLS certificate of localhost:")
    assert "insecure" not in (home / "config.yaml").read_text()


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "ftp://x", "api.example.com", "https://u:p@x", "https://[::1", "https://x?y=1"]
)
def test_an_api_url_that_cannot_be(run: Run, url: str) -> None:
    refused(run("auth", "login", "--org", "acme", "--api-url", url, env={"BROWSER": "none"}), 1, "API URL")


def test_a_port_that_is_taken(run: Run, person: Person, callback_port: int, home: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", callback_port))
        other.listen()
        refused(person.signs_in(run), 1, str(callback_port), "--no-browser", "--port")
    assert contents(home) == {}


@pytest.mark.parametrize("command", [["auth", "status"], ["use-project", "x"], ["projects"], ["config", "current"]])
@pytest.mark.parametrize("text", ["a: [", "- a", "\t", "current_org: {"])
def test_a_corrupt_config(run: Run, home: Path, command: list[str], text: str) -> None:
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text(text)
    refused(run(*command), 1, str(home / "config.yaml"))
    assert (home / "config.yaml").read_text() == text


@pytest.mark.parametrize("text", ["{", "[1]", '{"access_token": 5}', "\x00"])
def test_corrupt_tokens(run: Run, home: Path, text: str) -> None:
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text("current_org: acme\n")
    (home / "auth.json").write_text(text)
    (home / "auth.json").chmod(0o600)
    for command in (["auth", "status"], ["auth", "token"], ["projects"], ["protection", "check", "dev"]):
        refused(run(*command), 1, str(home / "auth.json"))
        assert (home / "auth.json").read_text() == text
    assert run("auth", "logout").returncode == 0
    assert not (home / "auth.json").exists()


def test_an_empty_token_file_is_nobody_signed_in(run: Run, home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "auth.json").touch(mode=0o600)  # what a sign-out leaves where a file is mounted alone
    assert run("auth", "token").returncode == 4


def test_corrupt_tokens_are_kept_aside_by_a_sign_in(run: Run, person: Person, home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "auth.json").write_text("{")
    assert person.signs_in(run).returncode == 0
    assert run("auth", "status").returncode == 0


@pytest.mark.parametrize("place", ["file/home", "/proc/home"])
def test_a_home_that_cannot_be_written(run: Run, person: Person, tmp_path: Path, place: str) -> None:
    if place.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("there is no /proc here")
    (tmp_path / "file").write_text("")
    person.environ["DAGCTL_HOME"] = str(tmp_path / place)
    refused(person.signs_in(run), 1, place, "DAGCTL_HOME")


def test_no_terminal(run: Run, person: Person) -> None:
    refused(run("auth", "login", "--org", "acme"), 1, "no terminal", "DAGCTL_ACCESS_TOKEN")
    person.signs_in(run)
    refused(run("use-project"), 1, "no terminal", "dagctl use-project PROJECT")


def test_nobody_signed_in(run: Run) -> None:
    for command in (["projects"], ["use-project", "x"], ["auth", "token"], ["protection", "check", "dev"]):
        refused(run(*command), 4, "not signed in", "dagctl auth login --org ORG")


def test_half_a_session_in_the_environment(run: Run) -> None:
    refused(run("auth", "token", env={"DAGCTL_ACCESS_TOKEN": "x"}), 4, "DAGCTL_ID_TOKEN")


def test_a_ca_file_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    for name in ("missing.pem", "empty.pem"):
        (tmp_path / "empty.pem").write_text("")
        done = run("auth", "login", "--org", "acme", env={"BROWSER": "none", "SSL_CERT_FILE": str(tmp_path / name)})
        refused(done, 1, name, "SSL_CERT_FILE")


def test_an_expired_session_heals_itself(run: Run, person: Person, sandbox: Sandbox, home: Path) -> None:
    person.signs_in(run)
    path = home / "auth.json"
    members = json.loads(path.read_text())
    path.write_text(json.dumps({**members, "expires_at": "2020-01-01T00:00:00+00:00", "theirs": 1}))
    before = sandbox.observations.refreshes
    assert run("projects").returncode == 0
    assert sandbox.observations.refreshes == before + 1
    assert json.loads(path.read_text())["theirs"] == 1


def test_a_revoked_session_says_to_sign_in_again(run: Run, person: Person, home: Path) -> None:
    person.signs_in(run)
    path = home / "auth.json"
    members = json.loads(path.read_text())
    expired = {**members, "expires_at": "2020-01-01T00:00:00+00:00", "refresh_token": "revoked"}
    path.write_text(json.dumps(expired))
    refused(run("projects"), 4, "session has ended", "dagctl auth login")
