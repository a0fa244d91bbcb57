"""Commands that other packages add: whatever one of them does wrong, it is named and breaks nothing else."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.bad_plugins import LOADED_BADLY, NAMED_BADLY, ODD, RUN, Bad, runs

import dagctl

if TYPE_CHECKING:
    from tests.conftest import Done, Run

LINT = '''"""Look at the models for mistakes. Nothing is changed.

A second paragraph.
"""

def configure(parser):
    parser.add_argument("--strict", action="store_true")

def run(args, app):
    app.show({"strict": args.strict}, f"strict: {args.strict}")
    return 5
'''
GOOD = "lint = good_plugin\nconfig.lint = good_plugin\nteam.lint = good_plugin\n"
WORKING = {("my-package", name) for name in ("lint", "config.lint", "team.lint")}
WORKING |= {("dagctl", f"sandbox.{word}") for word in ("demo", "start", "status", "stop")}

Install = Callable[..., Path]
Complete = Callable[[str], list[str]]


@pytest.fixture
def site(tmp_path: Path, environ: dict[str, str]) -> Path:
    """A folder on `sys.path`."""
    folder = tmp_path / "site"
    folder.mkdir()
    environ["PYTHONPATH"] = str(folder)
    return folder


@pytest.fixture
def install(site: Path) -> Install:
    """Install a package with the module and the entry points, as pip would leave it; returns its metadata folder."""

    def install(package: str, module: str, source: str, commands: str) -> Path:
        (site / f"{module}.py").write_text(source)
        info = site / f"{package}.dist-info"
        info.mkdir()
        name, _, version = package.partition("-")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[console_scripts]\nx = x:y\n\n[dagctl.commands]\n{commands}")
        return info

    return install


@pytest.fixture(autouse=True)
def good(install: Install) -> None:
    """A package whose commands work."""
    install("My_Package-1.2", "good_plugin", LINT, GOOD)


def install_bad(install: Install, bad: Bad) -> None:
    install("my_worse_package-3", "bad_plugin", bad.source, f"{bad.name} = {bad.module}\n")


@pytest.fixture
def complete(run: Run, tmp_path: Path) -> Complete:
    """What a shell that keeps to argcomplete's protocol is offered."""

    def complete(line: str) -> list[str]:
        answer = tmp_path / "answer"
        asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer)}
        done = run(env={**asked, "COMP_LINE": line, "COMP_POINT": str(len(line))})
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return sorted(answer.read_text().replace(" ", "\n").split())

    return complete


def outcome(done: Done) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


def data(done: Done) -> Any:
    """The result of a command with `--json`."""
    return json.loads(done.stdout)["data"]


def sentence(bad: Bad) -> str:
    """How a bad plugin is named, up to the end of the reason."""
    return f"The plugin '{bad.name} = {bad.module}' of my-worse-package 3 does not work: {bad.reason}"


CURE = ". Tell its author, or run: pip uninstall my-worse-package"


def assert_names(text: str, bad: Bad, *, before: str = "") -> None:
    """Assert that one line of `text` names the plugin, and that there is no other line."""
    assert text.startswith(before + sentence(bad))
    assert text.endswith(f"{CURE}\n")
    assert text.count("\n") == 1


def assert_others_work(run: Run, complete: Complete, bad: Bad) -> None:
    """Assert that everything but the bad plugin does what it does without it, and that `plugins` names it."""
    wanted = f"WARNING: {sentence(bad)}{CURE}\n" if bad.name == "lint" else ""  # whoever asks for it gets to know
    assert outcome(run("lint", "--strict")) == (5, "strict: True\n", wanted)
    assert outcome(run("config", "lint")) == (5, "strict: False\n", "")
    assert run("auth", "status").returncode == 4
    assert {"auth", "config", "lint", "sandbox", "team"} <= set(complete("dagctl "))
    assert complete("dagctl config l") == ["lint"]
    assert complete("dagctl lint --s") == ["--strict"]
    done = run("plugins")
    assert (done.returncode, done.stderr) == (0, "")
    assert_names(done.stdout.splitlines(keepends=True)[-1], bad)
    listed = data(run("plugins", "--json"))["plugins"]
    assert {(each["distribution"], each["name"]) for each in listed if each["problem"] is None} == WORKING
    [wrong] = [each for each in listed if each["problem"] is not None]
    assert wrong["problem"] == done.stdout.splitlines()[-1]
    assert (wrong["name"], wrong["value"], wrong["distribution"]) == (bad.name, bad.module, "my-worse-package")


@pytest.mark.parametrize("bad", NAMED_BADLY.values(), ids=NAMED_BADLY)
def test_one_that_cannot_be_registered(bad: Bad, run: Run, complete: Complete, install: Install) -> None:
    without = run("--help").stdout
    install_bad(install, bad)
    shown = run("--help")
    assert (shown.returncode, shown.stdout) == (0, without)
    assert_names(shown.stderr, bad, before="WARNING: ")
    assert_others_work(run, complete, bad)
    words = bad.name.split(".")
    own = run(*words, "--help")
    assert "bug" not in own.stderr
    assert "Traceback" not in own.stderr


@pytest.mark.parametrize("bad", LOADED_BADLY.values(), ids=LOADED_BADLY)
def test_one_that_does_not_load(bad: Bad, run: Run, complete: Complete, install: Install) -> None:
    install_bad(install, bad)
    shown = run("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "\n    lint         added by my-package\n" in shown.stdout
    assert "\n    sick         added by my-worse-package\n" in shown.stdout
    assert_others_work(run, complete, bad)
    assert "sick" in complete("dagctl ")
    assert complete("dagctl sick --s") == []
    for arguments in ((), ("--help",)):
        own = run("sick", *arguments)
        assert (own.returncode, own.stdout) == (1, "")
        assert_names(own.stderr, bad, before="dagctl: ")
    own = run("sick", "--json")
    assert (own.returncode, own.stdout) == (1, "")
    error = json.loads(own.stderr)["error"]
    assert error["code"] == "command_problem"
    assert error["distribution"] == "my-worse-package"
    assert_names(error["message"] + "\n", bad)


@pytest.mark.parametrize("what", ODD)
def test_one_that_does_something_odd(what: str, run: Run, install: Install, home: Path) -> None:
    odd = ODD[what]
    install("bad_package-3", "bad_plugin", odd.source, "sick = bad_plugin\n")
    done = run("sick")
    assert (done.returncode, done.stdout) == (odd.code, odd.out)
    assert done.stderr.startswith(odd.err)
    assert bool(done.stderr) is bool(odd.err)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "bug.log").exists()
    assert (home / "plugin.log").exists() is ("The log is" in done.stderr)
    assert outcome(run("lint")) == (5, "strict: False\n", "")
    record = run("plugins", "--json")
    assert [each["name"] for each in data(record)["plugins"] if each["problem"]] == []
    assert record.stderr == ""
    assert run("sick", "--help").returncode == 0
    assert run("sick", "--nonsense").returncode == (1 if "type" in what else 2)


def test_its_own_exception_is_its_own(run: Run, install: Install, home: Path) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
    source = runs(f"raise ValueError('refused: {token} ' + 'x' * 300)")
    install("bad_package-3", "bad_plugin", source, "config.sick = bad_plugin\n")
    done = run("config", "sick")
    said, cure = done.stderr.splitlines()
    assert said.startswith("dagctl: The plugin 'config sick' (from bad-package 3) failed: ValueError: refused: … xxx")
    assert said.endswith(f"…. The log is {home / 'plugin.log'}.")
    assert cure == "  Tell its author, or run: pip uninstall bad-package"
    log = (home / "plugin.log").read_text()
    assert "bad_plugin.py" in log
    assert "ValueError: refused: … x" in log
    assert token not in log
    assert token not in done.stderr


def test_an_entry_point_may_name_an_object_of_a_module(run: Run, install: Install) -> None:
    source = (
        '"""Its module."""\nclass Lint:\n    """Look at the models."""\n'
        "    def configure(self, parser): pass\n    def run(self, args, app): app.put('done')\nlint = Lint()\n"
    )
    install("nice-1", "nice", source, "nice = nice:lint\nconfig.nice = nice : lint\n")
    assert outcome(run("nice")) == outcome(run("config", "nice")) == (0, "done\n", "")
    assert "Look at the models" in run("nice", "--help").stdout


def test_a_group_shows_its_commands_though_one_pretends_ctrl_c(run: Run, install: Install) -> None:
    install("bad_package-3", "bad_plugin", "raise KeyboardInterrupt", "config.sick = bad_plugin\n")
    shown = run("config", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Look at the models for mistakes" in shown.stdout


@pytest.mark.skipif(os.name != "posix", reason="SIGINT of POSIX")
def test_ctrl_c_ends_a_listing_though_a_plugin_is_slow(run: Run, install: Install) -> None:
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(60)"
    install("bad_package-3", "bad_plugin", source, "sick = bad_plugin\n")
    assert outcome(run("plugins")) == (130, "", "\ndagctl: interrupted.\n")


def test_what_is_no_json_is_its_own_failure(run: Run, install: Install) -> None:
    install("bad_package-3", "bad_plugin", runs("app.show({'ratio': float('nan')}, '-')"), "sick = bad_plugin\n")
    done = run("sick", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr)["error"]["distribution"] == "bad-package"


def test_what_one_prints_while_it_is_loaded_is_not_among_the_data(run: Run, install: Install) -> None:
    install("bad_package-3", "bad_plugin", "print('hello')\n" + runs("app.show(1, 'one')"), "team.sick = bad_plugin\n")
    assert data(run("team", "sick", "--json")) == 1
    assert "hello" not in run("team", "--help").stdout
    assert data(run("plugins", "--json"))["plugins"]


def test_a_completer_that_fails_offers_nothing(run: Run, install: Install, home: Path, complete: Complete) -> None:
    source = f"def configure(parser): parser.add_argument('--n').completer = lambda **_: 1 / 0\n{RUN}"
    install("bad_package-3", "bad_plugin", source, "sick = bad_plugin\n")
    assert complete("dagctl sick --n") == ["--n"]
    line = "dagctl sick --n "
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(home.with_name("answer"))}
    run(env={**asked, "COMP_LINE": line, "COMP_POINT": str(len(line))})
    assert "division by zero" in (home / "plugin.log").read_text()
    assert not (home / "bug.log").exists()


def test_groups_show_the_commands_that_plugins_add(run: Run, install: Install) -> None:
    install("bad_package-3", "bad_plugin", "raise RuntimeError", "config.sick = bad_plugin\n")
    for words in (("config",), ("config", "--help"), ("help", "config"), ("config", "-h")):
        shown = run(*words)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "\n    generate  convert config.yaml to config.py\n" in shown.stdout
        assert "\n    lint      Look at the models for mistakes\n" in shown.stdout
        assert "\n    sick      added by bad-package\n" in shown.stdout
    assert "\n    team         added by my-package\n" in run("help").stdout
    assert "A second paragraph." in run("help", "team", "lint").stdout
    assert run("config", "lnt").stderr.endswith("did you mean 'lint'?\n")


def test_of_two_that_want_the_same_the_first_package_by_name_wins(run: Run, install: Install) -> None:
    install("Another-1", "another_plugin", runs("app.put('another')"), "lint = another_plugin\n")
    done = run("lint")
    assert (done.returncode, done.stdout) == (0, "another\n")
    assert done.stderr == (
        "WARNING: The plugin 'lint = good_plugin' of my-package 1.2 does not work: 'lint' is a command of another 1. "
        "Tell its author, or run: pip uninstall my-package\n"
    )
    assert outcome(run("config", "lint")) == (5, "strict: False\n", "")


def test_a_package_that_is_installed_twice_counts_once(
    run: Run, install: Install, site: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(site, tmp_path / "behind")
    for info in (tmp_path / "behind").glob("*.dist-info"):
        (info / "entry_points.txt").write_text("[dagctl.commands]\nolder = good_plugin\n")
    environ["PYTHONPATH"] += f":{tmp_path / 'behind'}"
    shutil.copytree(site / "My_Package-1.2.dist-info", site / "~y_Package-1.2.dist-info")
    names = [each["name"] for each in data(run("plugins", "--json"))["plugins"]]
    assert sorted(names) == sorted(name for _, name in WORKING)


BROKEN = {
    "no lines": b"[dagctl.commands]",
    "no equals sign": b"[dagctl.commands]\nsick\n",
    "no section": b"dagctl.commands\nsick = bad_plugin\n",
    "another encoding": "[dagctl.commands]\nä = bad_plugin\n".encode("utf-16"),
    "no text": b"[dagctl.commands]\n\xff\xfe\x00 = \x00\n",
    "a binary": bytes(range(256)) + b"dagctl.commands",
    "brackets": b"[[[dagctl.commands\n]]]\n=\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_metadata_that_is_broken(text: bytes, run: Run, install: Install) -> None:
    info = install("bad_package-3", "bad_plugin", "", "")
    (info / "METADATA").write_bytes(b"\xff")
    (info / "entry_points.txt").write_bytes(text)
    (info.parent / "folder-1.dist-info" / "entry_points.txt").mkdir(parents=True)
    (info.parent / ".dist-info").write_text("")
    shown = run("--help")
    assert shown.returncode == 0
    assert "\n    lint         added by my-package\n" in shown.stdout
    assert outcome(run("lint")) == (5, "strict: False\n", "")
    listed = data(run("plugins", "--json"))["plugins"]
    assert {(each["distribution"], each["name"]) for each in listed if each["problem"] is None} == WORKING


def test_extras_and_comments_are_no_part_of_a_name(run: Run, install: Install) -> None:
    commands = "# a comment\n; another\nnice=good_plugin [extra]\n\n[other]\nother = good_plugin\n"
    install("nice-1", "nice", "", commands)
    assert run("nice").stdout == "strict: False\n"
    assert run("other").returncode == 2


def test_a_command_line_that_is_for_one_of_ours_looks_for_no_plugins(run: Run) -> None:
    for words, looked in (
        (("auth", "status"), False),
        (("help", "auth", "status"), False),
        (("--version",), False),
        (("--help",), True),
        (("auth", "--help"), True),
        (("lint",), True),
    ):
        done = run(*words, env={"PYTHONPROFILEIMPORTTIME": "1"})
        assert ("dagctl.adapters.plugins.entry_points" in done.stderr) is looked
        assert "importlib.metadata" not in done.stderr
        assert "good_plugin" not in done.stderr or words == ("lint",)


def test_token_stores_are_listed(run: Run, install: Install) -> None:
    info = install("stores-1", "stores", "def vault(folder): pass\nnothing = None\n", "")
    points = "vault = stores:vault\nfile = stores:vault\nnothing = stores:nothing\nless = stores:less\n"
    (info / "entry_points.txt").write_text(f"[dagctl.token_stores]\n{points}")
    stores = [each for each in data(run("plugins", "--json"))["plugins"] if each["kind"] == "token store"]
    problems = {each["name"]: each["problem"] for each in stores}
    assert problems.pop("vault") is None
    assert {name: problem.partition("work: ")[2].partition(". Tell")[0] for name, problem in problems.items()} == {
        "file": "ValueError: 'file' is a token store of dagctl",
        "nothing": "TypeError: it is no function",
        "less": "AttributeError: module 'stores' has no attribute 'less'",
    }
    assert "vault           token store  stores 1\n" in run("plugins").stdout


def test_the_sandbox_is_a_plugin_in_a_zipped_installation_too(
    run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    source = Path(dagctl.__file__).parents[1]
    with zipfile.ZipFile(tmp_path / "dagctl.zip", "w") as archive:
        for file in (source / "dagctl").rglob("*.py"):
            archive.write(file, file.relative_to(source))
        points = "[dagctl.commands]\nsandbox.status = dagctl.cli.commands.sandbox_status\nzipped = good_plugin\n"
        archive.writestr("dagctl-0.5.0.dist-info/entry_points.txt", points)
    (tmp_path / "no.zip").write_text("")
    environ["PYTHONPATH"] = f"{tmp_path / 'dagctl.zip'}:{tmp_path / 'no.zip'}:{environ['PYTHONPATH']}"
    assert run("sandbox", "status").stdout == "No sandbox is running.\n"
    assert run("zipped").stdout == "strict: False\n"
    assert run("sandbox", "start", "--help").returncode == 2


def test_the_sandbox_without_its_extra(run: Run, site: Path) -> None:
    pytest.importorskip("uvicorn", reason="the sandbox extra is not installed")
    (site / "sitecustomize.py").write_text(
        "from importlib import util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'uvicorn' else find(name, package)\n"
    )
    done = run("sandbox", "start")
    assert done.returncode == 1
    assert "pip install 'dagctl[sandbox]'" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the sandbox does not run there")
def test_a_failure_of_the_sandbox_is_a_bug_of_ours(run: Run, site: Path, home: Path) -> None:
    (site / "sitecustomize.py").write_text("import dagctl.cli.sandboxes as s\ns.supervisor = lambda: 1 / 0\n")
    done = run("sandbox", "status")
    assert done.returncode == 70
    assert "this is a bug in dagctl" in done.stderr
    assert "ZeroDivisionError" in (home / "bug.log").read_text()
