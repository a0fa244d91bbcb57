"""Completion, by a real shell."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

if TYPE_CHECKING:
    from tests.conftest import Person, Run

ASK = """
eval "$(dagctl completion bash)"
COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9; COMP_WORDS=($COMP_LINE); COMP_CWORD=0
_python_argcomplete dagctl "" ""
echo "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def on_path(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Environment variables in which `dagctl` is the one that is tested."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dagctl").write_text(f"#!{sys.executable}\nfrom dagctl.cli.main import entry_point\nentry_point()\n")
    (programs / "dagctl").chmod(0o755)
    environ["PATH"] = f"{programs}:{environ['PATH']}"
    return environ


@pytest.fixture
def complete(on_path: dict[str, str]) -> Any:
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
    ],
)
def test_bash(complete: Any, line: str, words: set[str]) -> None:
    assert words <= set(complete(line)) <= {*words, "-h", "--help", "--json", "-v", "--verbose"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_has_its_code(run: Any, shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "dagctl" in done.stdout
    program = shutil.which(shell)
    if program is not None and shell != "powershell":
        subprocess.run([program, "-n"], input=done.stdout, text=True, check=True, timeout=30)


def test_an_unknown_shell(run: Any) -> None:
    assert run("completion", "cmd").returncode == 2


TERMINALS = {
    "bash": (".bashrc", 'eval "$(dagctl completion bash)"', ("--rcfile", ".bashrc", "-i")),
    "zsh": (".zshrc", 'eval "$(dagctl completion zsh)"', ("-i",)),
    "fish": (".config/fish/config.fish", "dagctl completion fish | source", ("-i",)),
}
"""The file that a shell reads when it starts, the one line in it, and how the shell is started."""


@pytest.mark.parametrize("shell", TERMINALS)
def test_on_a_terminal_with_one_line_in_the_shells_own_file(
    shell: str, on_path: dict[str, str], tmp_path: Path
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    file, line, arguments = TERMINALS[shell]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(f"{line}\n")
    environ = {**on_path, "TERM": "xterm", "PS1": "> ", "ZDOTDIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    terminal = pexpect.spawn(program, list(arguments), env=environ, cwd=tmp_path, timeout=30, encoding="utf-8")
    try:
        terminal.expect("[#$%>]")
        terminal.send("dagctl auth sw\t")
        terminal.expect("itch")
        terminal.send("\x15dagctl auth login --no-b\t")
        terminal.expect("rowser")
    finally:
        terminal.close(force=True)


def test_values_that_are_known_or_asked_for_in_time(person: Person, run: Run, complete: Any) -> None:
    assert complete("dagctl auth switch ") == ["-h", "--help", "--json", "-v", "--verbose"]
    assert person.signs_in(run).returncode == 0
    account = complete("dagctl auth switch ac")
    assert account[0].startswith("acme")
    assert complete("dagctl auth logout --org ac") == account
    assert run("use-project", "shop").returncode == 0
    assert "shop" in complete("dagctl protection check dev --project ")
