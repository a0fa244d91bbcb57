"""Other people's words on a terminal, in JSON, in a log and in SQLMesh's mouth: one door."""

from __future__ import annotations

import json
import subprocess
from io import StringIO
from pathlib import Path

import pytest

from dagctl import _functions
from dagctl._cures import cure, login_command
from dagctl.cli import endings
from dagctl.cli.app import App
from dagctl.cli.main import build_parser
from dagctl.cli.registry import Registry
from dagctl.domain.errors import DagctlError, ProjectNotFound
from dagctl.domain.values.text import harmless

RAW = "\x1b]0;owned\x07\x1b[31m\x9b2J\r\t\u202e\u2066\u200f\u2028\u2029\x7f\x00\x85\udc80"


def fits(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


@pytest.fixture
def app() -> App:
    return App(out=StringIO(), err=StringIO(), stdin=StringIO("\n"))


def written(app: App) -> str:
    assert isinstance(app.out, StringIO)
    assert isinstance(app.err, StringIO)
    return app.out.getvalue() + app.err.getvalue()


def test_lines_stay_and_nothing_else_acts() -> None:
    assert fits(harmless(RAW))
    assert harmless("é\n日本 👋\n") == "é\n日本 👋\n"


def test_whatever_the_program_writes_passes(app: App) -> None:
    app.show({}, RAW)
    app.put(RAW)
    app.show_rows({}, [[RAW, "b"]], "")
    app.say(RAW)
    app.ask(RAW)
    app.prompt(RAW)
    endings.of(DagctlError(RAW), app)
    assert fits(written(app))


def test_colours_of_our_own_are_laid_on_afterwards(app: App) -> None:
    app.put(f"{RAW}x", lambda text: f"\033[1m{text.strip()[-1]}\033[0m")
    assert written(app) == "\033[1mx\033[0m\n"


def test_json_means_the_same_and_acts_on_nothing(app: App) -> None:
    app.as_json = True
    record = {RAW: ["a\nb", RAW, "日本 👋"]}
    app.show(record, "")
    assert json.loads(written(app))["data"] == record
    assert fits(written(app))
    assert "日本" in written(app)
    assert json.loads(written(app).encode())["data"] == record
    app.fail(RAW, RAW, exit_code=1, facts={"known": RAW})
    error = json.loads(written(app).splitlines()[-1])["error"]
    assert (error["message"], error["known"]) == (RAW, RAW)
    assert fits(written(app))


def test_a_log_of_a_bug_shows_nothing_raw(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGCTL_HOME", str(tmp_path))
    endings.of(KeyError(f"{RAW}\nsecond"), app)
    assert fits((tmp_path / "bug.log").read_text())


def test_what_was_typed_is_complained_about_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser(Registry()).parse_args(["auth", "status", RAW])
    assert fits(capsys.readouterr().err)


def test_what_a_configuration_raises_is_as_harmless() -> None:
    from dagctl.adapters.sqlmesh.errors import for_sqlmesh

    error = ProjectNotFound(f"There is no {RAW}.", project=RAW, near=(RAW,))
    assert fits(str(for_sqlmesh(error)))
    with pytest.raises(DagctlError) as raised, _functions._errors_for_sqlmesh():
        raise error
    assert fits(str(raised.value))


@pytest.mark.parametrize(
    "name", ["x; touch P #", "$(touch P)", "`touch P`", "a'b; touch P #", f"{RAW}; touch P\n", "|x"]
)
def test_a_suggested_command_has_the_name_for_one_word(name: str, tmp_path: Path) -> None:
    """Run by a shell, with a program in dagctl's place that shows its words."""
    command = login_command(name).replace("dagctl", "printf '%s\\n'", 1)
    done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 4
    assert not list(tmp_path.iterdir())
    assert fits(cure(ProjectNotFound("x", project=name)) or "")
