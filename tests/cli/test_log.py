"""`-v`, `-vv` and `DAGCTL_LOG`: who reads the log, and what nobody reads there."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.refusals.material import Material

from dagctl.adapters.files import private
from dagctl.adapters.files.log import listening
from dagctl.cli.app import App
from dagctl.cli.main import main
from dagctl.cli.registry import Command, Registry
from dagctl.testing import connected

if TYPE_CHECKING:
    from tests.conftest import Done, Person, Run

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and pipes of POSIX")

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ (DEBUG|INFO|WARNING) \S[^\n]*")


def shown(*args: str, registry: Registry | None = None) -> tuple[int, str, str]:
    """How a command ends over the doubles, with Ada signed in."""
    out, err = io.StringIO(), io.StringIO()
    client = connected()
    code = main(args, app=App(connect=lambda **ports: client, out=out, err=err), registry=registry)
    return code, out.getvalue(), err.getvalue()


def test_without_it_nothing_is_said() -> None:
    assert shown("projects")[2] == ""


@pytest.mark.parametrize("args", [("-v", "projects"), ("projects", "-v"), ("--verbose", "projects")])
def test_what_leaves_the_process_is_said(args: tuple[str, ...]) -> None:
    code, out, err = shown(*args)
    assert (code, "shop" in out) == (0, True)
    assert re.fullmatch(
        r"INFO api\.projects api_url=https://api\.dagctl\.io organization_id=org_acme ok in \d+ ms\n", err
    )


@pytest.mark.parametrize(
    "args", [("-vv", "projects"), ("projects", "-vv"), ("projects", "-v", "-v"), ("--verbose", "projects", "-v")]
)
def test_twice_is_everything(args: tuple[str, ...]) -> None:
    err = shown(*args)[2]
    assert "INFO api.projects " in err
    assert "DEBUG tokens.load " in err


def test_data_stays_data() -> None:
    assert json.loads(shown("projects", "--json", "-vv")[1])


def test_it_ends_with_the_run() -> None:
    logger = logging.getLogger("dagctl")
    before = logger.level, logger.propagate, list(logger.handlers)
    shown("projects", "-vv")
    assert (logger.level, logger.propagate, logger.handlers) == before


def test_others_hear_what_they_did_before(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("DAGCTL_LOG", str(tmp_path / "log"))
    shown("projects")
    assert "DEBUG tokens.load" in (tmp_path / "log").read_text()
    assert {record.levelno for record in caplog.records if record.name == "dagctl"} == {logging.INFO}


def test_a_command_that_has_such_an_option_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("verbose_command")
    module.configure = lambda parser: parser.add_argument("-v", "--verbose", metavar="WHAT")  # type: ignore[attr-defined]
    module.run = lambda args, app: app.say(args.verbose) or 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "verbose_command", module)
    registry = Registry([Command(("do",), "verbose_command", "do it")])
    assert shown("do", "-v", "WHAT", registry=registry) == (0, "", "WHAT\n")


def test_a_plugins_command_has_it(run: Run, environ: dict[str, str], tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "linter-1.0.dist-info").mkdir(parents=True)
    (site / "linter.py").write_text(
        "def configure(parser): pass\ndef run(args, app):\n    app.connect().session.status()\n"
    )
    (site / "linter-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: linter\nVersion: 1.0\n")
    (site / "linter-1.0.dist-info" / "entry_points.txt").write_text("[dagctl.commands]\nlint = linter\n")
    environ["PYTHONPATH"] = str(site)
    for args in (("lint", "-vv"), ("-vv", "lint")):
        assert "DEBUG tokens.load ok in " in run(*args).stderr


def test_a_file_gets_everything_whatever_is_shown(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    quiet = run("auth", "status", env={"DAGCTL_LOG": "log"})
    assert (quiet.returncode, quiet.stderr) == (4, run("auth", "status").stderr)
    loud = run("auth", "status", "-v", env={"DAGCTL_LOG": str(log)})
    assert "DEBUG" not in loud.stderr
    lines = log.read_text("utf-8").splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert len({line.split()[1] for line in lines}) == 2, "two processes have appended"
    assert any(" DEBUG tokens.load " in line for line in lines)
    if os.name == "posix":
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


def missing_folder(path: Path) -> Path:
    return path / "missing" / "log"


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def link(path: Path) -> Path:
    target = path.with_name("target")
    target.write_text("theirs")
    path.symlink_to(target)
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


@posix
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (missing_folder, "cannot be written: No such file or directory"),
        (folder, "cannot be written: Is a directory"),
        (link, "is a symbolic link, which dagctl does not follow"),
        (pipe, "cannot be written: No such device or address"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_warning(
    run: Run, tmp_path: Path, make: Callable[[Path], Path], why: str
) -> None:
    path = make(tmp_path / "log")
    without = run("auth", "status")
    done = run("auth", "status", env={"DAGCTL_LOG": str(path)})
    assert (done.returncode, done.stdout) == (without.returncode, without.stdout)
    message = f"DAGCTL_LOG: {path} {why}. Set it to a file of your own, or unset it."
    assert done.stderr == f"WARNING: {message}\n{without.stderr}"
    told = run("auth", "status", "--json", env={"DAGCTL_LOG": str(path)})
    assert json.loads(told.stderr)["warning"] == {"code": "no_log", "message": message}
    if make is link:
        assert (tmp_path / "target").read_text() == "theirs"


@posix
def test_a_file_of_somebody_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, warnings = tmp_path / "log", list[str]()
    log.write_text("theirs")
    if os.geteuid() == 0:
        os.chown(log, 12345, -1)
    else:
        monkeypatch.setattr(private, "is_own", lambda found: False)
    with listening(str(log), warnings.append):
        logging.getLogger("dagctl").info("something")
    (warning,) = warnings
    assert warning.startswith(f"DAGCTL_LOG: {log} belongs to another user")
    assert log.read_text() == "theirs"


@posix
def test_a_file_that_was_open_to_others_is_closed_to_them(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch(mode=0o644)
    log.chmod(0o644)
    done = run("auth", "status", env={"DAGCTL_LOG": str(log)})
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert f"{log} was open to other users (mode 644). dagctl made it private." in done.stderr


@posix
def test_a_notice_is_seen_once_and_is_in_the_file(run: Run, home: Path, tmp_path: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "auth.json").touch()
    (home / "auth.json").chmod(0o644)
    for args in ((), ("-v",)):
        (home / "auth.json").chmod(0o644)
        done = run("auth", "status", *args, env={"DAGCTL_LOG": str(tmp_path / "log")})
        assert done.stderr.count("was open to other users") == 1
    assert (tmp_path / "log").read_text().count(" WARNING dagctl: ") == 2


@posix
@pytest.mark.parametrize("environ_of_it", [{}, {"DAGCTL_LOG": "log"}], ids=["alone", "with a log"])
@pytest.mark.parametrize("args", [(), ("-vv",)], ids=["quiet", "loud"])
def test_a_program_gets_a_notice_as_json(
    run: Run, home: Path, environ_of_it: dict[str, str], args: tuple[str, ...]
) -> None:
    home.mkdir(mode=0o700)
    (home / "auth.json").touch()
    (home / "auth.json").chmod(0o644)
    lines = run("auth", "status", "--json", *args, env=environ_of_it).stderr.splitlines()
    warnings = [document["warning"] for document in map(json.loads, lines) if "warning" in document]
    message = f"{home / 'auth.json'} was open to other users (mode 644). dagctl made it private."
    assert warnings == [{"code": "notice", "message": message}]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_a_disk_that_gets_full_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings = list[str]()

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with listening(str(tmp_path / "log"), warnings.append):
        monkeypatch.setattr("dagctl.adapters.files.log.os.write", full)
        for _ in range(3):
            logging.getLogger("dagctl").info("something")
        monkeypatch.undo()
    assert warnings == [f"DAGCTL_LOG: {tmp_path / 'log'} can no longer be written: No space left on device."]


FUNCTIONS = """
import logging, sys
if sys.argv[1] == "loud":
    logging.basicConfig()
import dagctl
for _ in range(2):
    try:
        dagctl.get_fresh_token()
    except RuntimeError as error:
        print(error)
"""


def functions(environ: Mapping[str, str], folder: Path, log: str, how: str = "quiet") -> Done:
    """A process that is about the functions of configurations, with nobody signed in."""
    command = [sys.executable, "-W", "ignore", "-c", FUNCTIONS, how]
    return subprocess.run(
        command, env={**environ, "DAGCTL_LOG": log}, cwd=folder, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("how", ["quiet", "loud"])
def test_a_configuration_logs_to_the_file_and_nowhere_else(environ: dict[str, str], tmp_path: Path, how: str) -> None:
    done = functions(environ, tmp_path, str(tmp_path / "log"), how)
    assert done.stderr == ""
    assert done.stdout.count("not signed in") == 2
    lines = (tmp_path / "log").read_text("utf-8").splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert sum(" DEBUG tokens.load " in line for line in lines) == 2, "each is there once"


def test_a_configuration_goes_on_without_the_file(environ: dict[str, str], tmp_path: Path) -> None:
    done = functions(environ, tmp_path, str(tmp_path / "missing" / "log"))
    assert done.stdout.count("not signed in") == 2
    assert done.stderr.count("dagctl: WARNING: DAGCTL_LOG: ") == 1


STATE = "import dagctl; dagctl.get_state_connection(environment='dev')"


def test_a_whole_journey_leaves_no_secret(run: Run, person: Person, home: Path, tmp_path: Path) -> None:
    log, material = tmp_path / "log", Material()
    environ = person.environ
    environ["DAGCTL_LOG"] = str(log)

    def note() -> None:
        kept = json.loads((home / "auth.json").read_text())
        for name in ("access_token", "id_token", "refresh_token"):
            material.note(name, kept[name])

    shown = [person.signs_in(run, "-vv")]
    (address,) = re.findall(r"^  (https://\S+/authorize\?\S+)$", shown[0].stderr, re.MULTILINE)
    for name in ("state", "nonce", "code_challenge"):
        material.note(name, re.findall(rf"[?&]{name}=([^&]+)", address)[0])
    note()
    shown += [run(*words, "-vv") for words in (["use-project", "shop"], ["auth", "refresh"])]
    note()
    shown += [run(*words, "-vv") for words in (["doctor"], ["protection", "check", "prod"], ["state", "url"])]
    connection = [sys.executable, "-W", "ignore", "-c", STATE]
    shown.append(subprocess.run(connection, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120))
    shown.append(run("auth", "logout", "-vv"))
    text = log.read_text("utf-8")
    for call in (
        "identity.exchange",
        "identity.refresh",
        "api.protection",
        "probe.enter",
        "trust.applied",
        "identity.revoke",
    ):
        assert f" {call} " in text
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    assert [done.returncode for done in shown] == [0, 0, 0, 0, 3, 0, 0, 0]
    assert len(material.kinds()) == 6
    assert material.found_in(text) == set()
    talk = "".join(done.stderr for done in shown).replace(address, "")
    assert material.found_in(talk) == set()
