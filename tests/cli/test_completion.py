"""Completion, by a real shell."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ASK = """
eval "$(dagctl completion bash)"
COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9; COMP_WORDS=($COMP_LINE); COMP_CWORD=0
_python_argcomplete dagctl "" ""
echo "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def complete(environ: dict[str, str], tmp_path: Path) -> Any:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dagctl").write_text(f"#!{sys.executable}\nfrom dagctl.cli.main import entry_point\nentry_point()\n")
    (programs / "dagctl").chmod(0o755)

    def ask(line: str) -> list[str]:
        path = f"{programs}:{environ['PATH']}"
        done = subprocess.run(
            [bash, "-c", ASK.format(line=line)],
            env={**environ, "PATH": path},
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
        ("dagctl completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash(complete: Any, line: str, words: set[str]) -> None:
    assert words <= set(complete(line)) <= {*words, "-h", "--help", "--json"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_its_code(run: Any, shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "dagctl" in done.stdout
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=done.stdout, text=True, check=True, timeout=30)


def test_an_unknown_shell(run: Any) -> None:
    assert run("completion", "cmd").returncode == 2
