"""A client that is embedded: where it keeps things, which variables it heeds, and what two clients share."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dagctl
from dagctl.errors import EnvironmentProtected, MissingExtra, NotSignedIn, SettingUnusable
from dagctl.ports import Storage
from dagctl.testing import FollowingBrowser, MemoryPlatform, connected

if TYPE_CHECKING:
    from dagctl.adapters.sandbox import Sandbox

Watched = Callable[..., list[str]]

WATCHED = """
import os, sys
home, api_url, bundle, ca, port = sys.argv[1:]
touched = []

def near(path):
    try:
        return os.fsdecode(path).startswith(home)
    except TypeError:
        return False  # a descriptor

def audit(event, args):
    if event.startswith(("open", "os.", "shutil.", "glob")) and any(near(each) for each in args[:2]):
        touched.append((event, args[0]))

class Watched:  # pathlib 3.10 keeps os.stat in a class, where a function would become a method
    def __init__(self, look):
        self.look = look

    def __call__(self, path, *args, **settings):
        if near(path):
            touched.append((self.look.__name__, path))
        return self.look(path, *args, **settings)

sys.addaudithook(audit)
for name in ("stat", "lstat", "access"):
    setattr(os, name, Watched(getattr(os, name)))

import subprocess
import dagctl

def person(url):  # a program of its own, which this process's variables do not disturb
    command = [sys.executable, "-m", "dagctl.adapters.sandbox.person", url, "--ca", ca]
    return subprocess.run(command, env={}, stdout=subprocess.DEVNULL).returncode == 0

environ = {"SSL_CERT_FILE": bundle, "DAGCTL_STATE_SSLROOTCERT": bundle}
pages = dagctl.LoopbackBrowser(port=int(port), opener=person, announce=lambda text: None, environ=environ)
client = dagctl.connect(storage=dagctl.memory_storage(), environ=environ)
client.login("acme", api_url=api_url, browser=pages, timeout=60)
client.projects.choose("shop")
print([project.name for project in client.projects.list()])
print(client.context.current().project, client.accounts.list()[0].organization)
print(client.protection.ask("dev").allowed, client.protection.ask("prod").allowed)
keywords = client.state.keywords(environment="dev")
print(keywords["sslmode"], keywords["sslrootcert"] == bundle, keywords["user"], keywords["dbname"])
import psycopg2
connection = psycopg2.connect(**keywords)
cursor = connection.cursor()
cursor.execute("select current_user, current_setting('application_name')")
print(cursor.fetchone())
connection.close()
client.session.renewed()
print([check.link for check in client.doctor.checks()] != [])
print(client.logout())
print("touched", touched)
"""

HOSTILE = {
    **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:1"),
    **dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "/nowhere/ca.pem"),
    **dict.fromkeys(("DAGCTL_ORG", "DAGCTL_PROJECT", "DAGCTL_ACCESS_TOKEN", "DAGCTL_ID_TOKEN"), "other"),
    "DAGCTL_API_URL": "https://other.example",
    "DAGCTL_STATE_SSLMODE": "disable",
    "DAGCTL_STATE_SSLROOTCERT": "/nowhere/ca.pem",
    "DAGCTL_TOKEN_STORE": "keyring",
    "PYTHON_KEYRING_BACKEND": "no.such.Backend",
    "NO_PROXY": "other.example",
    "no_proxy": "other.example",
    "BROWSER": "/nowhere/browser",
    "DISPLAY": ":99",
    "SSLKEYLOGFILE": "/nowhere/keys",
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22",
    "WSL_DISTRO_NAME": "Debian",
    "TERM": "dumb",
    "COLUMNS": "1",
    "NO_COLOR": "1",
    "SQLMESH_HOME": "/nowhere",
    "PGHOST": "192.0.2.1",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "other",
    "PGDATABASE": "other",
    "PGPASSWORD": "other",
    "PGPASSFILE": "/nowhere/pass",
    "PGSSLMODE": "disable",
    "PGSSLROOTCERT": "/nowhere/ca.pem",
    "PGSSLCERT": "/nowhere/cert.pem",
    "PGSSLKEY": "/nowhere/key.pem",
    "PGSSLCRL": "/nowhere/crl.pem",
    "PGCHANNELBINDING": "require",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGAPPNAME": "other",
    "PGTARGETSESSIONATTRS": "standby",
    "PGREQUIREAUTH": "none",
    "PGREQUIRESSL": "0",
    "PGGSSENCMODE": "require",
    "PGCLIENTENCODING": "SQL_ASCII",
    **{f"XDG_{name}_HOME": "/nowhere" for name in ("CONFIG", "DATA", "CACHE", "STATE")},
}


@pytest.fixture
def watched(sandbox: Sandbox, environ: dict[str, str], callback_port: int, tmp_path: Path) -> Watched:
    """The whole of a client's work, in a process whose home may be anything; what it prints."""

    def run(**variables: str) -> list[str]:
        arguments = (sandbox.api_url, str(sandbox.ca_bundle), str(sandbox.ca_file), str(callback_port))
        command = [sys.executable, "-c", WATCHED, variables.get("HOME", "/nowhere"), *arguments]
        plain = {name: value for name, value in environ.items() if not name.startswith("DAGCTL_")}
        folder = tmp_path / "work"
        folder.mkdir(exist_ok=True)
        settings = {**plain, **variables}
        done = subprocess.run(command, env=settings, cwd=folder, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        assert list(folder.iterdir()) == []
        return done.stdout.splitlines()

    return run


def test_stores_of_ones_own_leave_every_home_alone(watched: Watched, tmp_path: Path) -> None:
    absent = tmp_path / "played"
    said = watched(HOME=str(absent), DAGCTL_HOME=str(absent / "dagctl"), USERPROFILE=str(absent))
    assert said[-1] == "touched []"
    assert not absent.exists()


def test_no_variable_of_the_process_changes_anything(watched: Watched, tmp_path: Path) -> None:
    plain = watched()
    assert plain[2:4] == ["True False", "verify-full True acme/shop org_acme_shop"]
    hostile = watched(**HOSTILE, DAGCTL_HOME="/nowhere/dagctl")
    assert hostile[:-1] == plain[:-1]
    assert "/nowhere/dagctl" not in hostile[-1]
    assert "open" not in hostile[-1]  # Python's ssl asks whether SSL_CERT_FILE is there, and we go elsewhere


LOOPBACK = """
import sys, dagctl
def announce(text):
    print(text)
browser = dagctl.connect(storage=dagctl.memory_storage(), environ={}, announce=announce)._ports.browser._make()
with browser.listen(lambda query: True) as visit:
    visit.open("https://issuer.example/")
    try:
        visit.wait(0.5)
    except dagctl.SignInFailed as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there is a display without a variable that says so")
def test_no_browser_comes_up_for_a_client_without_variables(
    environ: dict[str, str], tmp_path: Path, callback_port: int
) -> None:
    script = tmp_path / "browser"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/opened\n")
    script.chmod(0o755)
    code = LOOPBACK.replace("._make()", f"._make()\nbrowser._port = {callback_port}")
    settings = {**environ, **HOSTILE, "BROWSER": str(script)}
    done = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "No browser opened" in done.stdout
    assert "SSH" not in done.stdout
    assert "Windows" not in done.stdout
    assert not (tmp_path / "opened").exists()


OPENED = """
import os, sys
from dagctl.adapters.system.opener import open_quietly
name, value = sys.argv[1].split("=")
print(open_quietly("https://issuer.example/", {"PATH": os.environ["PATH"], name: value}))
"""


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="browsers are shell scripts here")
@pytest.mark.parametrize(("given", "comes_up"), [("BROWSER", "mine"), ("DISPLAY", "xdg-open")])
def test_a_client_opens_the_browser_of_its_own_variables(tmp_path: Path, given: str, comes_up: str) -> None:
    for name in ("mine", "other", "xdg-open"):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\necho {name} > {tmp_path}/opened\n")
        script.chmod(0o755)
    value = str(tmp_path / "mine") if given == "BROWSER" else ":0"
    settings = {"PATH": str(tmp_path), "BROWSER": str(tmp_path / "other"), "DISPLAY": ":1", "XDG_CURRENT_DESKTOP": "x"}
    command = [sys.executable, "-c", OPENED, f"{given}={value}"]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert (tmp_path / "opened").read_text() == f"{comes_up}\n"


def test_the_home_is_that_of_the_variables_that_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagctl.adapters.environment.home import home_directory

    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.setenv("USERPROFILE", "/nowhere")
    given = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    assert home_directory(given) == tmp_path / ".dagctl"
    assert home_directory({**given, "DAGCTL_HOME": "~/mine"}) == tmp_path / "mine"
    assert home_directory() == Path("/nowhere/.dagctl").absolute()
    if sys.platform != "win32":
        import pwd

        assert home_directory({}) == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".dagctl"


def test_a_folder_is_a_home(tmp_path: Path) -> None:
    client = connected(storage=tmp_path / "folder")
    client.projects.choose("shop")
    assert {path.name for path in (tmp_path / "folder").iterdir()} >= {"auth.json", "config.yaml"}
    again = connected(signed_in=False, storage=str(tmp_path / "folder"))
    project = again.context.current().project
    assert project is not None
    assert project.value == "shop"


@pytest.mark.parametrize("kind", ["a folder", "stores"])
def test_storage_that_is_given_is_stronger_than_tokens_in_variables(tmp_path: Path, kind: str) -> None:
    environ = {"DAGCTL_ACCESS_TOKEN": "a.b.c", "DAGCTL_ID_TOKEN": "a.b.c"}
    storage = tmp_path if kind == "a folder" else dagctl.memory_storage()
    with pytest.raises(NotSignedIn, match="You are not signed in"):
        connected(signed_in=False, storage=storage, environ=environ).session.fresh()
    client = connected(storage=storage, environ=environ)
    assert client.session.fresh().refresh_token


def test_two_clients_share_nothing(tmp_path: Path) -> None:
    """Not in many threads either: each user asks again and again, and sees what is theirs."""
    platform = MemoryPlatform()
    clients: dict[str, dagctl.Dagctl] = {}
    storages: dict[str, Storage] = {}
    for email in ("ada@acme.example", "grace@acme.example"):
        storages[email] = dagctl.memory_storage()
        clients[email] = connected(platform, signed_in=False, storage=storages[email])
        browser = FollowingBrowser(platform, email=email)
        clients[email].login("acme", api_url=platform.place.api_url, browser=browser)
        clients[email].projects.choose("shop")
    project = clients["ada@acme.example"].context.current().project_id
    assert project is not None
    platform.protect(project, "prod")

    def work(email: str) -> tuple[str, bool]:
        client = clients[email]
        try:
            client.protection.check("prod")
            allowed = True
        except EnvironmentProtected:
            allowed = False
        assert client.session.fresh() == storages[email].current.tokens.load()
        assert [account.name for account in client.accounts.list()] == ["acme"]
        identity = client.session.status().identity
        return (identity.email or "") if identity else "", allowed

    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(work, list(clients) * 20))
    assert set(seen) == {("ada@acme.example", False), ("grace@acme.example", True)}
    clients["ada@acme.example"].logout()
    assert clients["grace@acme.example"].session.fresh()
    with pytest.raises(NotSignedIn):
        clients["ada@acme.example"].session.fresh()


def test_two_clients_share_no_connection() -> None:
    one, other = (dagctl.connect(storage=dagctl.memory_storage(), environ={}) for _ in range(2))
    assert one.projects.api._transport is not other.projects.api._transport  # type: ignore[attr-defined]


def test_help_shows_nothing_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGCTL_ACCESS_TOKEN", "a-secret-of-the-process")
    import pydoc

    for shown in (dagctl.connect, dagctl.Dagctl, dagctl.LoopbackBrowser, dagctl.types, dagctl.ports):
        assert "a-secret-of-the-process" not in pydoc.render_doc(shown)
    for parameter in inspect.signature(dagctl.connect).parameters.values():
        assert parameter.default in (None, False)


WITHOUT = """
import sys, pydoc
for name in ("pytest", "starlette", "uvicorn", "joserfc", "sqlmesh", "pydantic", "sqlglot", "keyring"):
    sys.modules[name] = None
import dagctl, dagctl.errors, dagctl.ports, dagctl.sqlmesh, dagctl.types
for module in (dagctl, dagctl.errors, dagctl.ports, dagctl.sqlmesh, dagctl.types):
    assert set(module.__all__) <= set(dir(module)), module
    assert all(hasattr(module, name) for name in module.__all__), module
    assert not hasattr(module, "nonsense")
    assert pydoc.render_doc(module)
    exec(f"from {module.__name__} import *")
try:
    dagctl.sqlmesh.project_config(gateways={})
except dagctl.DagctlError as error:
    print(type(error).__name__, error, error.extra)
client = dagctl.testing.connected()
client.projects.choose("shop")
for name in {names}:
    sys.modules[name] = None
try:
    keywords = client.state.keywords(environment="dev")
    print(keywords["user"], keywords["dbname"], keywords["hostaddr"] == "", keywords["password"] != "")
except dagctl.DagctlError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "either", "none"])
def test_everything_is_there_without_the_extras(driver: str) -> None:
    missing = {"psycopg": ["psycopg2"], "psycopg2": ["psycopg"], "either": [], "none": ["psycopg", "psycopg2"]}[driver]
    code = WITHOUT.replace("{names}", repr(missing))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said, state = done.stdout.splitlines()
    assert said == (
        f"{MissingExtra.__name__} dagctl.sqlmesh.project_config needs SQLMesh, which is not installed here. sqlmesh"
    )
    there = "acme/shop org_acme_shop True True"
    assert state == (there if driver != "none" else f"MissingExtra {NO_DRIVER}")


NO_DRIVER = "The state database needs psycopg2 or psycopg, and neither is installed here."


def test_psycopg_takes_the_keywords_too(sandbox: Sandbox, callback_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from functools import partial

    import psycopg

    from dagctl.adapters.sandbox.person import sign_in

    for name, value in HOSTILE.items():
        if name.startswith("PG"):
            monkeypatch.setenv(name, value)
    bundle = str(sandbox.ca_bundle)
    page = partial(sign_in, ca_file=sandbox.ca_file)
    browser = dagctl.LoopbackBrowser(port=callback_port, opener=lambda url: bool(page(url)), announce=lambda text: None)
    environ = {"SSL_CERT_FILE": bundle, "DAGCTL_STATE_SSLROOTCERT": bundle, "DAGCTL_PROJECT": "shop"}
    client = dagctl.connect(storage=dagctl.memory_storage(), environ=environ, browser=browser)
    client.login("acme", api_url=sandbox.api_url)
    with psycopg.connect(**client.state.keywords(environment="dev")) as connection:
        assert connection.execute("select current_user").fetchone() == ("acme/shop",)
        assert connection.execute("show default_transaction_read_only").fetchone() == ("off",)
        assert connection.pgconn.ssl_in_use
    with pytest.raises(EnvironmentProtected):
        client.state.keywords(environment="prod")


def test_a_proxy_is_verified_once_for_stores_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from dagctl.adapters.postgres import trust, wire
    from dagctl.domain.values.state import StateEndpoint

    tried: list[str] = []
    monkeypatch.setattr(wire, "negotiated", lambda endpoint, *rest: tried.append(endpoint.hostspec))
    monkeypatch.setattr(trust, "write_private", lambda *rest: pytest.fail("it writes a file"))
    knows = trust.LocalProxyTrust(None, {"SSL_CERT_FILE": "ca.pem"})
    endpoint = StateEndpoint("proxy.example", 5432)
    assert [knows.tried(endpoint).sslmode for _ in range(3)] == ["verify-full"] * 3
    assert tried == ["proxy.example:5432"]


def test_a_folder_stays_the_same_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".dagctl.yaml").write_text("project: web-analytics\n")
    monkeypatch.chdir(tmp_path)
    client = connected(storage="kept", folder="project")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert client.session.status().signed_in
    project = client.context.current().project
    assert project is not None
    assert (project.value, project.name) == ("web-analytics", str(tmp_path / ".dagctl.yaml"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dagctl.yaml", "elsewhere", "kept", "project"]


def test_a_tilde_is_the_home_directory_of_the_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me").mkdir()
    connected(storage="~/kept", environ={name: str(tmp_path / "me") for name in ("HOME", "USERPROFILE")})
    assert [path.name for path in tmp_path.iterdir()] == ["me"]
    assert (tmp_path / "me" / "kept" / "auth.json").exists()


@pytest.mark.parametrize("argument", ["storage", "folder"])
def test_an_empty_text_is_no_folder(argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    connect: Callable[..., object] = dagctl.connect
    with pytest.raises(SettingUnusable, match="empty"):
        connect(**{argument: ""}, environ={"HOME": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
