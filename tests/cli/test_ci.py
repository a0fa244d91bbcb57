"""A job in CI: its session is in variables, its home is nobody's business, and nobody can sign in there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.test_wrong_input import contents, refused

if TYPE_CHECKING:
    from tests.conftest import Person, Run

    from dagctl.adapters.sandbox import Sandbox

VARIABLES = ("DAGCTL_ACCESS_TOKEN", "DAGCTL_ID_TOKEN", "DAGCTL_ORG", "DAGCTL_PROJECT")


@pytest.fixture
def job(run: Run, person: Person, home: Path, sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """Variables of a job with a session of its own, whose home does not exist."""
    signed_in = person.signs_in(run)
    assert signed_in.returncode == 0, signed_in.stderr
    members = json.loads((home / "auth.json").read_text())
    return {
        "DAGCTL_HOME": str(tmp_path / "no-home"),
        "DAGCTL_API_URL": sandbox.api_url,
        "DAGCTL_ORG": "acme",
        "DAGCTL_ACCESS_TOKEN": members["access_token"],
        "DAGCTL_ID_TOKEN": members["id_token"],
    }


COMMANDS = {
    ("auth", "status"): 0,
    ("auth", "token"): 0,
    ("config", "current"): 0,
    ("projects",): 0,
    ("state", "url", "--project", "shop"): 0,
    ("protection", "check", "dev", "--project", "shop"): 0,
    ("protection", "check", "prod", "--project", "shop"): 3,
    ("auth", "list"): 0,
    ("auth", "switch", "acme"): 1,
    ("doctor",): 1,
    ("auth", "refresh"): 1,
    ("auth", "logout"): 1,
    ("auth", "login", "--org", "acme"): 1,
    ("use-project", "shop"): 1,
}


def test_a_session_in_variables_needs_no_home_and_makes_none(run: Run, job: dict[str, str]) -> None:
    for command, code in COMMANDS.items():
        done = run(*command, env=job)
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert not Path(job["DAGCTL_HOME"]).exists(), command


@pytest.mark.parametrize("text", ["current_org: org_other\napi_url: https://api.other.example\n", "a: ["])
def test_a_session_in_variables_leaves_a_home_as_it_is(run: Run, job: dict[str, str], text: str) -> None:
    home = Path(job["DAGCTL_HOME"])
    (home / "accounts" / "acme").mkdir(parents=True, mode=0o700)
    for name in ("config.yaml", "auth.json", "accounts/acme/config.yaml"):
        (home / name).write_text(text)
    before = contents(home)
    for command, code in COMMANDS.items():
        done = run(*command, env=job)
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert contents(home) == before, command


def test_a_project_is_chosen_by_a_variable_there(run: Run, job: dict[str, str]) -> None:
    refused(run("use-project", "shop", env=job), 1, "DAGCTL_ACCESS_TOKEN", "Set DAGCTL_PROJECT=shop instead.")
    status = run("auth", "status", "--json", env={**job, "DAGCTL_PROJECT": "shop"})
    assert json.loads(status.stdout)["data"]["project"]["name"] == "shop"


@pytest.mark.parametrize("way", [(), ("--device",), ("--no-browser",)])
@pytest.mark.parametrize(
    "place", [{"CI": "true"}, {"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}, {"CI": "1", "BROWSER": "none"}]
)
def test_nobody_can_sign_in_in_ci(run: Run, home: Path, way: tuple[str, ...], place: dict[str, str]) -> None:
    done = run("auth", "login", "--org", "acme", "--api-url", "https://localhost:1", *way, env=place)
    refused(done, 1, "This is a CI job", *VARIABLES)
    assert done.stdout == ""
    assert not home.exists()


def test_a_browser_that_is_named_can(run: Run, person: Person) -> None:
    person.environ["CI"] = "true"
    done = person.signs_in(run)
    assert done.returncode == 0, done.stderr
