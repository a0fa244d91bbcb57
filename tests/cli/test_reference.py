"""The reference of commands is what the parser says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.reference import COMMANDS

from dagctl.cli.registry import Command

if TYPE_CHECKING:
    from tests.conftest import Run

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text("utf-8")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_each_command_is_described(command: Command, run: Run) -> None:
    shown = run(*command.words, "--help", env={"COLUMNS": "100"}).stdout
    words = " ".join(command.words)
    _, _, section = REFERENCE.partition(f"## dagctl {words}\n")
    described = section.partition("```text\n")[2].partition("```")[0]
    assert _normal(described) == _normal(shown), f"{words} has changed; run: make docs"


def _normal(text: str) -> list[str]:
    """Help as words: Pythons differ in where they break a usage."""
    return text.split()


def test_nothing_else_is_described() -> None:
    described = {line.removeprefix("## dagctl ") for line in REFERENCE.splitlines() if line.startswith("## dagctl ")}
    assert described == {" ".join(command.words) for command in COMMANDS}
