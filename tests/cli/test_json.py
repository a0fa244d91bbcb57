"""`--json` is an interface: each command prints what it declares, whatever happens, and nothing else."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path, PurePath
from types import NoneType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import pytest
from tests.cli import json_reference
from tests.domain.generation.test_equality import MINIMAL

from dagctl.cli import endings, records
from dagctl.cli.app import App
from dagctl.cli.main import main
from dagctl.cli.registry import Command
from dagctl.cli.walkthrough import Walkthrough
from dagctl.domain import errors
from dagctl.domain.errors import DagctlError
from dagctl.testing import MemoryPlatform, connected

if TYPE_CHECKING:
    from tests.conftest import Person, Run

    from dagctl.adapters.sandbox import Sandbox

COMMANDS = {command.words: command for command in json_reference.COMMANDS}


def wrong(value: Any, kind: Any, place: str) -> list[str]:
    """What of a value is not as declared: fields that are missing or not declared, and other types."""
    if get_origin(kind) is Literal:
        return [] if value in get_args(kind) else [f"{place}: {value!r}"]
    if get_origin(kind) is list:
        if not isinstance(value, list):
            return [f"{place}: {value!r}"]
        return [
            each for number, item in enumerate(value) for each in wrong(item, get_args(kind)[0], f"{place}[{number}]")
        ]
    if get_origin(kind) is dict:
        return [each for name, item in value.items() for each in wrong(item, get_args(kind)[1], f"{place}.{name}")]
    if get_args(kind):  # a union
        found = [wrong(value, each, place) for each in get_args(kind)]
        return min(found, key=len) if [] not in found else []
    if hasattr(kind, "__required_keys__"):
        if not isinstance(value, dict):
            return [f"{place}: {value!r}"]
        declared = json_reference.fields(kind)
        odd = [f"{place}.{name}" for name in declared.keys() ^ value.keys()]
        return odd + [
            each
            for name in declared.keys() & value.keys()
            for each in wrong(value[name], declared[name], f"{place}.{name}")
        ]
    fits = {
        str: isinstance(value, str),
        bool: isinstance(value, bool),
        int: isinstance(value, int) and not isinstance(value, bool),
        NoneType: value is None,
        PurePath: isinstance(value, str) and os.path.isabs(value),
        datetime: isinstance(value, str) and is_time(value),
    }
    return [] if fits[kind] else [f"{place}: {value!r} is no {kind.__name__}"]


def is_time(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return False
    return True


def data_of(command: tuple[str, ...], stdout: str) -> Any:
    """The data of a command's document, once it is known to be what the command declares."""
    document = json.loads(stdout)
    assert document.keys() == {"schema", "command", "data"}
    assert (document["schema"], document["command"]) == (1, " ".join(command))
    declared = json_reference.data_of(COMMANDS[command])
    assert wrong(document["data"], declared, "data") == []
    return document["data"]


def lines_of(stderr: str) -> list[dict[str, Any]]:
    """The documents on stderr, each of them in an envelope."""
    documents = [json.loads(line) for line in stderr.splitlines()]
    for document in documents:
        assert list(document)[:2] == ["schema", "command"]
        assert len({"error", "warning", "event"} & document.keys()) == 1
    return documents


@pytest.fixture
def ada(signed_in: Path, home: Path, environ: dict[str, str], sandbox: Sandbox) -> Path:
    """Ada's home: she has signed in at the sandbox, and chosen the project shop."""
    shutil.copytree(signed_in, home)
    environ["SSL_CERT_FILE"] = str(sandbox.ca_bundle)
    return home


SHOP, WEB = {"id": "prj_shop", "name": "shop"}, {"id": "prj_web", "name": "web-analytics"}
ACME = {"id": "org_sandbox_acme", "name": "acme"}
ADA = {"email": "ada@acme.example", "subject": "sandbox|ada"}

AGAINST_THE_SANDBOX: list[tuple[str, int, dict[str, Any]]] = [
    (
        "auth status",
        0,
        {"signed_in": True, "user": ADA, "organization": ACME, "project": SHOP, "renewable": True},
    ),
    ("auth token", 0, {}),
    ("auth token --id", 0, {}),
    ("auth refresh", 0, {}),
    ("auth list", 0, {}),
    ("auth switch acme", 0, {}),
    ("auth logout", 0, {"revoked": True, "accounts": []}),
    ("use-project WEB-analytics", 0, {"project": WEB}),
    ("projects", 0, {"project": SHOP, "projects": [SHOP, WEB]}),
    ("config current", 0, {"organization": ACME, "project": SHOP}),
    (
        "protection check dev prod",
        3,
        {
            "environments": [
                {"environment": "dev", "verdict": "open", "reason": None},
                {"environment": "prod", "verdict": "protected", "reason": "Only deployments from CI may change prod."},
            ]
        },
    ),
    ("state url", 0, {"database": "org_acme_shop", "database_user": "acme/shop"}),
    ("doctor", 0, {}),
    ("plugins", 0, {}),
    ("completion bash", 0, {"shell": "bash"}),
]


@pytest.mark.parametrize(("line", "code", "shown"), AGAINST_THE_SANDBOX, ids=lambda value: str(value)[:30])
def test_a_command_prints_what_it_declares(
    line: str, code: int, shown: dict[str, Any], ada: Path, run: Run, environ: dict[str, str]
) -> None:
    words = line.split()
    done = run(*words, "--json")
    assert done.returncode == code, done.stderr
    assert done.stderr == ""
    command = next(found for found in COMMANDS if tuple(words[: len(found)]) == found)
    data = data_of(command, done.stdout)
    assert {name: data[name] for name in shown} == shown


def test_signing_in_tells_a_program_where_to_go(person: Person, run: Run, sandbox: Sandbox) -> None:
    done = person.signs_in(run, "--json")
    assert done.returncode == 0, done.stderr
    data = data_of(("auth", "login"), done.stdout)
    assert (data["organization"], data["user"], data["api_url"], data["project"]) == (ACME, ADA, sandbox.api_url, None)
    host, port = sandbox.proxy
    assert data["pg_proxy"] == {"host": host, "port": port}
    (event,) = lines_of(done.stderr)
    declared = json_reference.events_of(COMMANDS["auth", "login"])["browser"]
    assert event.pop("event") == "browser"
    assert event["url"].startswith(f"https://{sandbox.issuer_host}/authorize?")
    assert "code_verifier" not in event["url"]
    assert wrong({name: event[name] for name in event.keys() - {"schema", "command"}}, declared, "event") == []


def test_a_device_code_for_a_program(environ: dict[str, str], person: Person, run: Run, sandbox: Sandbox) -> None:
    where = ("--org", "acme", "--api-url", sandbox.api_url)
    done = run("auth", "login", *where, "--device", "--timeout", "1", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    event, error = lines_of(done.stderr)
    declared = json_reference.events_of(COMMANDS["auth", "login"])["device_code"]
    assert event.pop("event") == "device_code"
    assert wrong({name: event[name] for name in event.keys() - {"schema", "command"}}, declared, "event") == []
    assert (error["error"]["code"], error["error"]["timeout_seconds"]) == ("sign_in_timed_out", 1)


def test_a_program_needs_no_terminal_to_send_a_person_to_the_browser(
    person: Person, run: Run, sandbox: Sandbox
) -> None:
    where = ("--org", "acme", "--api-url", sandbox.api_url, "--port", "0", "--timeout", "1")
    done = run("auth", "login", *where, "--json")
    event, error = lines_of(done.stderr)
    assert (done.returncode, done.stdout, event["event"]) == (1, "", "browser")
    assert error["error"]["code"] == "sign_in_timed_out"
    assert run("auth", "login", *where).stderr.endswith("set BROWSER.\n")  # a person would not see the address


def test_a_program_hands_the_answer_in(person: Person, run: Run, sandbox: Sandbox) -> None:
    """What it writes to stdin is read as the answer, and here it never is."""
    where = ("--org", "acme", "--api-url", sandbox.api_url)
    done = run("auth", "login", *where, "--no-browser", "--json", stdin="not it\n" * 5)
    assert (done.returncode, done.stdout) == (1, "")
    event, error = lines_of(done.stderr)
    assert (event["event"], error["error"]["code"]) == ("browser", "sign_in_failed")


def test_a_sandbox_tells_programs_where_it_is(run: Run) -> None:
    any_port = ("--api-port", "0", "--issuer-port", "0", "--proxy-port", "0")
    assert data_of(("sandbox", "status"), run("sandbox", "status", "--json").stdout) == {"sandbox": None}
    try:
        done = run("sandbox", "start", "--detach", "--json", *any_port)
        started = data_of(("sandbox", "start"), done.stdout)["sandbox"]
        assert (started["organization"], started["users"][0]) == (ACME, ADA)
        assert started["projects"][0] == {**SHOP, "protected_environments": ["prod"]}
        found = run("sandbox", "status", "--json")
        assert (found.returncode, data_of(("sandbox", "status"), found.stdout)["sandbox"]) == (0, started)
    finally:
        stopped = run("sandbox", "stop", "--json")
    assert data_of(("sandbox", "stop"), stopped.stdout) == {"was_running": True}


PROTECTED = {"sqlmesh plan prod --auto-apply --no-prompts": 1, "dagctl protection check dev prod": 3}


@pytest.mark.parametrize("broken", [None, "dagctl use-project shop"])
def test_the_demo_for_a_program(broken: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands are played, since its ports may be taken; each is quiet, because stdout is one document."""

    def played(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert (options["stdout"], options["stderr"]) == (subprocess.DEVNULL, subprocess.DEVNULL)
        line = " ".join(command)
        return subprocess.CompletedProcess(command, 9 if line == broken else PROTECTED.get(line, 0))

    sandbox = SimpleNamespace(status=lambda: {"api_url": "https://localhost:18443"}, tables=lambda project: [])
    monkeypatch.setattr(subprocess, "run", played)
    monkeypatch.setattr(Walkthrough, "_sandbox", lambda self: sandbox)
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"/bin/{name}")
    folder = tmp_path / "demo"
    argv = ("sandbox", "demo", "--json", "--folder", str(folder))
    if broken is not None:
        error = failed(*argv)
        assert (error["code"], error["exit_code"], error["case"]) == ("command_problem", 1, "quiet_demo")
        assert broken in error["message"]
        return
    code, out, lines = ended(*argv)
    assert (code, lines) == (0, [])
    data = data_of(("sandbox", "demo"), out)
    assert data["folder"] == str(folder)
    steps = {step["command"]: step["exit_code"] for step in data["steps"]}
    assert {line: steps[line] for line in PROTECTED} == PROTECTED


CONFIG_PY = """\
from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig
config = Config(gateways={"local": GatewayConfig(connection=DuckDBConnectionConfig())})
"""


@pytest.mark.parametrize(
    ("files", "options", "code", "shown"),
    [
        ({"config.yaml": MINIMAL}, (), 0, {"changes": True, "written": True, "diff": None, "moved": True}),
        ({"config.yaml": MINIMAL}, ("--check",), 1, {"changes": True, "written": False, "diff": None}),
        ({"config.yaml": MINIMAL}, ("--diff",), 0, {"changes": True, "written": False}),
        ({"config.py": CONFIG_PY}, (), 1, {"source": None, "changes": True, "written": False}),
    ],
    ids=["converted", "checked", "diff", "additions"],
)
def test_a_conversion(
    files: Mapping[str, str], options: tuple[str, ...], code: int, shown: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = run(*("config", "generate", "--json"), *options, env={"DAGCTL_PROJECT": "shop", "PYTHONWARNINGS": "ignore"})
    assert (done.returncode, done.stderr) == (code, "")
    data = data_of(("config", "generate"), done.stdout)
    assert {name: data[name] for name in shown} == shown
    assert data["output"] == str(tmp_path / "config.py")
    assert bool(data["additions"]) is ("config.py" in files)
    assert bool(data["diff"]) is ("--diff" in options)


def test_every_command_is_among_these() -> None:
    seen = {command for command in COMMANDS for line, *_ in AGAINST_THE_SANDBOX if line.startswith(" ".join(command))}
    others = {("auth", "login"), ("config", "generate"), *(command for command in COMMANDS if command[0] == "sandbox")}
    undeclared = {words for words, command in COMMANDS.items() if json_reference.data_of(command) is None}
    assert undeclared == {("state", "psql")}
    assert seen | others | undeclared == COMMANDS.keys()


def ended(
    *argv: str, platform: MemoryPlatform | None = None, client: Any = None
) -> tuple[int, str, list[dict[str, Any]]]:
    """How a command ends over the doubles."""
    client = client or connected(platform, signed_in=platform is not None)
    out, err = io.StringIO(), io.StringIO()
    app = App(connect=lambda **ports: client, out=out, err=err, stdin=io.StringIO())
    try:
        code = main(argv, app=app)
    except SystemExit as error:
        code = app.finish(int(error.code or 0))
    return code, out.getvalue(), lines_of(err.getvalue())


def failed(*argv: str, **over: Any) -> dict[str, Any]:
    """The error of a command that fails: on stderr, alone, with the exit code."""
    code, out, lines = ended(*argv, **over)
    assert out == ""
    error: dict[str, Any] = lines[-1]["error"]
    assert error["exit_code"] == code
    assert list(error)[:4] == ["code", "message", "hint", "exit_code"]
    return {"command": lines[-1]["command"], **error}


@pytest.mark.parametrize(
    ("argv", "command", "message"),
    [
        (("auth", "nonsense", "--json"), None, "there is no command 'nonsense'"),
        (("nonsense", "--json"), None, "there is no command 'nonsense'"),
        (("auth", "list", "--json", "-x"), "auth list", "unrecognized arguments: -x"),
        (("--json", "auth", "list"), None, "unrecognized arguments: --json; options of a command follow it"),
        (("protection", "check", "--json"), "protection check", "the following arguments are required: ENV"),
        (("auth", "login", "--json"), "auth login", "--org is required the first time that you sign in"),
    ],
)
def test_a_usage_error(argv: tuple[str, ...], command: str | None, message: str) -> None:
    error = failed(*argv)
    assert (error["code"], error["exit_code"], error["command"]) == ("usage", 2, command)
    assert error["message"] == message
    assert (
        error["hint"] == f"Run: dagctl{' ' + (command or '') if command else {'auth': ' auth'}.get(argv[0], '')} --help"
    )


def test_after_two_dashes_it_is_an_argument_of_somebody_elses(run: Run) -> None:
    done = run("state", "psql", "--nonsense", "--", "--json")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: dagctl state psql")


def test_an_error_has_its_facts() -> None:
    error = failed("auth", "switch", "nobody", "--json", platform=MemoryPlatform())
    assert error == {
        "command": "auth switch",
        "code": "account_not_found",
        "message": "There is no account 'nobody' here.",
        "hint": error["hint"],
        "exit_code": 1,
        "account": "nobody",
        "known": ["acme"],
    }
    assert error["hint"]


def test_nobody_is_asked() -> None:
    client = connected(MemoryPlatform(), signed_in=True)
    assert failed("use-project", "--json", client=client)["code"] == "no_project"


def test_an_interruption_and_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGCTL_HOME", str(tmp_path))

    class Broken:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def __getattr__(self, name: str) -> Any:
            raise self.error

    assert failed("auth", "list", "--json", client=Broken(KeyboardInterrupt()))["code"] == "interrupted"
    bug = failed("auth", "list", "--json", client=Broken(ZeroDivisionError()))
    assert (bug["code"], bug["exit_code"], bug["log"]) == ("bug", 70, str(tmp_path / "bug.log"))
    assert "ZeroDivisionError" in (tmp_path / "bug.log").read_text()


def test_warnings_are_documents_too() -> None:
    code, out, lines = ended("projects", "-k", "--json", platform=MemoryPlatform())
    assert code == 0
    data_of(("projects",), out)
    (warning,) = (line["warning"] for line in lines)
    assert warning.keys() == {"code", "message"}
    assert warning["code"] == "unverified"


def test_every_code_of_a_warning_is_declared() -> None:
    sources = [
        path.read_text("utf-8") for path in Path(records.__file__).parent.rglob("*.py") if path.stem != "records"
    ]
    for code in records.WARNINGS:
        assert any(f'"{code}"' in source for source in sources), code
    used = {
        part.split('"')[1] for source in sources for part in source.split("warn(")[1:] if part.lstrip().startswith('"')
    }
    assert used <= records.WARNINGS.keys()


def test_times_and_paths_have_one_form_for_plugins_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = App(out=io.StringIO(), err=io.StringIO())
    app.write_json()
    noon = datetime(2026, 11, 25, 12, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    app.show({"at": noon, "path": PurePath("a/b"), "other": {1}}, "text")
    shown = json.loads(app.out.getvalue())  # type: ignore[union-attr]
    assert shown == {
        "schema": 1,
        "command": None,
        "data": {"at": "2026-11-25T06:30:00Z", "path": str(tmp_path / "a" / "b"), "other": "{1}"},
    }


CODES = {
    "DagctlError": "dagctl_error",
    "NotSignedIn": "not_signed_in",
    "SessionEnded": "session_ended",
    "SignInCancelled": "sign_in_cancelled",
    "SignInFailed": "sign_in_failed",
    "SignInTimedOut": "sign_in_timed_out",
    "DeviceGrantRefused": "device_grant_refused",
    "TokenRejected": "token_rejected",
    "TokenOutOfTime": "token_out_of_time",
    "OrganizationRefused": "organization_refused",
    "ProtectionRefused": "protection_refused",
    "EnvironmentProtected": "environment_protected",
    "ProtectionUnknown": "protection_unknown",
    "PlatformError": "platform_error",
    "Unreachable": "unreachable",
    "CertificateRefused": "certificate_refused",
    "Refused": "refused",
    "TokenNotAccepted": "token_not_accepted",
    "NotFound": "not_found",
    "TryLater": "try_later",
    "Malformed": "malformed",
    "ClockSkewed": "clock_skewed",
    "ProjectError": "project_error",
    "NoProject": "no_project",
    "ProjectNotFound": "project_not_found",
    "ProjectConflict": "project_conflict",
    "SettingUnusable": "setting_unusable",
    "AccountNotFound": "account_not_found",
    "FileProblem": "file_problem",
    "FileCorrupt": "file_corrupt",
    "FileUnusable": "file_unusable",
    "FileExists": "file_exists",
    "FileBusy": "file_busy",
    "ConfigProblem": "config_problem",
    "SandboxProblem": "sandbox_problem",
    "PortTaken": "port_taken",
    "NeedsTerminal": "needs_terminal",
    "MissingExtra": "missing_extra",
    "CommandProblem": "command_problem",
}
"""Programs depend on these. A class that gets another name needs `code_of` to know its old one."""


def test_the_codes_of_errors_stay() -> None:
    assert {kind.__name__: endings.code_of(kind) for kind in json_reference.kinds()} == CODES


@pytest.mark.parametrize("kind", list(json_reference.kinds()), ids=lambda kind: kind.__name__)
def test_facts_have_one_form(kind: type[DagctlError]) -> None:
    """Of every class: durations are integers with a unit, absent is null, and no fact hides the envelope's own."""
    given = {name: sample for name, sample in SAMPLES.items() if hasattr(kind, name)}
    for error in (kind("m"), kind("m", **given)):
        facts = json.loads(json.dumps(endings.facts_of(error), default=str))
        assert not facts.keys() & {"code", "message", "hint", "exit_code"}
        assert "" not in facts.values()
        assert all(type(value) in (int, NoneType) for name, value in facts.items() if name.endswith("_seconds"))
        assert not any(isinstance(value, float) for value in facts.values())
    annotations = {
        name: text for each in kind.__mro__[:-1] for name, text in getattr(each, "__annotations__", {}).items()
    }
    for name, fact in endings.fact_names(kind).items():
        assert fact.endswith("_seconds") is any(word in annotations[name] for word in ("float", "timedelta")), name


SAMPLES = {"timeout": 1.5, "retry_after": 0.2, "waited": 2.0, "ahead": timedelta(minutes=3), "path": "a", "code": "x"}


def test_a_fact_that_is_an_error() -> None:
    cause = errors.TryLater("Too much.", host="api.example", retry_after=0.2)
    facts = endings.facts_of(errors.ProtectionUnknown("m", environment="prod", cause=cause))
    assert facts["environment"] == "prod"
    assert facts["cause"] == {
        "code": "try_later",
        "message": "Too much.",
        "host": "api.example",
        "database": None,
        "oauth_error": None,
        "retry_after_seconds": 1,
    }


def test_the_page_is_what_the_code_declares() -> None:
    text = json_reference.PAGE.read_text("utf-8")
    assert text.partition(json_reference.BEGIN)[2] == json_reference.generated().partition("\n")[2], "run: make docs"


@pytest.mark.parametrize("command", json_reference.COMMANDS, ids=lambda command: " ".join(command.words))
def test_the_validation_would_see_a_difference(command: Command) -> None:
    declared = json_reference.data_of(command)
    if declared is None:
        return
    assert wrong({}, declared, "data")
    assert "data.more" in wrong({"more": 1}, declared, "data")
