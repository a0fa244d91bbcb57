"""The published client and this one share one `~/.dagctl`, in both directions."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Done, Person, Program, Run

    from dagctl.adapters.sandbox import Sandbox


PUBLISHED = "dagctl==0.4.1"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of its own with the published client; `DAGCTL_TEST_PUBLISHED` names one that is there."""
    if "DAGCTL_TEST_PUBLISHED" in os.environ:
        return Path(os.environ["DAGCTL_TEST_PUBLISHED"])
    folder = tmp_path_factory.mktemp("published")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", PUBLISHED]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"the published client cannot be installed here: {done.stderr.strip()[-200:]}")
    return folder


@pytest.fixture
def theirs(published: Path, person: Person, home: Path, tmp_path: Path, sandbox: Sandbox) -> Program:
    """Run the published client as a process on the same dagctl home."""
    (tmp_path / ".dagctl").symlink_to(home)
    home.mkdir(mode=0o700, exist_ok=True)

    def run(*args: str, **env: str) -> Done:
        environ = {**person.environ, "PYTHONWARNINGS": "ignore", "REQUESTS_CA_BUNDLE": str(sandbox.ca_bundle), **env}
        return subprocess.run(
            [str(published / "bin" / args[0]), *args[1:]],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_they_use_what_we_have_recorded(run: Run, person: Person, theirs: Program, sandbox: Sandbox) -> None:
    assert person.signs_in(run).returncode == 0
    assert run("use-project", "shop").returncode == 0
    status = theirs("dagctl", "auth", "status")
    assert "Authenticated" in status.stdout
    assert "acme" in status.stdout
    assert "shop" in status.stdout
    current = theirs("dagctl", "config", "current")
    assert f"localhost:{sandbox.proxy[1]}" in current.stdout
    assert theirs("dagctl", "use-project", "web-analytics").returncode == 0
    assert "web-analytics" in run("config", "current").stdout
    token = theirs("python", "-c", "import dagctl; print(dagctl.get_fresh_token())").stdout.strip()
    assert token == run("auth", "token").stdout.strip()
    script = "import dagctl, json; print(json.dumps(dict(dagctl.get_state_connection(default_environment='dev'))))"
    connection = json.loads(theirs("python", "-c", script).stdout)
    assert (connection["user"], connection["database"]) == ("acme/web-analytics", "org_acme_web_analytics")


def test_we_renew_what_they_renewed_and_they_what_we_renewed(
    run: Run, person: Person, theirs: Program, home: Path, sandbox: Sandbox
) -> None:
    person.signs_in(run)
    reuses = sandbox.observations.reuses
    they = (theirs, ["python", "-c", "import dagctl; dagctl.get_fresh_token()"])
    we = (run, ["auth", "token"])
    for client, words in (they, we, they, we):
        path = home / "auth.json"
        members = json.loads(path.read_text())
        path.write_text(json.dumps({**members, "expires_at": "2020-01-01T00:00:00+00:00"}))
        assert client(*words).returncode == 0
        assert json.loads(path.read_text())["refresh_token"] != members["refresh_token"]
    assert sandbox.observations.reuses == reuses
    assert run("projects").returncode == 0


def test_we_use_what_they_have_recorded(
    run: Run, person: Person, theirs: Program, home: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    """They know no discovery, so their settings are written by hand; and their callback is port 8080's."""
    client = {"auth0_domain": sandbox.issuer_host, "auth0_client_id": sandbox.client_id}
    (home / "config.yaml").write_text("".join(f"{name}: {value}\n" for name, value in client.items()))
    browser = f"{person.browser()} &"  # they listen only after the browser was opened
    done = theirs("dagctl", "auth", "login", "--org", "acme", "--api-url", sandbox.api_url, BROWSER=browser)
    assert "Authenticated as ada@acme.example" in done.stdout, done.stdout + done.stderr
    assert theirs("dagctl", "use-project", "shop").returncode == 0
    status = run("auth", "status", "--json")
    assert status.returncode == 0
    shown = json.loads(status.stdout)["data"]
    assert (shown["organization"]["name"], shown["project"]["name"]) == ("acme", "shop")
    assert shown["user"]["email"] == "ada@acme.example"
    assert run("protection", "check", "dev").returncode == 0
    assert run("auth", "logout").returncode == 0
    assert "Not authenticated" in theirs("dagctl", "auth", "status").stdout
