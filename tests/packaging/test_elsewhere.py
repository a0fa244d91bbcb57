"""What Windows is like, played on whatever machine this is; README.md says what is tested where."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.e2e.test_terminal import address_in, signed_in_elsewhere

from dagctl.adapters.environment.overrides import overrides_from
from dagctl.adapters.files import private
from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.cli.app import App
from dagctl.cli.commands import auth_login
from dagctl.cli.commands.state_url import uri
from dagctl.domain.values.account import account_name
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.state import StateCredentials, StateEndpoint

if TYPE_CHECKING:
    from tests.conftest import Done, Person

    from dagctl.adapters.sandbox import Sandbox


@pytest.mark.parametrize("name", ["con", "PRN", "aux", "nul", "com1", "LPT9", "com²", "con.fusion", "aux.x.y"])
def test_no_account_is_kept_under_the_name_of_a_device(name: str) -> None:
    device, dot, rest = name.lower().partition(".")
    assert account_name(Settings(current_org_name=name)) == f"{device}-{dot}{rest}"


@pytest.mark.parametrize("name", ["console", "com", "com10", "acme.con"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert account_name(Settings(current_org_name=name)) == name


def test_files_whose_lines_end_as_windows_has_it(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"# mine\r\ncurrent_org: o-1\r\ncurrent_project: Shop\r\n")
    store = FileSettingsStore(tmp_path)
    assert store.load().current_project == "Shop"
    store.save(Settings(current_org="o-1", current_project="Blog"))
    assert store.load().current_project == "Blog"
    assert b"# mine" in (tmp_path / "config.yaml").read_bytes()


@pytest.mark.parametrize("name", ["config.yaml", "auth.json"])
def test_files_with_the_mark_that_editors_of_windows_put_first(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf{}\r\n")
    assert private.read_private(tmp_path / name) == "{}\n"


@pytest.mark.parametrize(
    ("org", "project"), [("con.corp", "shop"), ("AUX .x", "shop"), ("com1.", "nul"), ("nul", "con")]
)
def test_no_credentials_are_kept_under_the_name_of_a_device(org: str, project: str, tmp_path: Path) -> None:
    endpoint = StateEndpoint("pg.example", 5432, "org_acme_shop", "acme/shop")
    FileCredentialStore(tmp_path).save(org, project, StateCredentials(endpoint, Secret("token"), None))
    (kept,) = (tmp_path / "credentials").iterdir()
    assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d) *(\.|$)", kept.name, re.IGNORECASE)


def test_a_pin_whose_lines_end_as_windows_has_it(tmp_path: Path) -> None:
    (tmp_path / ".dagctl.yaml").write_bytes(b"org: acme\r\nproject: Shop\r\n")
    found = overrides_from({}, tmp_path)
    assert found.project is not None
    assert found.project.value == "Shop"


def test_a_terminal_on_which_nobody_can_wait_for_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_login, "os", SimpleNamespace(name="nt", environ=os.environ))
    app = App(stdin=io.StringIO("http://localhost:8080/callback?code=1\r\n"), err=io.StringIO())
    assert auth_login._asking(app)("Paste the address: ", 1.0) == "http://localhost:8080/callback?code=1"
    assert auth_login._terminal(app) is None


WINDOWS = Path(__file__).with_name("windows.py")


@pytest.fixture
def windows(environ: dict[str, str], tmp_path: Path) -> Callable[..., Done]:
    """Run command lines where Windows is played; see `windows.py`."""
    del environ["HOME"], environ["DAGCTL_HOME"]
    environ |= {"USERPROFILE": str(tmp_path / "Ada"), "PYTHONIOENCODING": "cp850:strict"}
    (tmp_path / "Ada").mkdir()

    def run(*commands: str, stdin: str = "", **more: str) -> Done:
        played = [sys.executable, str(WINDOWS), *commands]
        return subprocess.run(
            played, env={**environ, **more}, cwd=tmp_path, input=stdin, text=True, capture_output=True, timeout=120
        )

    return run


def test_from_sign_in_to_sign_out(
    windows: Callable[..., Done], person: Person, sandbox: Sandbox, callback_port: int, tmp_path: Path
) -> None:
    yaml = "# mine\ngateways:\n  local:\n    connection: {type: duckdb}\nmodel_defaults: {dialect: duckdb}\n"
    (tmp_path / "config.yaml").write_bytes(yaml.replace("\n", "\r\n").encode())
    login = f"auth login --org acme --api-url {sandbox.api_url} --port {callback_port}"
    done = windows(
        login,
        "use-project shop",
        "auth refresh",
        "protection check dev",
        "config generate",
        "config current",
        "doctor",
        "auth switch acme",
        "auth list",
        BROWSER=person.browser(),
        PYTHONWARNINGS="ignore",  # SQLMesh's own
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dev  open" in done.stdout
    assert "# mine" in (tmp_path / "config.py").read_text()
    home = tmp_path / "Ada" / ".dagctl"
    assert str(home) in done.stdout
    assert [path.name for path in home.rglob("*.tmp")] == []
    done = windows("auth logout")
    assert (done.returncode, done.stdout) == (0, "Signed out.\n"), done.stderr
    assert not (home / "auth.json").exists()


def test_the_answer_is_pasted_in(
    windows: Callable[..., Done], person: Person, sandbox: Sandbox, tmp_path: Path
) -> None:
    """cmd and PowerShell hand over a line once it is whole, with CR LF at its end; nobody can wait for it beside."""
    command = f"auth login --no-browser --org acme --api-url {sandbox.api_url}"
    process = subprocess.Popen(
        [sys.executable, str(WINDOWS), command],
        env=person.environ,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stderr is not None
        shown = ""
        while "address bar" not in shown:
            line = process.stderr.readline()
            assert line, shown
            shown += line
        process.stdin.write(signed_in_elsewhere(address_in(shown), sandbox) + "\r\n")
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == "Signed in to acme as ada@acme.example.\n"
    assert (tmp_path / "Ada" / ".dagctl" / "auth.json").exists()


def test_where_no_browser_comes_up_the_option_to_paste_is_named(
    windows: Callable[..., Done], sandbox: Sandbox, callback_port: int, person: Person
) -> None:
    login = f"auth login --org acme --api-url {sandbox.api_url} --port {callback_port} --timeout 0.5"
    assert "--no-browser" in windows(login, BROWSER="none").stderr


@pytest.mark.parametrize("command", ["start", "status", "stop", "demo"])
def test_the_sandbox_says_where_it_does_not_run(command: str, windows: Callable[..., Done]) -> None:
    done = windows(f"sandbox {command}")
    assert done.returncode == 1
    assert done.stderr == "dagctl: The sandbox does not run on Windows. Use WSL.\n"


def test_a_home_that_nothing_tells_of(windows: Callable[..., Done], environ: dict[str, str]) -> None:
    del environ["USERPROFILE"]
    done = windows("auth status")
    assert done.returncode == 1
    assert "cannot determine your home directory" in done.stderr


def test_what_killed_writers_have_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "os", SimpleNamespace(**{**vars(os), "name": "nt", "kill": None}))
    left, at_it = tmp_path / ".auth.json.4711.1.tmp", tmp_path / ".auth.json.4711.2.tmp"
    for path in (left, at_it):
        path.write_text("a token")
    os.utime(left, (0, time.time() - 90))
    private.write_private(tmp_path / "auth.json", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [at_it.name, "auth.json"]
    os.utime(at_it, (0, time.time() - 90))
    private.remove_private(tmp_path / "auth.json")
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_a_drive_letter_comes_through_an_address() -> None:
    ca = r"C:\Users\Ada Lovelace\proxy.pem"
    endpoint = StateEndpoint("pg.example", 5432, "org_acme_shop", "acme/shop", "verify-full", sslrootcert=ca)
    url = uri(StateCredentials(endpoint, Secret("token"), None), with_token=False)
    assert parse_qs(urlsplit(url).query)["sslrootcert"] == [ca]


def test_a_path_with_a_drive_letter_is_no_address(windows: Callable[..., Done]) -> None:
    done = windows("auth login --org acme --api-url C:/Users/ada", BROWSER="none")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "C:/Users/ada" in done.stderr
