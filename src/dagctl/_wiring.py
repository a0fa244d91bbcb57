"""The composition root: the one place that picks adapters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import evolve

from dagctl._sdk import Dagctl, Ports
from dagctl.adapters.environment.home import expanded, home_directory
from dagctl.adapters.environment.overrides import overrides_from
from dagctl.adapters.environment.variables import Variables
from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.logged import logged
from dagctl.adapters.system.clock import SystemClock
from dagctl.adapters.system.untranslated import in_a_sentence
from dagctl.domain.errors import FileUnusable, MissingExtra, SettingUnusable
from dagctl.domain.values.context import Origin, Sourced
from dagctl.ports.storage import Storage, Stores

if TYPE_CHECKING:
    from dagctl.adapters.http.transport import Transport
    from dagctl.domain.services.state import Connectable
    from dagctl.domain.values.state import StateCredentials
    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.browser import Browser
    from dagctl.ports.clock import Clock
    from dagctl.ports.command_line import CommandLine
    from dagctl.ports.file_system import FileSystem
    from dagctl.ports.identity_provider import IdentityProvider
    from dagctl.ports.machine import Machine
    from dagctl.ports.sqlmesh_project import SqlmeshProject
    from dagctl.ports.state_probe import ProxyTrust, StateProbe
    from dagctl.ports.storage import AccountShelf
    from dagctl.ports.token_store import TokenStore
    from dagctl.ports.yaml_reader import YamlReader

T = TypeVar("T")


def connect(
    *,
    storage: Path | str | Storage | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | str | None = None,
    organization: str | None = None,
    insecure: bool = False,
    announce: Callable[[str], None] | None = None,
    waiting: Callable[[str], AbstractContextManager[object]] | None = None,
    api: ApiGateway | None = None,
    identity: IdentityProvider | None = None,
    browser: Browser | None = None,
    clock: Clock | None = None,
    commands: CommandLine | None = None,
    files: FileSystem | None = None,
    sqlmesh: SqlmeshProject | None = None,
    probe: StateProbe | None = None,
    trust: ProxyTrust | None = None,
    machine: Machine | None = None,
) -> Dagctl:
    """Make a client: the services behind the commands. Each port that you leave out gets its real adapter.

    This call reads at most a `.dagctl.yaml` in or above `folder`; it does not touch the network.

    Args:
        storage: where to keep settings, tokens, credentials and accounts: a folder, or stores such as
            `dagctl.memory_storage()`. With stores, the client reads and writes no dagctl home. None for the tokens in
            `DAGCTL_ACCESS_TOKEN` and `DAGCTL_ID_TOKEN` if they are set, else for `DAGCTL_HOME` or `~/.dagctl`.
        environ: the environment variables to use; None for the process's.
        folder: the project's folder; None for the working directory.
        organization: name or ID of the organization to work for; it overrides `DAGCTL_ORG`.
        insecure: do not verify the TLS certificate of the API, nor of an issuer on the API's own host.
        announce: shows the person where to sign in, and what else to do if no browser opens. A `browser` of your own
            does not use it. None shows nothing.
        waiting: makes a context manager from a host's name; the client waits for that host inside it.
        api, identity, browser, clock, commands, files, sqlmesh, probe, trust, machine: the other ports.

    Raises:
        DagctlError: an argument, an environment variable or a `.dagctl.yaml` is unusable.
    """
    environ = Variables(os.environ if environ is None else environ)
    with in_a_sentence():
        start = working_directory() if folder is None else _absolute(folder, environ)
        overrides = overrides_from(environ, start)
        if storage is not None:  # what the caller passes wins over tokens in variables
            overrides = evolve(overrides, given_session=False)
        home = _home(storage, environ, needed=not overrides.given_session)
    if organization is not None:
        overrides = evolve(overrides, organization=Sourced(organization, Origin.CALLER))
    clock = clock or SystemClock()
    transport = cache(lambda: _transport(home, environ, clock, waiting or nullcontext))
    ports = Ports(
        storage=storage if isinstance(storage, Storage) else _storage(home, environ, overrides.given_session),
        overrides=overrides,
        api=api or _later(lambda: _http_api(transport(), insecure)),
        identity=identity or _later(lambda: _http_identity(transport(), clock, insecure)),
        browser=browser or _later(lambda: _loopback_browser(announce or (lambda text: None), environ)),
        clock=clock,
        commands=commands or _later(lambda: _sqlmesh_command_line(environ)),
        files=files or _later(_project_files),
        yaml=_later(_yaml_reader),
        sqlmesh=lambda: sqlmesh or _sqlmesh_project(),
        connector=_state_connector,
        libpq=_libpq_keywords,
        trust=trust or _later(lambda: _proxy_trust(home, environ)),
        probe=probe or _later(_state_probe),
        machine=machine or _later(lambda: _machine(home, environ, start)),
    )
    return Dagctl(logged(ports))


class _Later:
    """Creates an adapter on first use, so that a command imports only the libraries that it needs."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def _later(make: Callable[[], T]) -> T:
    return cast("T", _Later(make))


def _home(storage: Path | str | Storage | None, environ: Mapping[str, str], *, needed: bool) -> Path | None:
    """The dagctl home, or None. Tokens from variables need no home."""
    if storage is not None:
        return None if isinstance(storage, Storage) else _absolute(storage, environ)
    try:
        return home_directory(environ)
    except FileUnusable:
        if needed:
            raise
        return None


def _absolute(folder: Path | str, environ: Mapping[str, str]) -> Path:
    """The folder that a caller names, wherever the working directory is later; `~` is the user's home directory.

    Raises:
        SettingUnusable: it is an empty text, which names none.
        FileUnusable: the user's home directory cannot be determined.
    """
    if folder == "":
        raise SettingUnusable("An empty text names no folder.")
    path = expanded(Path(folder), environ)
    return path if path.is_absolute() else working_directory() / path


def working_directory() -> Path:
    """The working directory.

    Raises:
        FileUnusable: there is none any more.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise FileUnusable("The working directory is gone. Change to one that exists.") from None


def _storage(home: Path | None, environ: Mapping[str, str], given_session: bool) -> Storage:
    if given_session or home is None:
        from dagctl.adapters.environment.tokens import EnvironmentTokenStore
        from dagctl.adapters.memory.stores import memory_storage

        return memory_storage(tokens=EnvironmentTokenStore(environ))
    settings = FileSettingsStore(home)

    @cache
    def open_tokens() -> Callable[[Path], TokenStore]:
        from dagctl.adapters.plugins.token_stores import token_stores

        return token_stores(environ, settings)

    def shelf() -> AccountShelf:
        from dagctl.adapters.files.shelf import FileAccountShelf

        return FileAccountShelf(home, open_tokens())

    tokens: TokenStore = _later(lambda: open_tokens()(home))
    return Storage(Stores(settings, tokens, FileCredentialStore(home, tokens)), _later(shelf))


def _transport(
    home: Path | None,
    environ: Mapping[str, str],
    clock: Clock,
    waiting: Callable[[str], AbstractContextManager[object]],
) -> Transport:
    from dagctl.adapters.http.proxies import way_to
    from dagctl.adapters.http.transport import Transport
    from dagctl.adapters.http.trust import trust_from

    trust = trust_from(environ, loopback_ca=home / "sandbox" / "ca.pem" if home else None)
    return Transport(trust, way=lambda url: way_to(url, environ), clock=clock, waiting=waiting)


def _http_api(transport: Transport, insecure: bool) -> ApiGateway:
    from dagctl.adapters.http.api import HttpApiGateway

    return HttpApiGateway(transport, insecure=insecure)


def _http_identity(transport: Transport, clock: Clock, insecure: bool) -> IdentityProvider:
    from dagctl.adapters.http.identity import HttpIdentityProvider

    return HttpIdentityProvider(transport, clock, insecure=insecure)


def _loopback_browser(announce: Callable[[str], None], environ: Mapping[str, str]) -> Browser:
    from dagctl.adapters.system.loopback import LoopbackBrowser

    return LoopbackBrowser(announce=announce, environ=environ)


def _yaml_reader() -> YamlReader:
    from dagctl.adapters.yaml.documents import RuamelReader

    return RuamelReader()


def _project_files() -> FileSystem:
    from dagctl.adapters.files.project_files import ProjectFiles

    return ProjectFiles()


def _sqlmesh_project() -> SqlmeshProject | None:
    from importlib.util import find_spec

    if find_spec("sqlmesh") is None:
        return None
    from dagctl.adapters.sqlmesh.project import InstalledSqlmesh

    return InstalledSqlmesh()


def _state_connector(wanted: Connectable) -> Any:
    try:
        from dagctl.adapters.sqlmesh.connection import connected
    except ModuleNotFoundError:
        raise MissingExtra("A state connection for SQLMesh needs SQLMesh.", extra="sqlmesh") from None
    return connected(wanted)


def _libpq_keywords(credentials: StateCredentials) -> dict[str, Any]:
    from dagctl.adapters.postgres.libpq import portable

    return portable(credentials)


def _proxy_trust(home: Path | None, environ: Mapping[str, str]) -> ProxyTrust:
    from dagctl.adapters.postgres.trust import LocalProxyTrust

    return LocalProxyTrust(home, environ)


def _state_probe() -> StateProbe:
    from dagctl.adapters.postgres.probe import PostgresProbe

    return PostgresProbe()


def _machine(home: Path | None, environ: Mapping[str, str], folder: Path) -> Machine:
    from dagctl.adapters.files.machine import LocalMachine

    return LocalMachine(home, environ, folder)


def _sqlmesh_command_line(environ: Mapping[str, str]) -> CommandLine:
    from dagctl.adapters.sqlmesh.targets import SqlmeshCommandLine

    return SqlmeshCommandLine(environ)
