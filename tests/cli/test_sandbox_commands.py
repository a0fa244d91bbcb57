"""`dagctl sandbox …` as processes: started, found, stopped, killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Run

Start = Callable[..., dict[str, Any]]

ANY_PORT = ("--api-port", "0", "--issuer-port", "0", "--proxy-port", "0")


@pytest.fixture
def start(run: Run) -> Iterator[Start]:
    """Start a detached sandbox, and say where it is; it is stopped when the test ends."""

    def start(*options: str) -> dict[str, Any]:
        done = run("sandbox", "start", "--detach", "--json", *ANY_PORT, *options)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout)["data"]["sandbox"])

    yield start
    run("sandbox", "stop")


def database_of(home: Path) -> str:
    """What marks the PostgreSQL servers of this home's sandbox."""
    return str(json.loads((home / "sandbox" / "sandbox.json").read_text())["admin"]["shop"]["host"])


def servers(known: str) -> list[int]:
    """The PostgreSQL servers that run there."""
    listed = subprocess.run(["/bin/ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "postgres -D" in line and known in line]


def test_started_found_and_stopped(run: Run, start: Start) -> None:
    assert run("sandbox", "status").returncode == 1
    where = start()
    assert run("sandbox", "status").returncode == 0
    assert where["api_url"] in run("sandbox", "status").stdout
    second = run("sandbox", "start", "--detach", *ANY_PORT)
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert "dagctl sandbox stop" in second.stderr
    assert run("sandbox", "stop").stdout == "The sandbox has stopped.\n"
    assert run("sandbox", "stop").stdout == "No sandbox is running.\n"


def test_in_the_foreground_it_says_what_comes_next_and_ctrl_c_ends_it(environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "dagctl", "sandbox", "start", *ANY_PORT]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = ""
        while "Ctrl-C" not in shown:
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            shown += line
        assert "dagctl auth login --org acme --api-url https://localhost:" in shown
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.parametrize("which", ["supervisor", "postgres", "both"])
def test_killing_it_stops_no_next_start(run: Run, start: Start, home: Path, which: str) -> None:
    first, known = start(), database_of(home)
    victims = {"supervisor": [first["pid"]], "postgres": servers(known), "both": [first["pid"], *servers(known)]}[which]
    assert victims
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    if which == "postgres":
        assert run("sandbox", "stop").returncode == 0
    else:
        for _ in range(100):
            if run("sandbox", "status").returncode == 1:
                break
            time.sleep(0.05)
    second = start()
    assert second["pid"] != first["pid"]
    assert len(servers(known)) == 1


def test_stop_finds_what_a_killed_one_has_left(run: Run, start: Start, home: Path) -> None:
    first, known = start(), database_of(home)
    assert servers(known)
    os.kill(first["pid"], signal.SIGKILL)
    time.sleep(0.2)
    assert run("sandbox", "stop").returncode == 0
    assert servers(known) == []


def test_a_port_in_use_is_named(run: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        for options in ([], ["--detach"]):
            done = run("sandbox", "start", *options, *ANY_PORT[:2], "--issuer-port", port, "--proxy-port", "0")
            assert done.returncode == 1
            assert port in done.stderr
            assert "--issuer-port" in done.stderr
            assert "Traceback" not in done.stderr
    assert run("sandbox", "status").returncode == 1


def test_options_change_what_it_is_like(run: Run, start: Start, environ: dict[str, str], callback_port: int) -> None:
    where = start(
        *("--org", "Umbrella Corp", "--project", "alpha", "--protect", "alpha:live", "--access-lifetime", "30"),
        *("--user", "bea@umbrella.example", "--redirect-uri", f"http://localhost:{callback_port}/callback"),
    )
    person = f"{sys.executable} -m dagctl.adapters.sandbox.person %s"
    login = ("auth", "login", "--org", "umbrella corp", "--api-url", where["api_url"], "--port", str(callback_port))
    done = run(*login, env={"BROWSER": person})
    assert done.stdout == "Signed in to Umbrella Corp as bea@umbrella.example.\n", done.stderr
    assert run("use-project", "alpha").returncode == 0
    assert run("protection", "check", "prod").returncode == 0
    assert run("protection", "check", "live").returncode == 3


def test_a_session_outlives_a_restart(run: Run, start: Start, callback_port: int, home: Path) -> None:
    uri = ("--redirect-uri", f"http://localhost:{callback_port}/callback")
    first = start(*uri)
    ports = [part for name, url in (("api", first["api_url"]), ("issuer", first["issuer"].rstrip("/")))
             for part in (f"--{name}-port", url.rpartition(":")[2])]  # fmt: skip
    person = f"{sys.executable} -m dagctl.adapters.sandbox.person %s"
    login = ("auth", "login", "--org", "acme", "--api-url", first["api_url"], "--port", str(callback_port))
    assert run(*login, env={"BROWSER": person}).returncode == 0
    run("sandbox", "stop")
    start(*ports)
    path = home / "auth.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "expires_at": "2020-01-01T00:00:00+00:00"}))
    assert run("projects").returncode == 0
