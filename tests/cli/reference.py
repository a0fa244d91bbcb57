"""The reference of commands: what the parser says. `python tests/cli/reference.py` writes it anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dagctl.cli.plugins import add_plugins
from dagctl.cli.registry import Command, Registry


def _commands() -> tuple[Command, ...]:
    registry = Registry()
    add_plugins(registry)
    return tuple(registry)


COMMANDS = _commands()
"""All of our own, the sandbox's too, which are plugins."""

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


def section(command: Command) -> str:
    """What the page says of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "dagctl", *command.words, "--help"],
        env={**os.environ, "COLUMNS": "100"},
        text=True,
        capture_output=True,
        check=True,
    )
    return f"## dagctl {' '.join(command.words)}\n\n```text\n{done.stdout.rstrip()}\n```\n"


def main() -> None:
    """Write the page; what is above the first command stays."""
    head = PAGE.read_text("utf-8").partition("## dagctl ")[0].rstrip()
    PAGE.write_text("\n".join([head + "\n", *(section(command) for command in COMMANDS)]), "utf-8")


if __name__ == "__main__":
    main()
