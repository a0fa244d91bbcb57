"""The program as such: help, version, usage, and what each ending does."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest
from tests.cli.reference import COMMANDS

from dagctl import __version__
from dagctl.cli.app import App
from dagctl.cli.endings import EXIT_CODES
from dagctl.cli.main import LazyParser, build_parser, main
from dagctl.cli.registry import BUILT_IN, Command, Registry
from dagctl.domain import errors
from dagctl.domain.errors import DagctlError

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SPEC = {
    ("auth", "login"): {"--org", "--api-url", "-k", "--insecure"},
    ("auth", "logout"): set(),
    ("auth", "status"): set(),
    ("use-project",): {"-k", "--insecure"},
    ("config", "generate"): {"-o", "--output"},
    ("config", "current"): set(),
}


def test_version(run: Run) -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"dagctl {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_every_command_has_help(command: Command, run: Run) -> None:
    done = run(*command.words, "--help")
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("words", SPEC, ids=" ".join)
def test_the_specifications_options(words: tuple[str, ...]) -> None:
    command = next(command for command in BUILT_IN if command.words == words)
    parser = LazyParser()
    parser.command = command
    parser.declare()
    options = {name for action in parser._actions for name in action.option_strings}
    assert options >= SPEC[words]


@pytest.mark.parametrize("args", [("nonsense",), ("auth", "login"), ("auth", "status", "--nonsense")])
def test_usage_errors(args: tuple[str, ...], run: Run) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: dagctl")
    assert done.stdout == ""


HEAVY = {
    "attr",
    "cattrs",
    "filelock",
    "importlib.metadata",
    "inspect",
    "json",
    "logging",
    "ruamel",
    "sqlmesh",
    "typing_extensions",
    "urllib3",
}


@pytest.mark.parametrize("args", [["--help"], ["--version"]])
def test_what_help_and_version_load(args: list[str]) -> None:
    script = (
        "import sys; from dagctl.cli.main import main\n"
        f"try: main({args!r})\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert HEAVY.isdisjoint(loaded)
    ours = {name for name in loaded if name.startswith("dagctl")}
    plugins = {
        "dagctl.adapters",
        "dagctl.adapters.plugins",
        "dagctl.adapters.plugins.entry_points",
        "dagctl.cli.plugins",
    }
    program = {"dagctl", "dagctl.cli", *(f"dagctl.cli.{name}" for name in ("app", "main", "registry", "verbosity"))}
    assert ours == (program if args == ["--version"] else program | plugins)


@pytest.mark.parametrize("words", [["auth", "status"], ["config", "current"]])
def test_what_shows_the_state_of_things_loads_nothing_to_change_it(words: list[str], environ: dict[str, str]) -> None:
    script = f"import sys; from dagctl.cli.main import main\nmain({words!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert {"cattrs", "difflib", "filelock", "hashlib", "logging", "sqlmesh", "ssl", "urllib3"}.isdisjoint(loaded)


def every(kind: type[DagctlError]) -> list[type[DagctlError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in every(child))]


def test_every_error_has_an_exit_code() -> None:
    for kind in every(DagctlError):
        codes = [code for cls, code in EXIT_CODES if issubclass(kind, cls)]
        assert codes, kind
    assert [kind.__name__ for kind, _ in EXIT_CODES] == ["ProtectionRefused", "NotSignedIn", "DagctlError"]


def program(do: Callable[[App], int]) -> tuple[int, str, str]:
    """Run a program of one command that does `do`; returns its exit code, stdout and stderr."""
    module = ModuleType("one_command")
    module.__doc__ = "Do it."
    module.configure = lambda parser: None  # type: ignore[attr-defined]
    module.run = lambda args, app: do(app)  # type: ignore[attr-defined]
    sys.modules["one_command"] = module
    out, err = io.StringIO(), io.StringIO()
    try:
        code = main(["do"], app=App(out=out, err=err), registry=Registry([Command(("do",), "one_command", "do it")]))
    finally:
        del sys.modules["one_command"]
    return code, out.getvalue(), err.getvalue()


def raising(error: BaseException) -> Callable[[App], int]:
    def do(app: App) -> int:
        raise error

    return do


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DagctlError("m", hint="h"), 1),
        (errors.FileCorrupt("m", hint="h"), 1),
        (errors.EnvironmentProtected("m", hint="h"), 3),
        (errors.ProtectionUnknown("m", hint="h"), 3),
        (errors.NotSignedIn("m", hint="h"), 4),
        (errors.SessionEnded("m", hint="h"), 4),
        (errors.TryLater("m", hint="h"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_expected_failure_is_a_sentence_and_a_hint(error: DagctlError, code: int) -> None:
    assert program(raising(error)) == (code, "", "dagctl: m\n  h\n")


def test_an_interrupt() -> None:
    code, out, err = program(raising(KeyboardInterrupt()))
    assert (code, out) == (130, "")
    assert "interrupted" in err
    assert "Traceback" not in err


def test_a_bug_goes_into_a_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGCTL_HOME", str(home))
    code, out, err = program(raising(ZeroDivisionError("oops")))
    assert (code, out) == (70, "")
    assert str(home / "bug.log") in err
    assert "Traceback" not in err
    assert "oops" in (home / "bug.log").read_text()


def test_a_closed_pipe_is_no_bug(environ: dict[str, str]) -> None:
    done = subprocess.run(
        f"{sys.executable} -m dagctl config current --json | true",
        shell=True,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_a_program_can_have_commands_of_its_own() -> None:
    def do(app: App) -> int:
        app.show({"a": 1}, "one")
        app.say("talk")
        return 5

    assert program(do) == (5, "one\n", "talk\n")


def test_help_for_a_program_that_gives_its_words_in_a_tuple(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(("help", "auth", "login"))
    assert done.value.code == 0
    assert capsys.readouterr().out.startswith("usage: dagctl auth login ")


def test_a_command_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match="auth login"):
        Registry().add(BUILT_IN[0])


def test_the_parser_declares_options_only_when_they_are_needed() -> None:
    loaded = []

    class Spy(Command):
        __slots__ = ()

        def load(self) -> ModuleType:
            loaded.append(self.words)
            module = ModuleType("spy")
            module.configure = lambda parser: None  # type: ignore[attr-defined]
            module.run = lambda args, app: 0  # type: ignore[attr-defined]
            return module

    registry = Registry([Spy(("a",), "x", ""), Spy(("b", "c"), "x", "")])
    args = build_parser(registry).parse_args(["b", "c"])
    assert isinstance(args, Namespace)
    assert loaded == [("b", "c")]
    assert isinstance(build_parser(registry), ArgumentParser)


def test_json_is_json(run: Run) -> None:
    done = run("auth", "status", "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["data"]["signed_in"] is False


@pytest.mark.parametrize(
    "line", ["", "help", "auth", "help auth", "help auth login", "auth help", "auth help login", "help help"]
)
def test_help_is_what_a_beginner_gets(line: str, run: Run) -> None:
    done = run(*line.split())
    words = [word for word in line.split() if word != "help"]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(*words, "--help").stdout


@pytest.mark.parametrize(
    ("args", "usage", "meant"),
    [
        (("auht",), "dagctl ", "auth"),
        (("auth", "logn"), "dagctl auth ", "login"),
        (("auth", "login", "--no-broser"), "dagctl auth login ", "--no-browser"),
        (("projects", "--jsno"), "dagctl projects ", "--json"),
        (("help", "projcts"), "dagctl ", "projects"),
        (("login",), "dagctl ", "auth login"),
        (("--verson",), "dagctl ", "--version"),
        (("auth", "--hlep"), "dagctl auth ", "--help"),
    ],
    ids=str,
)
def test_a_slip_is_answered_with_what_was_meant(args: tuple[str, ...], usage: str, meant: str, run: Run) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: {usage}[")
    assert done.stderr.endswith(f"; did you mean {meant!r}?\n")


@pytest.mark.parametrize("args", [("auth", "xyzzy"), ("auth", "status", "--xyzzy"), ("projects", "xyzzy")], ids=str)
def test_what_is_like_nothing_gets_no_suggestion(args: tuple[str, ...], run: Run) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert "xyzzy" in done.stderr
    assert "did you mean" not in done.stderr


@pytest.mark.parametrize("args", [("--json", "auth", "status"), ("auth", "-k", "login")], ids=str)
def test_an_option_before_its_command(args: tuple[str, ...], run: Run) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert "options of a command follow it" in done.stderr


def test_a_plugins_command_may_have_commands_of_its_own() -> None:
    class Nested(Command):
        def declare(self, parser: ArgumentParser) -> None:
            parser.set_defaults(_command=self)
            within = parser.add_subparsers(dest="what").add_parser("deep").add_subparsers(dest="more")
            within.add_parser("deeper")

    parser = build_parser(Registry([Nested(("lint",), "none", "lint")]))
    args = parser.parse_args(["lint", "deep", "deeper"])
    assert (args.what, args.more) == ("deep", "deeper")
    assert parser.parse_args(["lint"]).what is None


@pytest.mark.parametrize("columns", ["0", "-5", "wide", ""])
def test_a_width_that_is_none(columns: str, run: Run) -> None:
    assert run("--help", env={"COLUMNS": columns}).stdout == run("--help", env={"COLUMNS": "80"}).stdout


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("words", [(), *(command.words for command in COMMANDS)], ids=lambda words: " ".join(words))
def test_help_fits_the_terminal(words: tuple[str, ...], width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        build_parser(Registry(COMMANDS)).parse_args([*words, "--help"])
    lines = out.getvalue().splitlines()
    whole = {word for line in lines for word in line.split() if len(word) > width - 30}
    assert [line for line in lines if len(line) > width and not any(word in line for word in whole)] == []
    text = " ".join(out.getvalue().split())
    monkeypatch.setenv("COLUMNS", "1000")
    wide = io.StringIO()
    with redirect_stdout(wide), pytest.raises(SystemExit):
        build_parser(Registry(COMMANDS)).parse_args([*words, "--help"])
    assert text == " ".join(wide.getvalue().split())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_commands_are_one_column(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    listed = build_parser(Registry(COMMANDS)).format_help().partition("COMMAND\n")[2].partition("\n\n")[0].splitlines()
    assert {len(line) - len(line[4:].partition("  ")[2].lstrip()) for line in listed if line[4] != " "} == {17}
