"""The sandbox as processes: started, found, stopped, and killed in every way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from dagctl.adapters.sandbox import SandboxOptions, running_sandbox
from dagctl.adapters.sandbox.placement import placement_for
from dagctl.adapters.sandbox.supervisor import Supervisor

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ANY_PORT = ("--api-port", "0", "--issuer-port", "0", "--proxy-port", "0")


class Place:
    """A dagctl home, and what runs there."""

    def __init__(self, run: Run, home: Path) -> None:
        self.run = run
        self.home = home

    def start(self, *args: str) -> dict[str, Any]:
        """Start a detached sandbox; what it shows."""
        done = self.run("sandbox", "start", "--detach", "--json", *ANY_PORT, *args)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout)["data"]["sandbox"])

    @property
    def runs(self) -> bool:
        """Whether `sandbox status` says that one runs."""
        done = self.run("sandbox", "status", "--json")
        assert done.returncode == (0 if json.loads(done.stdout)["data"]["sandbox"] else 1)
        return done.returncode == 0

    @property
    def postgres(self) -> int | None:
        """The process ID of PostgreSQL, if it runs."""
        with suppress(OSError, ValueError):
            pid = int((placement_for(self.home / "sandbox").data / "postmaster.pid").read_text("utf-8").split()[0])
            return pid if alive(pid) else None
        return None

    def stop(self) -> subprocess.CompletedProcess[str]:
        """`sandbox stop`."""
        return self.run("sandbox", "stop")


def alive(pid: int) -> bool:
    """Whether the process is there, and more than a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what must come; only a hang makes this fail."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it has not come in a minute"
        time.sleep(0.05)


@pytest.fixture
def place(run: Run, home: Path) -> Iterator[Place]:
    """A home in which nothing runs, before and after."""
    place = Place(run, home)
    yield place
    place.stop()
    assert place.postgres is None


def test_start_says_where_it_is_and_what_to_run_next(place: Place) -> None:
    done = place.run("sandbox", "start", "--detach", *ANY_PORT)

    assert done.returncode == 0, done.stderr
    where = json.loads(place.run("sandbox", "status", "--json").stdout)["data"]["sandbox"]
    assert f"dagctl auth login --org acme --api-url {where['api_url']}" in done.stdout
    assert where["ca_bundle"] in done.stdout
    address = where["pg_proxy"]
    assert f"{address['host']}:{address['port']}" in place.run("sandbox", "status").stdout


def test_what_is_kept_is_for_the_owner_alone(place: Place) -> None:
    place.start()

    folder = place.home / "sandbox"
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in folder.iterdir() if path.is_file() and path.stat().st_mode & 0o077] == []


def test_stop_leaves_nothing_running(place: Place) -> None:
    pid, postgres = place.start()["pid"], place.postgres
    assert alive(pid)
    assert postgres is not None

    assert place.stop().returncode == 0

    wait_until(lambda: not alive(pid))  # the interpreter takes its time to end
    assert not alive(postgres)
    assert not place.runs
    assert "No sandbox is running" in place.stop().stdout


@pytest.mark.parametrize("detach", [["--detach"], []])
def test_a_second_start_says_that_one_runs(place: Place, detach: list[str]) -> None:
    where = place.start()

    done = place.run("sandbox", "start", *detach, *ANY_PORT)

    assert done.returncode == 1
    assert "already running" in done.stderr
    assert where["api_url"] in done.stderr
    assert "dagctl sandbox stop" in done.stderr
    assert place.runs


def test_status_and_stop_where_there_never_was_one(place: Place) -> None:
    assert not place.runs
    assert place.stop().returncode == 0
    assert not place.home.exists()


@pytest.mark.parametrize("victims", [["supervisor"], ["postgres"], ["supervisor", "postgres"]])
@pytest.mark.parametrize("stop_first", [False, True])
def test_what_is_killed_does_not_stop_the_next_start(place: Place, victims: list[str], stop_first: bool) -> None:
    first = place.start()
    postgres = place.postgres
    assert postgres is not None
    pids = {"supervisor": first["pid"], "postgres": postgres}
    for victim in victims:
        os.kill(pids[victim], signal.SIGKILL)
    if stop_first:
        assert place.stop().returncode == 0
        assert place.postgres is None
    wait_until(lambda: not alive(first["pid"]))  # without its PostgreSQL a sandbox ends by itself

    second = place.start()

    assert second["pid"] != first["pid"]
    assert place.runs
    assert place.postgres not in (None, postgres)
    assert not alive(postgres)


def test_postgresql_does_not_outlive_whoever_started_it(place: Place) -> None:
    pid, postgres = place.start()["pid"], place.postgres
    assert postgres is not None

    os.kill(pid, signal.SIGKILL)

    wait_until(lambda: not alive(postgres))


def test_a_query_that_outlives_its_server_does_not_stop_the_next_start(place: Place) -> None:
    place.start()
    admin = json.loads((place.home / "sandbox" / "sandbox.json").read_text("utf-8"))["admin"]["shop"]
    with closing(psycopg2.connect(**admin)) as connection, connection.cursor() as cursor:
        backend, postgres = connection.info.backend_pid, place.postgres
        assert postgres is not None
        connection.autocommit = True
        cursor.execute("SET statement_timeout = 0")
        busy = subprocess.Popen(
            [sys.executable, "-c", BUSY, json.dumps(admin)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with busy:
            assert busy.stdout is not None
            backend = int(busy.stdout.readline())
            os.kill(postgres, signal.SIGKILL)
            place.stop()
            place.start()
            assert not alive(backend)
            busy.kill()


BUSY = """\
import json, sys, psycopg2
connection = psycopg2.connect(**json.loads(sys.argv[1]))
print(connection.info.backend_pid, flush=True)
connection.cursor().execute("SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 1000000) b")
"""


def test_data_and_sessions_outlive_a_kill(place: Place) -> None:
    first = place.start()
    admin = json.loads((place.home / "sandbox" / "sandbox.json").read_text("utf-8"))["admin"]["shop"]
    with closing(psycopg2.connect(**admin)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 1 AS n")
        connection.commit()
    authority = Path(first["ca_file"]).read_bytes()
    os.kill(first["pid"], signal.SIGKILL)

    second = place.start()

    assert Supervisor(place.home).tables("shop") == [("public.kept", 1)]
    assert Path(second["ca_file"]).read_bytes() == authority


def test_a_stranger_with_the_recorded_process_id_is_left_alone(place: Place) -> None:
    place.start()
    place.stop()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with stranger:
        data = placement_for(place.home / "sandbox").data
        (place.home / "sandbox" / "sandbox.json").write_text(json.dumps({"pid": stranger.pid, "api_url": "x"}))
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n")

        assert not place.runs
        assert "No sandbox is running" in place.stop().stdout
        place.start()

        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_the_foreground_it_stays_until_told_to_end(
    place: Place, environ: Mapping[str, str], number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "dagctl", "sandbox", "start", *ANY_PORT]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        shown = ""
        while "Press Ctrl-C to stop it" not in shown:
            line = process.stdout.readline()
            assert line, process.communicate()
            shown += line
        assert place.runs
        postgres = place.postgres
        assert postgres is not None

        process.send_signal(number)

        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said == "The sandbox has stopped.\n"
    assert not alive(postgres)


@pytest.mark.parametrize("detach", [["--detach"], []])
@pytest.mark.parametrize("option", ["--api-port", "--issuer-port", "--proxy-port"])
def test_a_port_in_use_is_named_with_the_option_that_changes_it(place: Place, option: str, detach: list[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = place.run("sandbox", "start", *detach, *ANY_PORT, option, str(port))

    assert done.returncode == 1
    assert f"Port {port} " in done.stderr
    assert option in done.stderr
    assert not place.runs
    assert place.postgres is None


def test_a_home_that_cannot_be_used_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for detach in (["--detach"], []):
        done = run("sandbox", "start", *detach, *ANY_PORT, env={"DAGCTL_HOME": str(tmp_path / "file" / "home")})
        assert done.returncode == 1
        assert str(tmp_path / "file") in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--protect", "none:prod"], 1, "'none'"),
        (["--protect", "prod"], 2, "PROJECT:ENV"),
        (["--project", "a-b", "--project", "a_b"], 1, "same database"),
        (["--project", "x" * 60], 1, "too long"),
        (["--access-lifetime", "0"], 2, "seconds"),
        (["--api-port", "70000"], 2, "TCP port"),
        (["--database-url", "mysql://localhost/x"], 1, "postgresql://"),
        (["--database-url", "postgresql://someone:s3cret@127.0.0.1:1/x"], 1, "127.0.0.1:1"),
    ],
)
def test_what_cannot_be_is_said(place: Place, args: list[str], code: int, said: str) -> None:
    done = place.run("sandbox", "start", "--detach", *ANY_PORT, *args)

    assert done.returncode == code
    assert said in done.stderr
    assert "s3cret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_the_options_arrive(place: Place) -> None:
    shown = place.start("--org", "Big Co", "--project", "one", "--project", "two", "--user", "bo@big.example",
                        "--except", "su@big.example", "--no-rotation")  # fmt: skip

    assert shown["organization"]["name"] == "Big Co"
    assert [project["name"] for project in shown["projects"]] == ["one", "two"]
    assert [user["email"] for user in shown["users"]] == ["bo@big.example", "su@big.example"]
    assert Supervisor(place.home).tables("two") == []


def test_the_database_password_is_in_nobodys_sight(place: Place) -> None:
    place.run("sandbox", "start", "--detach", *ANY_PORT, "--database-url", "postgresql://a:s3cret@127.0.0.1:1/x")

    for path in (place.home / "sandbox").iterdir():
        assert b"s3cret" not in path.read_bytes(), path


def test_a_sandbox_inside_a_program_is_that_programs(place: Place) -> None:
    with running_sandbox(home=place.home) as sandbox:
        started, stopped = place.run("sandbox", "start", "--detach", *ANY_PORT), place.stop()
        assert sandbox.tables("shop") == []

    assert (started.returncode, stopped.returncode) == (1, 1)
    assert "already running" in started.stderr
    assert "by a program for itself" in stopped.stderr


def test_two_homes_have_two_sandboxes(tmp_path: Path) -> None:
    with running_sandbox(home=tmp_path / "one") as one, running_sandbox(home=tmp_path / "two") as two:
        with closing(psycopg2.connect(**one.admin_dsn("shop"))) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (n int)")
            connection.commit()
        assert (one.tables("shop"), two.tables("shop")) == ([("public.t", 0)], [])


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 20) / ("path" * 20)

    with running_sandbox(home=home) as sandbox:
        assert sandbox.tables("shop") == []


def test_a_module_that_lies_around_is_not_imported(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "attrs.py").write_text("raise SystemExit('the wrong attrs')")
    monkeypatch.chdir(tmp_path)
    supervisor = Supervisor(home)

    supervisor.start_detached(SandboxOptions())

    assert supervisor.stop()


def test_without_its_packages_the_extra_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagctl._cures import cure
    from dagctl.adapters import sandbox
    from dagctl.cli.sandboxes import supervisor
    from dagctl.domain.errors import MissingExtra

    monkeypatch.delitem(sys.modules, "dagctl.adapters.sandbox.running", raising=False)
    monkeypatch.delattr(sandbox, "running", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    with pytest.raises(MissingExtra, match="uvicorn") as caught, sandbox.running_sandbox(home=home):
        raise AssertionError("it runs")
    assert cure(caught.value) == "Run: pip install 'dagctl[sandbox]'"
    with pytest.raises(MissingExtra) as caught:
        supervisor(home)
    assert caught.value.extra == "sandbox"


def test_the_variables_of_libpq_do_not_reach_its_own_postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {
        "PGHOSTADDR": "192.0.2.1",
        "PGOPTIONS": "-c default_transaction_read_only=on",
        "PGSSLMODE": "verify-full",
        "PGGSSENCMODE": "require",
        "PGTARGETSESSIONATTRS": "standby",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    with running_sandbox(SandboxOptions(), home=tmp_path) as sandbox:
        assert sandbox.tables("shop") == []
