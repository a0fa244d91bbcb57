"""Completion, by a real shell."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from tests.conftest import signed

from dagctl.cli import completing

if TYPE_CHECKING:
    from tests.conftest import Person, Run

    from dagctl.adapters.sandbox import Sandbox

Complete = Callable[[str], list[str]]

ASK = """
eval "$(dagctl completion bash)"
COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9; COMP_WORDS=($COMP_LINE); COMP_CWORD=0
_python_argcomplete dagctl "" ""
echo "${{COMPREPLY[@]}}"
"""


PROGRAM = f"""\
#!{sys.executable}
from dagctl.cli import completing
from dagctl.cli.main import entry_point
completing.PATIENCE = 60.0  # this machine may be busy with other tests
entry_point()
"""


@pytest.fixture
def on_path(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Environment variables in which `dagctl` is the one that is tested."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dagctl").write_text(PROGRAM)
    (programs / "dagctl").chmod(0o755)
    environ["PATH"] = f"{programs}:{environ['PATH']}"
    return environ


@pytest.fixture
def complete(on_path: dict[str, str]) -> Complete:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")

    def ask(line: str) -> list[str]:
        done = subprocess.run(
            [bash, "-c", ASK.format(line=line)],
            env=on_path,
            text=True,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return ask


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dagctl co", {"config", "completion"}),
        ("dagctl auth sw", {"switch"}),
        ("dagctl auth login --no-b", {"--no-browser"}),
        ("dagctl completion ", {"bash", "zsh", "fish", "powershell"}),
        ("dagctl -vv auth sw", {"switch"}),
        ("dagctl help auth sw", {"switch"}),
        ("dagctl help co", {"config", "completion"}),
    ],
)
def test_bash(complete: Complete, line: str, words: set[str]) -> None:
    assert words <= set(complete(line)) <= {*words, "-h", "--help", "--json", "-v", "--verbose"}


@pytest.mark.parametrize("line", ["-vv use-project s", "--json use-project s", "true && dagctl use-project s"])
def test_no_line_is_a_bug(line: str, complete: Complete, home: Path) -> None:
    complete(f"dagctl {line}")
    assert not (home / "bug.log").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_has_its_code(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "dagctl" in done.stdout
    program = shutil.which(shell)
    if program is not None and shell != "powershell":
        subprocess.run([program, "-n"], input=done.stdout, text=True, check=True, timeout=30)


def test_an_unknown_shell(run: Run) -> None:
    assert run("completion", "cmd").returncode == 2


TERMINALS = {
    "bash": (".bashrc", 'eval "$(dagctl completion bash)"', ("--rcfile", ".bashrc", "-i")),
    "zsh": (".zshrc", 'eval "$(dagctl completion zsh)"', ("-i",)),
    "fish": (".config/fish/config.fish", "dagctl completion fish | source", ("-i",)),
}
"""The file that a shell reads when it starts, the one line in it, and how the shell is started."""


@contextmanager
def terminal(shell: str, on_path: dict[str, str], folder: Path) -> Iterator[Any]:
    """A shell on a terminal, with one line in the file that it reads when it starts."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    file, line, arguments = TERMINALS[shell]
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(f"{line}\n")
    environ = {**on_path, "TERM": "xterm", "PS1": "> ", "ZDOTDIR": str(folder), "PYTHONWARNINGS": "ignore"}
    started = pexpect.spawn(program, list(arguments), env=environ, cwd=folder, timeout=30, encoding="utf-8")
    try:
        started.expect("[#$%>]")
        yield started
    finally:
        started.close(force=True)


@pytest.mark.parametrize("shell", TERMINALS)
def test_on_a_terminal_with_one_line_in_the_shells_own_file(
    shell: str, on_path: dict[str, str], tmp_path: Path
) -> None:
    with terminal(shell, on_path, tmp_path) as started:
        started.send("dagctl auth sw\t")
        started.expect("itch")
        started.send("\x15dagctl auth login --no-b\t")
        started.expect("rowser")


@pytest.mark.parametrize("shell", TERMINALS)
def test_after_another_command_and_a_variable(shell: str, on_path: dict[str, str], tmp_path: Path) -> None:
    with terminal(shell, on_path, tmp_path) as started:
        started.send("true && DAGCTL_ORG=acme dagctl auth sw\t")
        started.expect("itch")


@pytest.mark.parametrize("values", [completing.accounts, completing.organizations], ids=["accounts", "organizations"])
def test_a_keyring_that_asks_a_person_does_not_hold_up_the_shell(
    values: Callable[[Namespace], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = Event()
    client = SimpleNamespace(accounts=SimpleNamespace(list=lambda: over.wait(60)))
    monkeypatch.setattr(completing, "_connected", lambda: client)
    began = time.monotonic()
    assert values(Namespace()) == []
    over.set()
    assert time.monotonic() - began < 10


def test_values_that_are_known_or_asked_for_in_time(person: Person, run: Run, complete: Complete) -> None:
    assert complete("dagctl auth switch ") == ["-h", "--help", "--json", "-v", "--verbose"]
    assert person.signs_in(run).returncode == 0
    account = complete("dagctl auth switch ac")
    assert account[0].startswith("acme")
    assert complete("dagctl auth logout --org ac") == account
    assert complete("dagctl auth login --org ac") == ["acme"]
    assert run("use-project", "shop").returncode == 0
    assert "shop" in complete("dagctl protection check dev --project ")


@pytest.fixture
def environments(person: Person, run: Run, sandbox: Sandbox) -> Iterator[None]:
    """A signed-in person whose project has environments."""
    assert person.signs_in(run).returncode == 0
    assert run("use-project", "web-analytics").returncode == 0
    psycopg2 = pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    names = ["dev_ada", "dev_bob", "prod", "dev\x1b[31m"]
    with closing(psycopg2.connect(**sandbox.admin_dsn("web-analytics"))) as database, database.cursor() as cursor:
        cursor.execute("create schema sqlmesh; create table sqlmesh._environments (name text)")
        cursor.executemany("insert into sqlmesh._environments values (%s)", [(name,) for name in names])
        cursor.execute("grant usage on schema sqlmesh to public; grant select on sqlmesh._environments to public")
        database.commit()
        yield
        cursor.execute("drop schema sqlmesh cascade")
        database.commit()


@pytest.mark.usefixtures("environments")
def test_environments_are_those_of_the_state_and_no_terminal_acts_on_a_name(run: Run, complete: Complete) -> None:
    assert complete("dagctl protection check dev") == ["dev_ada", "dev_bob"]
    assert complete("dagctl protection check dev_ada p") == ["prod"]
    assert run("use-project", "shop").returncode == 0
    assert complete("dagctl protection check dev_") == []
    assert complete("dagctl protection check --project web-analytics dev") == ["dev_ada", "dev_bob"]


@pytest.mark.usefixtures("environments")
def test_environments_on_a_terminal(on_path: dict[str, str], tmp_path: Path) -> None:
    with terminal("bash", on_path, tmp_path) as bash:
        bash.send("dagctl protection check dev_b\t")
        bash.expect("ob ")


@pytest.mark.usefixtures("environments")
def test_no_token_is_renewed_for_a_completion(complete: Complete, home: Path, sandbox: Sandbox) -> None:
    kept = json.loads((home / "auth.json").read_text())
    (home / "auth.json").write_text(json.dumps({**kept, "expires_at": "2020-01-01T00:00:00+00:00"}))
    before, asked = (home / "auth.json").read_bytes(), len(sandbox.observations.pg_logins)
    assert complete("dagctl protection check dev") == []
    assert "web-analytics" in complete("dagctl use-project we")
    assert (home / "auth.json").read_bytes() == before
    assert len(sandbox.observations.pg_logins) == asked


def test_no_token_goes_to_another_platform_for_a_completion(
    person: Person, run: Run, complete: Complete, sandbox: Sandbox, home: Path
) -> None:
    assert person.signs_in(run).returncode == 0
    kept = json.loads((home / "auth.json").read_text())
    other = signed(sandbox, aud=["https://api.elsewhere.example"])
    (home / "auth.json").write_text(json.dumps({**kept, "access_token": other}))
    before = len(sandbox.observations.api_calls)
    assert complete("dagctl use-project s") == []
    assert len(sandbox.observations.api_calls) == before
