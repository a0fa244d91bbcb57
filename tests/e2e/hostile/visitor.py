"""Somebody who has cloned a repository, and tries every command in it: a process with bounds of its own.

Arguments: the folder, and whether to load with SQLMesh what was converted. Gives a JSON list on stdout: for each
command its words, its exit code and all that it has written.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from io import StringIO
from typing import Any

CPU, MEMORY = 240, 4 << 30
COMMANDS = """\
auth status
auth list
auth token
auth refresh
auth login --org acme --no-browser
auth switch nobody
config current
doctor
projects
use-project shop
protection check dev
state url
state psql
sandbox status
plugins
completion bash
config generate --check
config generate --diff
config generate -o other.py --diff
config generate
config generate --force --yes
config generate -o config.py --force --yes
auth logout"""


class Terminal(StringIO):
    """A stream that is no terminal."""


def tried(words: list[str]) -> tuple[int, str]:
    """The exit code of a command, and all that it has written."""
    from dagctl.cli.app import App
    from dagctl.cli.main import main

    stream = Terminal()
    sys.stdout = sys.stderr = stream
    try:
        code = main(words, app=App(out=stream, err=stream, stdin=StringIO("")))
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    return code, stream.getvalue()


def loaded_by_sqlmesh() -> tuple[int, str]:
    """What SQLMesh says of the folder's configuration."""
    from click.testing import CliRunner
    from sqlmesh.cli.main import cli

    sys.argv = ["sqlmesh", "plan", "dev", "--no-prompts"]  # which dagctl reads
    done = CliRunner().invoke(cli, sys.argv[1:])
    trouble = "" if done.exception is None or isinstance(done.exception, SystemExit) else repr(done.exception)
    return done.exit_code, done.output + trouble


def main() -> None:
    folder, sqlmesh = sys.argv[1:]
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found: list[Any] = []
    for line in COMMANDS.splitlines():
        for words in (line.split(), [*line.split(), "--json"]):
            found.append((words, *tried(words)))
    if sqlmesh == "yes" and os.path.isfile("config.yaml.bak"):
        found.append((["sqlmesh"], *loaded_by_sqlmesh()))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
