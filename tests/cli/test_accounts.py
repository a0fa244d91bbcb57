"""Two organizations on two platforms, signed in at once: real sockets, real files, real processes."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import Person, Run

from dagctl.testing import SandboxOptions, running_sandbox

if TYPE_CHECKING:
    from dagctl.adapters.sandbox import Sandbox


@pytest.fixture(scope="module")
def globex(tmp_path_factory: pytest.TempPathFactory, callback_port: int) -> Iterator[Sandbox]:
    """Another platform, with another organization; it has a project `shop`, too."""
    options = SandboxOptions(
        organization="Globex",
        organization_id="org_globex",
        projects={"shop": "prj_other_shop", "ledger": "prj_ledger"},
        redirect_uris=(f"http://localhost:{callback_port}/callback",),
    )
    with running_sandbox(options, home=tmp_path_factory.mktemp("globex")) as sandbox:
        yield sandbox


@pytest.fixture
def both(
    run: Run, person: Person, globex: Sandbox, callback_port: int, environ: dict[str, str], tmp_path: Path
) -> dict[str, str]:
    """Somebody who has chosen a project of acme, and one of Globex after that; environment variables."""
    bundle = tmp_path / "both.pem"
    bundle.write_text(Path(environ["SSL_CERT_FILE"]).read_text() + globex.ca_bundle.read_text())
    environ["SSL_CERT_FILE"] = str(bundle)
    for somebody, org, project in (
        (person, "acme", "shop"),
        (Person(globex, environ, callback_port), "Globex", "ledger"),
    ):
        signed_in = somebody.signs_in(run, org=org)
        assert signed_in.returncode == 0, signed_in.stderr
        assert run("use-project", project).returncode == 0
    return environ


def listed(run: Run) -> dict[str, Any]:
    done = run("auth", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {account["organization"]["name"]: account for account in json.loads(done.stdout)["data"]["accounts"]}


def test_back_and_forth(run: Run, both: dict[str, str], home: Path, globex: Sandbox, sandbox: Sandbox) -> None:
    accounts = listed(run)
    assert {name: account["current"] for name, account in accounts.items()} == {"Globex": True, "acme": False}
    assert accounts["acme"]["project"] == {"id": "prj_shop", "name": "shop"}
    assert accounts["acme"]["api_url"] == sandbox.api_url
    shown = run("auth", "list").stdout.splitlines()
    assert [line[0] for line in shown] == ["*", " "]

    done = run("auth", "switch", "acme")
    assert done.stdout == f"The current account is now {accounts['acme']['name']}: acme, project shop.\n"
    assert [project["id"] for project in json.loads(run("projects", "--json").stdout)["data"]["projects"]] == [
        "prj_shop",
        "prj_web",
    ]
    assert run("auth", "refresh").returncode == 0
    assert run("auth", "switch", "org_globex").returncode == 0
    assert run("auth", "refresh").returncode == 0
    assert json.loads(run("auth", "status", "--json").stdout)["data"]["project"]["name"] == "ledger"

    for path in (home / "accounts").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_one_folder_works_for_another_organization(run: Run, both: dict[str, str], tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / ".dagctl.yaml").write_text("org: acme\n")
    before = (home / "config.yaml").read_text()
    assert run("protection", "check", "prod", cwd=folder).returncode == 3
    assert json.loads(run("auth", "status", "--json", cwd=folder).stdout)["data"]["organization"]["name"] == "acme"
    assert run("use-project", "web-analytics", cwd=folder).returncode == 0
    assert (home / "config.yaml").read_text() == before
    assert listed(run)["acme"]["project"]["name"] == "web-analytics"
    assert run("projects", env={"DAGCTL_ORG": "globex"}, cwd=folder).stdout.splitlines()[1].startswith("*  ledger")


def test_the_same_project_name_in_another_organization_is_another_project(
    run: Run, both: dict[str, str], tmp_path: Path, home: Path
) -> None:
    run("auth", "switch", "acme")
    (tmp_path / "config.yaml").write_text(
        "model_defaults: {dialect: duckdb}\ngateways: {g: {connection: {type: duckdb}}}\n"
    )
    assert run("config", "generate", env={"PYTHONWARNINGS": "ignore"}).returncode == 0
    assert "project='acme/shop'" in (tmp_path / "config.py").read_text().replace('"', "'")
    run("auth", "switch", "Globex")
    run("use-project", "shop")
    done = run("protection", "check", "dev", "--project", "acme/shop")
    assert done.returncode == 1
    assert "'shop' of 'acme', but you are signed in to 'Globex'" in done.stderr
    assert "dagctl auth switch acme" in done.stderr


LONG_RUN = """
import sys
from dagctl._functions import _Here
from dagctl.adapters.sqlmesh.link import StateLink

link = StateLink(_Here(False, None), "acme/shop")
print(link.credentials().endpoint.user, flush=True)
for line in sys.stdin:
    endpoint = link.credentials().endpoint
    print(endpoint.user, endpoint.host, endpoint.port, flush=True)
"""


def test_what_runs_already_goes_on_with_its_own(
    run: Run, both: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    run("auth", "switch", "acme")
    with subprocess.Popen(
        [sys.executable, "-c", LONG_RUN], env=both, cwd=tmp_path, text=True, stdin=PIPE, stdout=PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "acme/shop\n"
        for account in ("Globex", "acme", "Globex"):
            assert run("auth", "switch", account).returncode == 0
            process.stdin.write("again\n")
            process.stdin.flush()
            host, port = sandbox.proxy
            assert process.stdout.readline() == f"acme/shop {host} {port}\n"
        process.stdin.close()
    assert process.returncode == 0


def test_signing_out_tells_of_the_others(run: Run, both: dict[str, str], home: Path) -> None:
    done = run("auth", "logout")
    assert done.returncode == 0
    assert "You are still signed in to acme@" in done.stderr
    assert run("auth", "status").returncode == 4
    assert run("auth", "logout", "--org", "acme").returncode == 0
    assert listed(run) == {}
    assert [path for path in home.rglob("*") if path.name in ("auth.json", "accounts") and path.is_file()] == []
    assert "refresh_token" not in "".join(path.read_text() for path in home.rglob("*.json"))


@pytest.mark.parametrize("words", [("auth", "switch", "initech"), ("auth", "logout", "--org", "initech")])
def test_an_unknown_account(run: Run, both: dict[str, str], words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert "There is no account 'initech' here." in done.stderr
    assert "Globex" in done.stderr.replace("globex", "Globex")


def test_signing_out_of_all(run: Run, both: dict[str, str], home: Path) -> None:
    assert run("auth", "logout", "--all").returncode == 0
    assert listed(run) == {}
    assert list(home.rglob("auth.json")) == []
