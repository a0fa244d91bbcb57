"""The composition root: the one place that picks adapters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import evolve

from dagctl._sdk import Dagctl
from dagctl.adapters.environment.home import home_directory
from dagctl.adapters.environment.overrides import overrides_from
from dagctl.adapters.environment.tokens import EnvironmentTokenStore
from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.system.clock import SystemClock
from dagctl.domain.errors import FileUnusable
from dagctl.domain.values.context import Sourced
from dagctl.ports.account_shelf import AccountShelf, Stores

if TYPE_CHECKING:
    from dagctl.adapters.http.transport import Transport
    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.browser import Browser
    from dagctl.ports.clock import Clock
    from dagctl.ports.command_line import CommandLine
    from dagctl.ports.credential_store import CredentialStore
    from dagctl.ports.file_system import FileSystem
    from dagctl.ports.identity_provider import IdentityProvider
    from dagctl.ports.machine import Machine
    from dagctl.ports.settings_store import SettingsStore
    from dagctl.ports.sqlmesh_project import SqlmeshProject
    from dagctl.ports.state_probe import StateProbe
    from dagctl.ports.token_store import TokenStore
    from dagctl.ports.yaml_reader import YamlReader

T = TypeVar("T")


def connect(
    *,
    home: Path | str | None = None,
    tokens: TokenStore | None = None,
    contexts: SettingsStore | None = None,
    credentials: CredentialStore | None = None,
    api: ApiGateway | None = None,
    identity: IdentityProvider | None = None,
    browser: Browser | None = None,
    files: FileSystem | None = None,
    clock: Clock | None = None,
    commands: CommandLine | None = None,
    sqlmesh: SqlmeshProject | None = None,
    environ: Mapping[str, str] = os.environ,
    shelf: AccountShelf | None = None,
    probe: StateProbe | None = None,
    surroundings: Machine | None = None,
    folder: Path | None = None,
    organization: str | None = None,
    insecure: bool = False,
    announce: Callable[[str], None] | None = None,
) -> Dagctl:
    """The whole SDK, over the ports that are given and the real adapters for the rest.

    Nothing is read from disk or network yet, but for a `.dagctl.yaml` above the working directory, and where
    an organization or an API is asked for, the settings of the contexts that are kept.

    Args:
        home: the dagctl home; `DAGCTL_HOME` or `~/.dagctl` where None.
        tokens, contexts, credentials, api, identity, browser, files, clock, commands, sqlmesh, shelf, probe,
            surroundings: the ports.
        environ: the environment variables to heed.
        folder: the working directory.
        organization: name or ID of the organization to work for, stronger than `DAGCTL_ORG`.
        insecure: do not verify the API's TLS certificate, nor an issuer's on the API's own host.
        announce: shows a person where to sign in, and what else to do where no browser comes up; heeded by
            the browser that is wired where `browser` is None. Nobody is told anything where it is None too.

    Raises:
        DagctlError: a setting of the surroundings is unusable.
    """
    place = Path(home) if home is not None else home_directory(environ)
    overrides = overrides_from(environ, folder or _working_directory())
    if organization is not None:
        overrides = evolve(overrides, organization=Sourced(organization, "the caller"))
    given = overrides.given_session
    clock = clock or SystemClock()
    transport = _once(lambda: _transport(place, environ))
    open_tokens = _once(lambda: _token_stores(place, environ))
    return Dagctl(
        home=Stores(
            contexts or _context_store(place, given),
            tokens or (EnvironmentTokenStore(environ) if given else _later(lambda: open_tokens()(place))),
            credentials or _credential_store(place, given),
        ),
        shelf=shelf or _later(lambda: _shelf(place, open_tokens, given=given or tokens is not None)),
        overrides=overrides,
        api=api or _later(lambda: _http_api(transport(), insecure)),
        identity=identity or _later(lambda: _http_identity(transport(), clock, insecure)),
        browser=browser or _later(lambda: _loopback_browser(announce or (lambda text: None))),
        files=files or _later(_project_files),
        commands=commands or _later(lambda: _sqlmesh_command_line(environ)),
        find_sqlmesh=lambda: sqlmesh or (_sqlmesh_project() if files is None else None),
        clock=clock,
        probe=probe or _later(lambda: _state_probe(place, environ)),
        surroundings=surroundings or _later(lambda: _surroundings(place, environ)),
        yaml=_later(_yaml_reader),
    )


class _Later:
    """Stands for an adapter until it is used: a command pays only for the libraries that it needs."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = _once(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def _later(make: Callable[[], T]) -> T:
    return cast("T", _Later(make))


def _once(make: Callable[[], T]) -> Callable[[], T]:
    made: list[T] = []

    def get() -> T:
        if not made:
            made.append(make())
        return made[0]

    return get


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:
        raise FileUnusable("The working directory is gone.", hint="Change to one that is there.") from None


def _context_store(home: Path, given: bool) -> SettingsStore:
    if given:
        from dagctl.adapters.memory.stores import MemorySettingsStore

        return MemorySettingsStore()
    return FileSettingsStore(home)


def _credential_store(home: Path, given: bool) -> CredentialStore:
    if given:
        from dagctl.adapters.memory.stores import MemoryCredentialStore

        return MemoryCredentialStore()
    return FileCredentialStore(home)


def _token_stores(home: Path, environ: Mapping[str, str]) -> Callable[[Path], TokenStore]:
    from dagctl.adapters.plugins.token_stores import token_stores

    return token_stores(home, environ)


def _shelf(home: Path, tokens: Callable[[], Callable[[Path], TokenStore]], *, given: bool) -> AccountShelf:
    if given:
        from dagctl.adapters.memory.stores import MemoryAccountShelf

        return MemoryAccountShelf()
    from dagctl.adapters.files.shelf import FileAccountShelf

    return FileAccountShelf(home, tokens())


def _transport(home: Path, environ: Mapping[str, str]) -> Transport:
    from dagctl.adapters.http.transport import Transport
    from dagctl.adapters.http.trust import proxy_for, trust_from

    trust = trust_from(environ, loopback_ca=home / "sandbox" / "ca.pem")
    return Transport(trust, proxy=lambda url: proxy_for(url, environ))


def _http_api(transport: Transport, insecure: bool) -> ApiGateway:
    from dagctl.adapters.http.api import HttpApiGateway

    return HttpApiGateway(transport, insecure=insecure)


def _http_identity(transport: Transport, clock: Clock, insecure: bool) -> IdentityProvider:
    from dagctl.adapters.http.identity import HttpIdentityProvider

    return HttpIdentityProvider(transport, clock, insecure=insecure)


def _loopback_browser(announce: Callable[[str], None]) -> Browser:
    from dagctl.adapters.system.loopback import LoopbackBrowser

    return LoopbackBrowser(announce=announce)


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


def _state_probe(home: Path, environ: Mapping[str, str]) -> StateProbe:
    from dagctl.adapters.postgres.probe import PostgresProbe

    return PostgresProbe(home / "sandbox" / "ca.pem", environ)


def _surroundings(home: Path, environ: Mapping[str, str]) -> Machine:
    from dagctl.adapters.files.machine import LocalMachine

    return LocalMachine(home, environ)


def _sqlmesh_command_line(environ: Mapping[str, str]) -> CommandLine:
    from dagctl.adapters.sqlmesh.targets import SqlmeshCommandLine

    return SqlmeshCommandLine(environ)
