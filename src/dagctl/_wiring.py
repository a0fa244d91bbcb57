"""The composition root: the one place that picks adapters."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dagctl.adapters.environment.home import home_directory
from dagctl.adapters.environment.overrides import overrides_from
from dagctl.adapters.environment.tokens import EnvironmentTokenStore
from dagctl.adapters.files.context import FileContextStore
from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.system.clock import SystemClock
from dagctl.domain.clocks import ClockCheck
from dagctl.domain.context import ContextService
from dagctl.domain.projects import ProjectService
from dagctl.domain.session import SessionService
from dagctl.domain.state import StateService

if TYPE_CHECKING:
    from dagctl.adapters.http.transport import Transport
    from dagctl.domain.generation import ConfigGeneration
    from dagctl.domain.login import LoginService, SignedIn
    from dagctl.domain.protection import ProtectionService
    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.browser import Browser
    from dagctl.ports.clock import Clock
    from dagctl.ports.command_line import CommandLine
    from dagctl.ports.context_store import ContextStore
    from dagctl.ports.credential_store import CredentialStore
    from dagctl.ports.file_system import FileSystem
    from dagctl.ports.identity_provider import DeviceCode, IdentityProvider
    from dagctl.ports.sqlmesh_project import SqlmeshProject
    from dagctl.ports.token_store import TokenStore

T = TypeVar("T")


def connect(
    *,
    home: Path | str | None = None,
    tokens: TokenStore | None = None,
    contexts: ContextStore | None = None,
    credentials: CredentialStore | None = None,
    api: ApiGateway | None = None,
    identity: IdentityProvider | None = None,
    browser: Browser | None = None,
    files: FileSystem | None = None,
    clock: Clock | None = None,
    commands: CommandLine | None = None,
    sqlmesh: SqlmeshProject | None = None,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    insecure: bool = False,
) -> Dagctl:
    """The whole SDK, over the ports that are given and the real adapters for the rest.

    Nothing is read from disk or network yet, but for a `.dagctl.yaml` above the working directory.

    Args:
        home: the dagctl home; `DAGCTL_HOME` or `~/.dagctl` where None.
        tokens, contexts, credentials, api, identity, browser, files, clock, commands, sqlmesh: the ports.
        environ: the environment variables to heed.
        folder: the working directory.
        insecure: do not verify the API's TLS certificate, nor an issuer's on the API's own host.

    Raises:
        DagctlError: a setting of the surroundings is unusable.
    """
    place = Path(home) if home is not None else home_directory(environ)
    given = EnvironmentTokenStore.present_in(environ)
    context = ContextService(contexts or FileContextStore(place), overrides_from(environ, folder or Path.cwd()))
    clock = clock or SystemClock()
    transport = _once(lambda: _transport(place, environ))
    return Dagctl(
        context=context,
        tokens=tokens or (EnvironmentTokenStore(environ) if given else FileTokenStore(place)),
        credentials=credentials or _credential_store(place, given),
        api=api or _later(lambda: _http_api(transport(), insecure)),
        identity=identity or _later(lambda: _http_identity(transport(), clock, insecure)),
        browser=browser or _later(_loopback_browser),
        files=files or _later(_project_files),
        commands=commands or _later(lambda: _sqlmesh_command_line(environ)),
        find_sqlmesh=lambda: sqlmesh or (_sqlmesh_project() if files is None else None),
        clock=clock,
    )


class Dagctl:
    """The SDK: services over one set of ports. No printing, no exit, no global state.

    Attributes:
        context: which organization, project and platform.
        session: the tokens.
        projects: the organization's projects.
        state: credentials of the state database.
        protection: the guard of protected environments.
        config: conversion of a SQLMesh configuration.
    """

    def __init__(
        self,
        *,
        context: ContextService,
        tokens: TokenStore,
        credentials: CredentialStore,
        api: ApiGateway,
        identity: IdentityProvider,
        browser: Browser,
        files: FileSystem,
        commands: CommandLine,
        find_sqlmesh: Callable[[], SqlmeshProject | None],
        clock: Clock,
    ) -> None:
        self.context = context
        self.clock = clock
        self.credentials = credentials
        self.session = SessionService(context, tokens, identity, ClockCheck(api, clock))
        self.projects = ProjectService(context, self.session, api)
        self.state = StateService(context, self.projects, self.session, api, credentials)
        self._find_sqlmesh = find_sqlmesh
        self._ports = (api, identity, tokens, browser, files, commands)

    def login(
        self,
        organization: str,
        *,
        api_url: str | None = None,
        timeout: float = 300.0,
        browser: Browser | None = None,
    ) -> SignedIn:
        """Sign a person in through a browser.

        Args:
            organization: name or ID.
            api_url: the platform's API; the hosted one where None.
            timeout: seconds to wait for the person.
            browser: another way to the person than the one that was wired.

        Raises:
            DagctlError: as `LoginService.with_browser` does.
        """
        return self._login.with_browser(organization, browser or self._ports[3], api_url=api_url, timeout=timeout)

    def login_with_device(
        self,
        organization: str,
        show: Callable[[DeviceCode], None],
        *,
        api_url: str | None = None,
        timeout: float = 300.0,
    ) -> SignedIn:
        """Sign a person in with a browser on another device (RFC 8628); see `LoginService.with_device`."""
        return self._login.with_device(organization, show, api_url=api_url, timeout=timeout)

    def logout(self) -> bool:
        """Remove tokens and credentials; returns whether the issuer has confirmed the revocation.

        Raises:
            FileUnusable: they cannot be removed.
        """
        revoked = self.session.end()
        self.credentials.clear()
        return revoked

    @cached_property
    def _login(self) -> LoginService:
        from dagctl.domain.login import LoginService

        api, identity, tokens, *_ = self._ports
        return LoginService(
            api,
            identity,
            tokens,
            self.context.store,
            self.credentials,
            self.clock,
            lambda: secrets.token_urlsafe(48),
        )

    @cached_property
    def protection(self) -> ProtectionService:
        """The guard of protected environments."""
        from dagctl.domain.protection import ProtectionService
        from dagctl.domain.verdicts import Verdicts

        api, *_, commands = self._ports
        return ProtectionService(api, self.context, self.projects, self.session, commands, Verdicts(os.getpid))

    @cached_property
    def config(self) -> ConfigGeneration:
        """Conversion of a SQLMesh configuration."""
        from dagctl.adapters.yaml.documents import RuamelReader
        from dagctl.domain.generation import ConfigGeneration

        return ConfigGeneration(self._ports[4], RuamelReader(), self._find_sqlmesh())


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


def _credential_store(home: Path, given: bool) -> CredentialStore:
    if given:
        from dagctl.adapters.memory.stores import MemoryCredentialStore

        return MemoryCredentialStore()
    return FileCredentialStore(home)


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


def _loopback_browser() -> Browser:
    from dagctl.adapters.system.loopback import LoopbackBrowser

    return LoopbackBrowser(announce=lambda text: None)


def _project_files() -> FileSystem:
    from dagctl.adapters.files.project_files import ProjectFiles

    return ProjectFiles()


def _sqlmesh_project() -> SqlmeshProject | None:
    from importlib.util import find_spec

    if find_spec("sqlmesh") is None:
        return None
    from dagctl.adapters.sqlmesh.project import InstalledSqlmesh

    return InstalledSqlmesh()


def _sqlmesh_command_line(environ: Mapping[str, str]) -> CommandLine:
    from dagctl.adapters.sqlmesh.targets import SqlmeshCommandLine

    return SqlmeshCommandLine(environ)
