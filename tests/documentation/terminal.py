"""A reader's terminal: one shell in which a page's commands run one after the other."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A shell that keeps its folder and its variables between commands.

    Args:
        prelude: what is run first, for functions that stand in for programs.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], prelude: str) -> None:
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.run(prelude) == (0, "")

    def run(self, command: str, stdin: str = "</dev/null") -> tuple[int, str]:
        """The exit code of a command, and what it wrote."""
        end, written = f"end-{uuid4().hex}", list[str]()
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{{ {command}\n}} {stdin}\nprintf '\\n%s %d\\n' {end} $?\n")
        self._shell.stdin.flush()
        for line in self._shell.stdout:
            if line.startswith(end):
                return int(line.split()[1]), STYLE.sub("", "".join(written)).strip()
            written.append(line)
        raise AssertionError(f"the shell has ended at: {command}\n{''.join(written)}")

    def close(self) -> None:
        """End the shell."""
        self._shell.communicate()


def commands(script: str) -> Iterator[str]:
    """The commands of a script: lines that belong together are one."""
    command = ""
    for line in script.splitlines(keepends=True):
        command += line
        checked = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True)
        if checked.returncode == 0 and not checked.stderr and not line.endswith("\\\n"):
            if any(part.strip() and not part.lstrip().startswith("#") for part in command.splitlines()):
                yield command.rstrip()
            command = ""
    assert not command.strip(), f"the shell does not understand: {command}"


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console session, each with the output that is shown."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        command = lines.pop(0)
        while lines and (command.endswith("\\\n") or lines[0].startswith("> ")):
            command += lines.pop(0).removeprefix("> ")
        yield command.rstrip(), "".join(lines).strip()


def as_shown(shown: str, written: str) -> bool:
    """Whether the output is the one that a page shows; `…` stands for anything, and blanks and breaks count as one."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in re.split(r"\s*…\s*", shown))
    return re.fullmatch(r"\s*" + ".*".join(parts) + r"\s*", written, re.DOTALL) is not None
