"""The environments that a command line targets, found by real SQLMesh in real folders."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dagctl.adapters.sqlmesh.targets import SqlmeshCommandLine
from dagctl.domain.values.targets import Targets

if TYPE_CHECKING:
    import click
    from tests.adapters.sqlmesh.conftest import Ask, Configuration, Surroundings

CASES = Path(__file__).parents[4] / "shared" / "argv-cases.json"

EVERY = ["prod", "dev_me"]


def given_cases() -> list[Any]:
    if not CASES.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"{CASES.name} is not beside the repository"))]
    cases = json.loads(CASES.read_text())
    return [pytest.param(case, id=" ".join(case["argv"]) + "".join(case["env"])) for case in cases]


@pytest.mark.parametrize("case", given_cases())
def test_given_case(
    case: dict[str, Any], ask: Ask, surroundings: Surroundings, configuration: Configuration, sqlmesh_cli: click.Group
) -> None:
    default = case["config_default_target_environment"]
    files = {}
    for name, text in case["files"].items():
        if name.endswith("config.yaml"):
            of_repository = re.search(r"default_target_environment: (\w+)", text)
            text = configuration(of_repository[1] if of_repository else None)
            name = name.replace("config.yaml", "config.py")
        files[name] = text
    personal = {Path(name).name: text for name, text in case["personal"].items()}
    layout = {"files": files, "personal": personal, "env": dict(case["env"]), "default": default}
    if case["argv"][0] == "sqlmesh_dbt":
        pytest.importorskip("sqlmesh_dbt.cli")
    asks = case["asks"] or []  # a usage error: SQLMesh refuses it
    if case["argv"][0] == "sqlmesh":
        skip_what_this_version_does_not_have(sqlmesh_cli, case["argv"][1:], asks)
        seen = ask(case["argv"], **layout)
        assert sorted(seen.asked) == sorted(asks)
        assert all(found.everything is (case["targets"] == ["*"] and bool(asks)) for found in seen.targets)
        return
    if asks == ["<repo>_<pr>"]:
        layout["files"] = {"event.json": event("acme", "shop", 7)}
        layout["env"] = {"GITHUB_EVENT_PATH": "event.json"}
        asks = ["shop_7"]
    surroundings(**layout)
    found = SqlmeshCommandLine(argv=case["argv"]).targets(default)
    assert list(found.environments) == asks
    assert found.later is (case["targets"] == ["?"])


def skip_what_this_version_does_not_have(
    cli: click.Group, argv: list[str], asked: list[str], layout: dict[str, Any] | None = None
) -> None:
    """Skip a command line with options or commands that the SQLMesh at hand does not know."""
    if not asked:
        return  # a command line that is refused is one on any version
    words = [word.partition("=")[0] for word in argv]
    command: Any = next((cli.commands[word] for word in words if word in cli.commands), None)
    command = next((command.commands[word] for word in words if word in getattr(command, "commands", ())), command)
    options = {name for each in (cli, command) if each for option in each.params for name in option.opts}
    heeded = {option.envvar for option in cli.params} | {None}
    needed = {name for name in (layout or {}).get("env", ()) if name.startswith("SQLMESH_") and "__" not in name}
    foreign = {word for word in words if word.startswith("--") and len(word) > 2} - options
    short = {"-e"} & set(words) - options
    if command is None or foreign or short or needed - heeded:
        pytest.skip("this version of SQLMesh has no such option or command")


def event(owner: str, repo: str, number: int) -> str:
    url = f"https://api.github.com/repos/{owner}/{repo}/pulls/{number}"
    return json.dumps({"pull_request": {"_links": {"self": {"href": url}}}})


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("plan ''", ["dev_me"]),
        ("plan dev-feature.1", ["dev_feature_1"]),
        ("plan Übung", ["übung"]),
        ("plan prod -s 2024-01-01", ["prod"]),
        ("plan -s 2024-01-01 prod", ["prod"]),
        ("plan -s2024-01-01 -e-1d prod", ["prod"]),
        ("plan -e -1d prod", ["prod"]),
        ("plan --skip-tests prod", ["prod"]),
        ("plan --skip-tests", ["dev_me"]),
        ("plan --start prod", ["dev_me"]),
        ("plan --start prod dev", ["dev"]),
        ("plan -vv prod", ["prod"]),
        ("plan -vr m prod", ["prod"]),
        ("plan --select-model prod dev", ["dev"]),
        ("plan --select-model=prod", ["dev_me"]),
        ("plan --create-from prod", ["dev_me"]),
        ("plan --create-from=staging prod", ["prod"]),
        ("plan --effective-from 2024-01-01 prod --forward-only", ["prod"]),
        ("plan --explain prod", ["prod"]),
        ("plan --allow-destructive-model a --allow-additive-model b prod", ["prod"]),
        ("plan --backfill-model a --backfill-model b --no-diff prod", ["prod"]),
        ("plan -- -s", ["_s"]),
        ("plan dev prod", []),
        ("plan --min-intervals many prod", []),
        ("plan --start", []),
        ("--gateway plan run prod", ["prod"]),
        ("--gateway run plan", ["dev_me"]),
        ("--gateway=g plan prod", ["prod"]),
        ("--ignore-warnings plan prod", ["prod"]),
        ("--debug --log-to-stdout plan prod", ["prod"]),
        ("--log-file-dir run plan prod", ["prod"]),
        ("--config config --gateway g plan --auto-apply prod", ["prod"]),
        ("-p . plan prod", ["prod"]),
        ("--paths=. plan", ["dev_me"]),
        ("run", ["dev_me"]),
        ("run --ignore-cron prod", ["prod"]),
        ("run -s 2024-01-01 -e 2024-02-01 PROD", ["prod"]),
        ("run --skip-janitor --select-model prod", ["dev_me"]),
        ("run --no-auto-upstream --select-model m prod", ["prod"]),
        ("diff Staging", ["staging"]),
        ("diff", []),
        ("invalidate dev", ["dev"]),
        ("invalidate --sync prod", ["prod"]),
        ("invalidate dev -s", ["dev"]),
        ("check_intervals", []),
        ("check_intervals -s 2024-01-01 dev", ["dev"]),
        ("check_intervals --select-model m staging", ["staging"]),
        ("table_name m", []),
        ("table_name m --environment=staging", ["staging"]),
        ("table_name --env staging --prod m", ["staging"]),
        ("table_diff prod:dev m", []),
        ("table_diff prod:dev -m m -m n", []),
        ("table_diff --on id prod:prod m", []),
        ("table_diff db.a:db.b", []),
        ("table_diff prod:dev", []),
        ("table_diff prod:dev m -m n", []),
        ("table_diff prod m", []),
        ("janitor", EVERY),
        ("janitor --ignore-ttl", EVERY),
        ("janitor --environment=staging", ["staging"]),
        ("destroy", EVERY),
        ("migrate", EVERY),
        ("rollback", EVERY),
        ("environments", []),
        ("state export -o out.json", []),
        ("state export --output-file=out.json --environment dev", ["dev"]),
        ("state export --environment Prod -o out.json --no-confirm", ["prod"]),
        ("state export --local -o out.json", []),
        ("state export", []),
        ("state import -i config.py", EVERY),
        ("state import -i config.py --replace --no-confirm", EVERY),
        ("state import -i missing.json", []),
        ("state", []),
        ("state export --help", []),
        ("audit --model plan", []),
        ("audit -s 2024-01-01", []),
        ("evaluate plan --limit 5", []),
        ("render prod", []),
        ("create_external_models", []),
        ("create_external_models --strict", []),
        ("create_test m -q a 'select 1'", []),
        ("dag plan.html", []),
        ("fetchdf 'select 1'", []),
        ("format --check", []),
        ("info", []),
        ("info --skip-connection -v", []),
        ("lint --model prod", []),
        ("lint --local", []),
        ("rewrite 'select 1'", []),
        ("test -k plan", []),
        ("test --local", []),
        ("clean", []),
        ("dlt_refresh prod", []),
        ("plan --help", []),
        ("bogus prod", []),
    ],
)
def test_command_line(line: str, asked: list[str], ask: Ask, sqlmesh_cli: click.Group) -> None:
    skip_what_this_version_does_not_have(sqlmesh_cli, shlex.split(line), asked)
    assert ask(["sqlmesh", *shlex.split(line)]).asked == asked


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("plan prod -s 1 -e 2 --auto-apply", ["prod"]),
        ("plan --auto-apply --no-prompts -- prod", ["prod"]),
        ("plan -- --auto-apply", ["__auto_apply"]),
        ("plan prod --", ["prod"]),
        ("plan --auto prod", []),
        ("plan --no-prompt prod", []),
        ("plan -s=prod", ["dev_me"]),
        ("plan -s prod -e prod", ["dev_me"]),
        ("plan --execution-time prod dev", ["dev"]),
        ("plan --include-unmodified --no-gaps prod", ["prod"]),
        ("plan --skip-backfill --skip-linter prod", ["prod"]),
        ("plan --restate-model prod --restate-model dev", ["dev_me"]),
        ("plan --restate-model=prod qa", ["qa"]),
        ("plan -r prod -r dev qa", ["qa"]),
        ("plan -rprod", ["dev_me"]),
        ("plan --enable-preview --ignore-cron Prod", ["prod"]),
        ("plan 'prod\\t'", ["prod_t"]),
        ("plan ПРОД", ["прод"]),
        ("plan .", ["_"]),
        ("plan İ", ["i_"]),
        ("--gateway --debug plan prod", ["prod"]),
        ("--gateway destroy environments", []),
        ("--gateway environments destroy", EVERY),
        ("--gateway=plan --debug run", ["dev_me"]),
        ("--gateway format plan prod", ["prod"]),
        ("--log-file-dir=. --ignore-warnings --debug run qa", ["qa"]),
        ("--log-file-dir destroy format", []),
        ("--config config --config config plan qa", ["qa"]),
        ("-- plan prod", ["prod"]),
        ("--debug", []),
        ("--gate g plan prod", []),
        ("plan plan", ["plan"]),
        ("run run", ["run"]),
        ("run destroy", ["destroy"]),
        ("run -- prod", ["prod"]),
        ("run --skip-janitor prod --ignore-cron", ["prod"]),
        ("run --exit-on-env-update 1", ["dev_me"]),
        ("run prod dev", []),
        ("diff -- prod", ["prod"]),
        ("diff prod dev", []),
        ("invalidate", []),
        ("invalidate PROD -s", ["prod"]),
        ("invalidate dev prod", []),
        ("janitor --environment dev --ignore-ttl", ["dev"]),
        ("janitor --ignore-ttl -e PROD", ["prod"]),
        ("janitor -e ''", EVERY),
        ("janitor dev", []),
        ("destroy dev", []),
        ("migrate prod", []),
        ("environments prod", []),
        ("check_intervals ''", []),
        ("check_intervals --no-signals --select-model prod", []),
        ("check_intervals PROD -e 2024-01-01", ["prod"]),
        ("table_name prod", []),
        ("table_name prod --prod", []),
        ("table_name --env=Prod m", ["prod"]),
        ("table_diff a:b m --on id --limit 3", []),
        ("table_diff prod:dev -m '*'", []),
        ("state export -o o.json --environment ''", []),
        ("state export -o o.json --local --no-confirm", []),
        ("state export -o o.json --environment dev --environment DEV", ["dev"]),
        ("state destroy", []),
        ("render m --environment prod", []),
        ("evaluate prod -s 2024-01-01", []),
        ("audit --model prod -e 2024-01-01", []),
        ("dag prod", []),
        ("test prod", []),
        ("info prod", []),
    ],
)
def test_another_command_line(line: str, asked: list[str], ask: Ask, sqlmesh_cli: click.Group) -> None:
    skip_what_this_version_does_not_have(sqlmesh_cli, shlex.split(line), asked)
    seen = ask(["sqlmesh", *shlex.split(line)])
    assert seen.asked == asked
    assert not any(found.later for found in seen.targets)


@pytest.mark.parametrize("line", ["check_intervals", "format", "environments", "state export -o o.json", "plan prod"])
@pytest.mark.parametrize(("env", "default"), [({}, "dev_me"), ({"sqlmesh__DEFAULT_TARGET_environment": "Q-A"}, "q_a")])
def test_the_default_is_known_also_where_nobody_is_asked_about_it(
    env: dict[str, str], default: str, line: str, surroundings: Surroundings, sqlmesh_cli: click.Group
) -> None:
    surroundings(env=env)
    skip_what_this_version_does_not_have(sqlmesh_cli, line.split(), ["prod"])
    assert SqlmeshCommandLine(argv=["sqlmesh", *line.split()]).targets("dev_me").default == default


@pytest.mark.parametrize("line", ["init", "ui --help", "--version", "--help"])
def test_a_command_that_loads_no_configuration_asks_nothing(line: str, ask: Ask) -> None:
    assert ask(["sqlmesh", *line.split()]).targets == []


@pytest.mark.parametrize(
    ("layout", "line", "asked"),
    [
        pytest.param({"default": None}, "plan", ["prod"], id="no default"),
        pytest.param({"default": "Dev.Me"}, "plan", ["dev_me"], id="default sanitised"),
        pytest.param({"default": None}, "destroy", ["prod"], id="every environment, no default"),
        pytest.param({"default": ""}, "plan", ["prod"], id="empty default"),
        pytest.param({"env": {"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": "qa"}}, "plan", ["qa"], id="variable"),
        pytest.param({"env": {"SqlMesh__default_TARGET_environment": "qa"}}, "run", ["qa"], id="variable in any case"),
        pytest.param({"env": {"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": "qa"}}, "plan dev", ["dev"], id="argument wins"),
        pytest.param(
            {"env": {"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": "qa"}},
            "destroy",
            ["prod", "qa"],
            id="variable, every environment",
        ),
        pytest.param({"env": {"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": ""}}, "plan", ["prod"], id="empty variable"),
        pytest.param(
            {"personal": {"config.yaml": "default_target_environment: mine"}}, "plan", ["mine"], id="personal"
        ),
        pytest.param(
            {
                "personal": {"config.yml": "default_target_environment: {{ env_var('WHO', 'me') }}"},
                "env": {"WHO": "Somebody"},
            },
            "plan",
            ["somebody"],
            id="personal, with Jinja",
        ),
        pytest.param(
            {"personal": {"config.yaml": "default_target_environment: ''"}},
            "plan",
            ["prod"],
            id="personal, empty",
        ),
        pytest.param(
            {
                "personal": {"config.yaml": "default_target_environment: mine"},
                "env": {"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": "qa"},
            },
            "plan",
            ["qa"],
            id="variable over personal",
        ),
        pytest.param(
            {"personal": {"config.yaml": "env_vars: {SQLMESH__DEFAULT_TARGET_ENVIRONMENT: qa}"}},
            "plan",
            ["qa"],
            id="personal env_vars",
        ),
        pytest.param({"files": {".env": "SQLMESH__DEFAULT_TARGET_ENVIRONMENT=prod\n"}}, "plan", ["prod"], id=".env"),
        pytest.param(
            {
                "files": {".env": "SQLMESH__DEFAULT_TARGET_ENVIRONMENT=prod\n"},
                "env": {"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": "qa"},
            },
            "plan",
            ["prod"],
            id=".env over the variable",
        ),
        pytest.param(
            {
                "files": {
                    ".env": "SQLMESH__DEFAULT_TARGET_ENVIRONMENT=prod\n",
                    "other.env": "SQLMESH__DEFAULT_TARGET_ENVIRONMENT=qa\n",
                },
            },
            "--dotenv other.env plan",
            ["qa"],
            id="--dotenv instead of .env",
        ),
        pytest.param(
            {
                "files": {"other.env": "SQLMESH__DEFAULT_TARGET_ENVIRONMENT=qa\n"},
                "env": {"SQLMESH_DOTENV_PATH": "other.env"},
            },
            "plan",
            ["qa"],
            id="SQLMESH_DOTENV_PATH",
        ),
        pytest.param({"env": {"SQLMESH_GATEWAY": "plan"}}, "run prod", ["prod"], id="SQLMESH_GATEWAY"),
        pytest.param({"env": {"SQLMESH_IGNORE_WARNINGS": "1"}}, "plan prod", ["prod"], id="SQLMESH_IGNORE_WARNINGS"),
        pytest.param({"env": {"SQLMESH__PROJECT": "shop"}}, "plan dev", ["dev"], id="project"),
    ],
)
def test_default_environment(
    layout: dict[str, Any], line: str, asked: list[str], ask: Ask, sqlmesh_cli: click.Group
) -> None:
    argv = ["sqlmesh", *shlex.split(line)]
    skip_what_this_version_does_not_have(sqlmesh_cli, argv[1:], asked, layout)
    assert ask(argv, **layout).asked == asked


@pytest.mark.parametrize(
    ("first", "second", "line", "asked"),
    [
        ("of_a", "of_b", "-p a -p b plan", ["of_a"]),
        ("of_a", "of_b", "-p b -p a plan", ["of_b"]),
        ("of_a", None, "-p b -p a plan", ["prod"]),
        ("of_a", "of_b", "-p b -p a run qa", ["qa"]),
        ("of_a", "of_b", "-p b -p a destroy", ["prod", "of_b"]),
        ("of_a", "of_b", "-p './[ab]' run qa", ["qa"]),
        ("of_a", "of_b", "--paths=a --paths b --gateway g plan", ["of_a"]),
    ],
)
def test_the_first_of_several_repositories_says_what_the_default_is(
    first: str, second: str | None, line: str, asked: list[str], ask: Ask, configuration: Configuration
) -> None:
    files = {"a/config.py": configuration(first), "b/config.py": configuration(second)}
    assert ask(["sqlmesh", *shlex.split(line)], files=files).asked == asked


def test_the_first_repository_may_be_in_yaml(ask: Ask, configuration: Configuration) -> None:
    yaml = (
        "gateways: {g: {connection: {type: duckdb}}}\n"
        "model_defaults: {dialect: duckdb}\n"
        "default_target_environment: of_a\n"
    )
    seen = ask(
        ["sqlmesh", "-p", "a", "-p", "b", "plan"],
        files={"a/config.yaml": yaml, "b/config.py": configuration("of_b")},
    )
    assert seen.asked == []  # a's state connection serves, and is its own


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("check-required-approvers", []),
        ("run-tests", []),
        ("update-pr-environment", ["shop_7"]),
        ("gen-prod-plan", []),
        ("deploy-production", ["prod"]),
        ("run-all", ["shop_7"]),
    ],
)
@pytest.mark.parametrize("options", [[], ["--paths", "."]])
def test_bot(
    command: str,
    asked: list[str],
    options: list[str],
    surroundings: Surroundings,
    sqlmesh_cli: click.Group,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from click.testing import CliRunner
    from sqlmesh.cicd.bot import bot

    surroundings(files={"event.json": event("acme", "shop", 7)}, env={"GITHUB_EVENT_PATH": "event.json"})
    argv = [*options, "github", "--token", "t", command]
    seen = []

    def controller(**_: object) -> None:
        seen.append(SqlmeshCommandLine().targets("dev_me"))

    monkeypatch.setattr("sqlmesh.integrations.github.cicd.command.GithubController", controller)
    CliRunner().invoke(bot, argv)
    ahead = SqlmeshCommandLine(argv=["/usr/bin/sqlmesh_cicd", *argv]).targets("dev_me")
    assert [list(targets.environments) for targets in (*seen, ahead)] == [asked, asked]


@pytest.mark.parametrize(
    ("personal", "env", "asked"),
    [
        ({"config.yaml": "cicd_bot: {type: github, pr_environment_name: Review}"}, {}, ["review_7"]),
        ({}, {"SQLMESH__CICD_BOT__PR_ENVIRONMENT_NAME": "Review"}, ["review_7"]),
        ({}, {"GITHUB_EVENT_PATH": "missing.json"}, EVERY),
    ],
)
def test_bot_names_its_environment_as_it_is_told_to(
    personal: dict[str, str],
    env: dict[str, str],
    asked: list[str],
    surroundings: Surroundings,
    sqlmesh_cli: click.Group,
) -> None:
    files = {"event.json": event("acme", "shop", 7)}
    surroundings(files=files, personal=personal, env={"GITHUB_EVENT_PATH": "event.json", **env})
    found = SqlmeshCommandLine(argv=["sqlmesh_cicd", "github", "update-pr-environment"]).targets("dev_me")
    assert list(found.environments) == asked


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("run", ["dev_me"]),
        ("run --env QA", ["qa"]),
        ("-t dev run --environment=qa --select prod", ["qa"]),
        ("--profile p --target prod run --full-refresh", ["dev_me"]),
        ("list --select prod", []),
        ("ls", []),
        ("build", ["dev_me"]),  # not implemented; a version that does may well run it
        ("--target prod", []),
    ],
)
def test_dbt(line: str, asked: list[str], surroundings: Surroundings, sqlmesh_cli: click.Group) -> None:
    pytest.importorskip("sqlmesh_dbt.cli")
    surroundings()
    found = SqlmeshCommandLine(argv=["sqlmesh_dbt", *line.split()]).targets("dev_me")
    assert list(found.environments) == asked


def test_dbt_loads_its_configuration_inside_of_the_command(
    surroundings: Surroundings, sqlmesh_cli: click.Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    dbt = pytest.importorskip("sqlmesh_dbt.cli").dbt
    surroundings()
    seen = []
    monkeypatch.setattr("sqlmesh_dbt.cli.create", lambda **_: seen.append(SqlmeshCommandLine().targets("dev_me")))
    for argv in (["run", "--env", "qa"], ["run"], ["list"]):
        CliRunner().invoke(dbt, argv)
    assert [targets.environments for targets in seen] == [("qa",), ("dev_me",), ()]


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["/usr/lib/python3/site-packages/ipykernel_launcher.py", "-f", "kernel.json"], "A notebook"),
        (["/usr/local/lib/python3.12/dist-packages/colab_kernel_launcher.py", "-f", "k.json"], "A notebook"),
        (["/databricks/python_shell/scripts/db_ipykernel_launcher.py", "-f", "k.json"], "A notebook"),
        ([r"C:\venv\Lib\site-packages\ipykernel_launcher.py", "-f", "k.json"], "A notebook"),
        (["/usr/bin/sqlmesh_lsp"], "The language server"),
        (["sqlmesh_lsp.exe", "--stdio"], "The language server"),
        ([r"C:\Users\Me\venv\Scripts\sqlmesh_lsp.EXE"], "The language server"),
        (["/venv/lib/python3.11/site-packages/sqlmesh/lsp/main.py"], "The language server"),
        (["sqlmesh", "ui"], "sqlmesh ui"),
        (["sqlmesh", "-p", ".", "ui", "--port", "8001"], "sqlmesh ui"),
        (["sqlmesh", "--gateway", "prod", "ui", "--mode", "plan"], "sqlmesh ui"),
    ],
)
def test_a_tool_that_chooses_later_asks_nobody(
    argv: list[str], reason: str, surroundings: Surroundings, sqlmesh_cli: click.Group
) -> None:
    surroundings(personal={"config.yaml": "default_target_environment: mine"})
    found = SqlmeshCommandLine(argv=argv).targets("dev_me")
    assert (found.environments, found.later, found.default, found.reason) == ((), True, "mine", reason)


PROGRAMS = [
    (["-c"], "A Python program"),
    (["-m"], "A Python program"),
    ([""], "A Python program"),
    ([], "A Python program"),
    (["pipeline.py", "plan", "prod"], "The program pipeline.py"),
    (["./sqlmesh/pipeline.py", "run"], "The program pipeline.py"),
    (["/usr/bin/ipython"], "The program ipython"),
    (["/usr/bin/uvicorn", "shop.api:app"], "The program uvicorn"),
    (["/usr/bin/pytest", "plan"], "The program pytest"),
    (["/usr/lib/python3/site-packages/pytest/__main__.py", "tests/plan"], "The program __main__.py"),
    (["/usr/bin/dagster", "dev"], "The program dagster"),
    (["/usr/bin/dagster-webserver", "-m", "shop"], "The program dagster-webserver"),
    (["/usr/bin/dagster-daemon", "run"], "The program dagster-daemon"),
    (["/usr/lib/python3/site-packages/dagster/__main__.py", "api", "grpc"], "The program __main__.py"),
    (["/usr/bin/airflow", "scheduler"], "The program airflow"),
    (["/usr/bin/prefect", "worker", "start"], "The program prefect"),
    (["/usr/bin/celery", "worker"], "The program celery"),
    (["/venv/lib/python3.11/site-packages/sqlmesh/cli/main.py", "plan", "prod"], "The program main.py"),
    (["mysqlmesh", "plan", "prod"], "The program mysqlmesh"),
    (["sqlmesh2", "destroy"], "The program sqlmesh2"),
    (["kernel.py"], "The program kernel.py"),
]


@pytest.mark.parametrize(("argv", "reason"), PROGRAMS)
@pytest.mark.parametrize(
    ("fallback", "asked"), [("dev_me", ("dev_me",)), ("Dev.Me", ("dev_me",)), ("", ("prod",)), (None, ())]
)
def test_any_other_program_asks_about_its_own_fallback_and_nothing_beside(
    argv: list[str],
    reason: str,
    fallback: str | None,
    asked: tuple[str, ...],
    surroundings: Surroundings,
    sqlmesh_cli: click.Group,
) -> None:
    surroundings(env={"SQLMESH__DEFAULT_TARGET_ENVIRONMENT": "qa"}, personal={"config.yaml": "project: x"})
    found = SqlmeshCommandLine(argv=argv).targets(fallback)
    assert (found.environments, found.later, found.everything) == (asked, True, False)
    assert (found.default, found.reason) == ("qa", reason)


class Shell:
    """IPython, in a kernel or in a terminal."""

    def __init__(self, kernel: object) -> None:
        self.kernel = kernel


@pytest.mark.parametrize(("shell", "asked"), [(Shell(object()), ()), (Shell(None), ("dev_me",)), (None, ("dev_me",))])
def test_a_kernel_however_it_was_started(
    shell: object, asked: tuple[str, ...], surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert SqlmeshCommandLine(argv=["/opt/hex/run.py"]).targets("dev_me").environments == asked


def test_a_command_line_in_a_notebook_is_a_command_line(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: Shell(object())))
    assert ask(["sqlmesh", "plan", "prod"]).asked == ["prod"]


def test_a_command_that_nobody_has_heard_of_may_touch_any(ask: Ask, sqlmesh_cli: click.Group) -> None:
    import click

    @sqlmesh_cli.command("promote_all")
    @click.argument("environment")
    def promote_all(environment: str) -> None:
        pass

    try:
        assert ask(["sqlmesh", "promote_all", "dev"]).asked == EVERY
    finally:
        del sqlmesh_cli.commands["promote_all"]


@pytest.mark.parametrize(
    "program",
    [
        "sqlmesh",
        "/usr/bin/sqlmesh",
        "sqlmesh.exe",
        "sqlmesh-script.py",
        r"C:\\venv\\Scripts\\SQLMesh.EXE",
        "sqlmesh.py",
    ],
)
def test_a_thread_of_sqlmesh_sees_no_click_context(
    program: str, surroundings: Surroundings, sqlmesh_cli: click.Group
) -> None:
    surroundings(files={"other.env": "SQLMESH__DEFAULT_TARGET_ENVIRONMENT=qa"})
    resolve: Callable[..., Targets] = lambda *args: SqlmeshCommandLine(argv=[program, *args]).targets("dev_me")  # noqa: E731
    assert resolve("--gateway", "plan", "plan", "-s", "1 week ago", "PROD").environments == ("prod",)
    assert resolve("--dotenv", "other.env", "plan").environments == ("qa",)
    assert resolve("plan", "--bogus", "prod").environments == ()


def test_a_foreign_click_program_is_no_sqlmesh(surroundings: Surroundings, sqlmesh_cli: click.Group) -> None:
    import click
    from click.testing import CliRunner

    seen = []

    @click.command()
    def plan() -> None:
        seen.append(SqlmeshCommandLine(argv=["sqlmesh", "plan", "dev"]).targets("dev_me"))

    surroundings()
    CliRunner().invoke(plan, [])
    assert (seen[0].later, seen[0].environments) == (True, ("dev_me",))


def test_sqlmesh_inside_of_another_click_program(ask: Ask, sqlmesh_cli: click.Group) -> None:
    import click
    from click.testing import CliRunner

    outer = click.Group("cloud", commands={"sqlmesh": sqlmesh_cli})
    seen = ask(["sqlmesh", "bogus"])
    del seen.asked[:]
    CliRunner().invoke(outer, ["sqlmesh", "--gateway", "g", "plan", "prod"])
    keeps_arguments = type(sqlmesh_cli) is not click.Group
    assert seen.asked == (["prod"] if keeps_arguments else ["dev_me"])


@pytest.mark.parametrize(
    ("argv", "asked"),
    [(["sqlmesh", "plan", "prod"], ["prod"]), (["pytest"], ["dev_me"]), (["sqlmesh", "run", "dev"], ["dev_me"])],
)
def test_sqlmesh_that_does_not_keep_the_subcommands_arguments(
    argv: list[str], asked: list[str], ask: Ask, sqlmesh_cli: click.Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions before `ctx.meta["subcommand_args"]`: `sys.argv` counts, where it can be what is running."""
    import click

    monkeypatch.setattr(type(sqlmesh_cli), "parse_args", click.Group.parse_args)
    from click.testing import CliRunner

    seen = ask(["sqlmesh", "--version"])
    monkeypatch.setattr(sys, "argv", argv)
    CliRunner().invoke(sqlmesh_cli, ["plan", "prod"])
    assert seen.asked == asked


def test_a_personal_configuration_that_cannot_be_read_keeps_nobody_from_being_guarded(
    surroundings: Surroundings, sqlmesh_cli: click.Group
) -> None:
    surroundings(personal={"config.yaml": "a: [unclosed"})
    found = SqlmeshCommandLine(argv=["sqlmesh", "plan"]).targets("dev_me")
    assert (found.everything, found.environments) == (True, ("prod", "dev_me"))
