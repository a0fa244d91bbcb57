"""What is said and where: closed streams, other encodings, odd characters, empty lists, a folder that is gone."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.test_wrong_input import refused

from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.cli.app import App
from dagctl.cli.main import main
from dagctl.domain.values.platform import Organization
from dagctl.testing import MemoryPlatform, Person, Tenant, connected

if TYPE_CHECKING:
    from tests.conftest import Run

posix = pytest.mark.skipif(os.name != "posix", reason="shells of POSIX")

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(environ: Mapping[str, str], tmp_path: Path) -> Shell:
    """Run `dagctl ARGS…` the way that a line of shell has it, where `"$@"` stands for it."""

    def run(line: str, *args: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = ["sh", "-c", line, "sh", sys.executable, "-m", "dagctl", *args]
        return subprocess.run(command, env=environ, cwd=cwd, text=True, capture_output=True, timeout=120)

    return run


@posix
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("auth", "status"), 4),
        (("auth", "status", "--json"), 4),
        (("config", "current"), 0),
        (("auth", "list"), 0),
        (("auth", "login", "--org", "acme"), 1),
        (("auth", "login", "--org", "acme", "--no-browser", "--api-url", "https://localhost:1"), 1),
        (("use-project",), 1),
        (("--version",), 0),
        (("auth",), 0),
        (("auth", "nonsense"), 2),
    ],
)
def test_closed_streams_change_nothing_else(
    shell: Shell, home: Path, closed: str, command: tuple[str, ...], code: int
) -> None:
    done = shell(f'exec "$@" {closed}', *command)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception" not in done.stderr
    assert not (home / "bug.log").exists()


@posix
@pytest.mark.parametrize("command", [("auth", "status"), ("config", "current"), ("auth", "list", "--json")])
def test_a_folder_that_is_gone_is_one_sentence(shell: Shell, tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    done = shell('rmdir "$PWD"; exec "$@"', *command, cwd=folder)
    if "--json" in command:
        assert (done.returncode, done.stdout) == (1, "")
        assert json.loads(done.stderr)["error"]["message"].startswith("The working directory is gone.")
    else:
        refused(done, 1, "The working directory is gone.")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_terminal_that_cannot_show_a_name(
    environ: dict[str, str], tmp_path: Path, encoding: str, options: tuple[str, ...]
) -> None:
    name = "Zo\u00eb \u2603"
    (tmp_path / ".dagctl.yaml").write_text(f"org: {name}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "dagctl", "config", "current", *options],
        env={**environ, "PYTHONIOENCODING": encoding},
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    if options:  # RFC 8259 section 8.1
        assert json.loads(done.stdout.decode("utf-8"))["data"]["organization"]["name"] == name
    else:
        assert name.encode(encoding, "backslashreplace") in done.stdout


@pytest.mark.parametrize("command", [("auth", "status"), ("config", "current")])
@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\r", "\b", "\u202e"])
def test_a_pin_does_not_steer_the_terminal(run: Run, tmp_path: Path, command: tuple[str, ...], character: str) -> None:
    (tmp_path / ".dagctl.yaml").write_text(
        f"org: {json.dumps(f'a{character}[2Jb')}\nproject: {json.dumps(character)}\n"
    )
    done = run(*command, cwd=tmp_path)
    assert character not in done.stdout + done.stderr
    assert "a [2Jb" in done.stdout


@pytest.mark.parametrize("value", ["[a, b]", "{a: b}", "[]", "{}"])
@pytest.mark.parametrize("key", ["org", "project"])
def test_a_pin_that_is_no_name_is_refused(run: Run, tmp_path: Path, key: str, value: str) -> None:
    (tmp_path / ".dagctl.yaml").write_text(f"{key}: {value}\n")
    refused(run("config", "current", cwd=tmp_path), 1, ".dagctl.yaml", "org and project must be names")


@pytest.mark.parametrize("value", ['""', "''", "", "~"])
def test_an_empty_pin_says_nothing(run: Run, tmp_path: Path, value: str) -> None:
    (tmp_path / ".dagctl.yaml").write_text(f"org: {value}\nproject: {value}\n")
    done = run("config", "current", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)["data"]
    assert (shown["organization"], shown["project"]) == (None, None)


@pytest.mark.parametrize("option", ["--org", "--api-url"])
@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_option_is_a_usage_error(run: Run, home: Path, option: str, value: str) -> None:
    words = {"--org": "acme", "--api-url": "https://localhost:1", option: value}
    done = run("auth", "login", *(word for pair in words.items() for word in pair), env={"BROWSER": "none"})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"argument {option}: it is empty" in done.stderr
    assert not home.exists()


def shown(*args: str, platform: MemoryPlatform | None = None) -> tuple[int, str, str]:
    """How a command ends over the doubles, for somebody who is signed in where there is a platform."""
    client = connected(platform, signed_in=platform is not None)
    out, err = io.StringIO(), io.StringIO()
    code = main(args, app=App(connect=lambda **ports: client, out=out, err=err))
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("command", "tenants", "sentence", "data"),
    [
        (("auth", "list"), None, "You are not signed in.", {"accounts": []}),
        (
            ("projects",),
            (Tenant(Organization("org_acme", "Acme")),),
            "There are no projects yet",
            {"project": None, "projects": []},
        ),
    ],
)
def test_an_empty_list_is_empty_for_a_program(
    command: tuple[str, ...], tenants: tuple[Tenant, ...] | None, sentence: str, data: dict[str, Any]
) -> None:
    ada = Person("ada@acme.example", "memory|ada", "org_acme")
    platform = None if tenants is None else MemoryPlatform(tenants=tenants, people=(ada,))
    code, out, err = shown(*command, platform=platform)
    assert (code, out) == (0, "")
    assert err.startswith(sentence)
    code, out, err = shown(*command, "--json", platform=platform)
    assert (code, json.loads(out)["data"], err) == (0, data, "")


ANCHORS = "theirs: &one 1\nalso: &one 2\nlast: *one\n"


def test_an_anchor_that_is_used_twice_is_nothing_to_warn_of(run: Run, home: Path, tmp_path: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text(f"{ANCHORS}current_org: acme\n")
    for warnings in ("error", "default"):
        done = run("config", "current", env={"PYTHONWARNINGS": warnings})
        assert (done.returncode, done.stderr) == (0, "")
        assert "acme" in done.stdout


def test_nor_is_one_in_a_configuration_that_is_converted() -> None:
    text = f"{ANCHORS}gateways: {{g: {{connection: {{type: duckdb}}}}}}\n"
    assert RuamelReader().read(text, "config.yaml").text == text


def test_signing_out_needs_no_settings(run: Run, home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text("a: [")
    (home / "auth.json").write_text(json.dumps({"access_token": "a", "id_token": "i", "refresh_token": "r"}))
    done = run("auth", "logout")
    assert (done.returncode, done.stdout) == (0, "Signed out.\n"), done.stderr
    assert not (home / "auth.json").exists()
    assert (home / "config.yaml").read_text() == "a: ["


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({}, "Signed in:           no"),
        ({"FORCE_COLOR": "1"}, "Signed in:           \033[1;31mno\033[0m"),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "Signed in:           no"),
    ],
    ids=str,
)
def test_colour_where_it_is_asked_for(variables: dict[str, str], shown: str, run: Run) -> None:
    assert run("auth", "status", env=variables).stdout.splitlines()[0] == shown


@pytest.mark.parametrize(("width", "most"), [("100", 60), ("40", 39)])
def test_a_countdown_fits_on_its_line(width: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("TERM", "xterm")
    app = App(err=io.StringIO())
    app.countdown(300)
    app.countdown(299)
    shown = app.err.getvalue().split("\r")  # type: ignore[union-attr]
    assert [part.partition(" s left")[0][-3:] for part in shown[1:]] == ["300", "299"]
    assert all(len(part) <= most for part in shown)


@pytest.mark.parametrize("columns", ["20", "8", "1", "wide", "-1"])
def test_a_countdown_on_the_narrowest_terminals(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", columns)
    app = App(err=io.StringIO())
    app.countdown(300)
    most = {"20": 19, "8": 7}.get(columns, 60)
    (shown,) = app.err.getvalue().split("\r")[1:]  # type: ignore[union-attr]
    assert "300 s" in shown
    assert len(shown) <= most


def test_a_terminal_that_becomes_narrow_keeps_nothing_of_the_longer_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    app = App(err=io.StringIO())
    for columns in ("100", "60", "40"):
        monkeypatch.setenv("COLUMNS", columns)
        app.countdown(300)
    wide, same, narrow = app.err.getvalue().split("\r")[1:]  # type: ignore[union-attr]
    assert wide == same
    assert narrow == f"{'Waiting: 300 s left.':<39}"


@pytest.mark.parametrize("columns", ["", "wide", "-1"])
def test_the_width_is_that_of_the_terminal_which_shows_the_countdown(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if stdout goes elsewhere: `dagctl auth login | tee log`."""
    pty = pytest.importorskip("pty")
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    with open(theirs, "w") as err:
        App(err=err).countdown(300)
        assert os.read(ours, 1000) == b"\rWaiting: 300 s left. "
    os.close(ours)


def test_a_terminal_that_cannot_write_over_a_line_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    app = App(err=io.StringIO())
    app.countdown(300)
    app.countdown(299)
    assert app.err.getvalue() == "Waiting for the sign-in for up to 300 s. Press Ctrl-C to cancel.\n"  # type: ignore[union-attr]
