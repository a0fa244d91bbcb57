"""The commands as processes, against a real platform: signing in, choosing, looking, signing out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Person, Run

    from dagctl.adapters.sandbox import Sandbox


def test_from_sign_in_to_sign_out(run: Run, person: Person, sandbox: Sandbox, home: Path) -> None:
    done = person.signs_in(run)
    assert (done.returncode, done.stdout) == (0, "Signed in to acme as ada@acme.example.\n"), done.stderr
    assert f"https://{sandbox.issuer_host}/authorize?" in done.stderr
    assert "use-project" in done.stderr

    projects = run("projects", "--json")
    assert json.loads(projects.stdout)["data"] == {
        "project": None,
        "projects": [{"id": "prj_shop", "name": "shop"}, {"id": "prj_web", "name": "web-analytics"}],
    }
    assert run("use-project", "SHOP").stdout == "The project is now shop.\n"
    chosen = {"project": {"id": "prj_web", "name": "web-analytics"}}
    assert (
        run("use-project", "prj_web", "--json").stdout
        == json.dumps({"schema": 1, "command": "use-project", "data": chosen}, indent=2) + "\n"
    )
    assert run("projects").stdout.splitlines()[1].startswith("*  web-analytics")

    status = run("auth", "status", "--json")
    assert status.returncode == 0
    shown = json.loads(status.stdout)["data"]
    assert (shown["organization"]["name"], shown["project"]["name"]) == ("acme", "web-analytics")
    assert shown["api_url"] == sandbox.api_url
    assert shown["expires_at"] is not None

    current = run("config", "current")
    assert current.returncode == 0
    host, port = sandbox.proxy
    for words in ("acme", "web-analytics", sandbox.api_url, f"{host}:{port}", str(home / "config.yaml")):
        assert words in current.stdout

    assert run("auth", "logout").stdout == "Signed out.\n"
    assert not (home / "auth.json").exists()
    after = run("auth", "status")
    assert after.returncode == 4
    assert "auth login --org" in after.stderr
    assert run("auth", "logout").returncode == 0


def test_a_token_for_scripts_is_alone_on_stdout(run: Run, person: Person, home: Path) -> None:
    person.signs_in(run)
    tokens = json.loads((home / "auth.json").read_text())
    assert run("auth", "token").stdout == tokens["access_token"] + "\n"
    assert run("auth", "token", "--id").stdout == tokens["id_token"] + "\n"


def test_protection_check(run: Run, person: Person) -> None:
    person.signs_in(run)
    run("use-project", "shop")
    done = run("protection", "check", "dev", "PROD")
    assert done.returncode == 3
    assert done.stdout.splitlines() == ["dev   open", "prod  protected  Only deployments from CI may change prod."]
    assert run("protection", "check", "dev").returncode == 0


def test_somebody_whom_protection_lets_through(run: Run, person: Person) -> None:
    person.signs_in(run, who=("--user", "grace@acme.example"))
    run("use-project", "shop")
    assert run("protection", "check", "prod").returncode == 0


def test_tokens_in_the_environment_need_no_files(run: Run, person: Person, sandbox: Sandbox, home: Path) -> None:
    person.signs_in(run)
    tokens = json.loads((home / "auth.json").read_text())
    given = {
        "DAGCTL_ACCESS_TOKEN": tokens["access_token"],
        "DAGCTL_ID_TOKEN": tokens["id_token"],
        "DAGCTL_API_URL": sandbox.api_url,
        "DAGCTL_ORG": "acme",
        "DAGCTL_PROJECT": "shop",
        "DAGCTL_HOME": str(home / "nowhere"),
    }
    assert run("protection", "check", "dev", "prod", env=given).returncode == 3
    assert run("auth", "status", env=given).returncode == 0
    assert not (home / "nowhere").exists()
    wrong = run("projects", env={**given, "DAGCTL_ORG": "other"})
    assert wrong.returncode == 1
    assert "DAGCTL_ORG names the organization 'other', but the token is for 'acme'" in wrong.stderr


def test_a_pin_is_shown_with_its_place(run: Run, person: Person, tmp_path: Path) -> None:
    person.signs_in(run)
    run("use-project", "shop")
    (tmp_path / ".dagctl.yaml").write_text("project: web-analytics\n")
    assert f"web-analytics  ({tmp_path / '.dagctl.yaml'})" in run("config", "current").stdout
    assert "takes precedence" in run("use-project", "shop").stderr


def test_no_secret_is_ever_shown(run: Run, person: Person, home: Path) -> None:
    shown = [person.signs_in(run)]
    tokens = json.loads((home / "auth.json").read_text())
    shown += [run(*words) for words in (["projects"], ["use-project", "shop"], ["auth", "status", "--json"])]
    shown += [run("config", "current", "--json"), run("protection", "check", "prod", "--json"), run("auth", "logout")]
    output = "".join(done.stdout + done.stderr for done in shown)
    for name in ("access_token", "id_token", "refresh_token"):
        assert tokens[name] not in output
        assert tokens[name].split(".")[-1] not in output
