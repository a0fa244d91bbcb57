"""The SDK as one object: the services over one set of ports, each made when it is first used."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any

from attrs import frozen

from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.session import SessionService

if TYPE_CHECKING:
    from dagctl.domain.doctor.checkup import Doctor
    from dagctl.domain.generation import ConfigGeneration
    from dagctl.domain.services.accounts import AccountService
    from dagctl.domain.services.login import Destination, LoginService, SignedIn
    from dagctl.domain.services.projects import ProjectService
    from dagctl.domain.services.protection import ProtectionService
    from dagctl.domain.services.state import Connectable, StateService
    from dagctl.domain.values.context import Overrides
    from dagctl.domain.values.state import StateCredentials
    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.browser import Browser
    from dagctl.ports.clock import Clock
    from dagctl.ports.command_line import CommandLine
    from dagctl.ports.file_system import FileSystem
    from dagctl.ports.identity_provider import DeviceCode, IdentityProvider
    from dagctl.ports.machine import Machine
    from dagctl.ports.sqlmesh_project import SqlmeshProject
    from dagctl.ports.state_probe import ProxyTrust, StateProbe
    from dagctl.ports.storage import Storage
    from dagctl.ports.yaml_reader import YamlReader


@frozen(eq=False, repr=False)
class Ports:
    """All that the services ask of the outside.

    Attributes:
        sqlmesh: gives SQLMesh's own view of a project; None if SQLMesh is not installed.
        connector: makes a state connection for SQLMesh.
        libpq: gives the keywords for a PostgreSQL driver.
        observed: given a port's name and an adapter that a caller brings later, gives the adapter to use.
    """

    storage: Storage
    overrides: Overrides
    api: ApiGateway
    identity: IdentityProvider
    browser: Browser
    clock: Clock
    commands: CommandLine
    files: FileSystem
    yaml: YamlReader
    sqlmesh: Callable[[], SqlmeshProject | None]
    connector: Callable[[Connectable], Any]
    libpq: Callable[[StateCredentials], dict[str, Any]]
    trust: ProxyTrust
    probe: StateProbe
    machine: Machine
    observed: Callable[[str, Any], Any] = lambda port, adapter: adapter


if TYPE_CHECKING:
    _Once = cached_property
else:

    class _Once(cached_property):
        """A `cached_property` with the lock that it lost in Python 3.12: threads share a service and what it knows."""

        _lock = RLock()  # reentrant: one service makes the next

        def __get__(self, owner: object, kind: type) -> object:
            with self._lock:
                return super().__get__(owner, kind)


class Dagctl:
    """The client that `dagctl.connect` makes. It prints nothing, never exits, and shares no state with other clients.

    Args:
        ports: the adapters for everything outside.

    Attributes:
        clock: tells the time, and sleeps.
        context: the organization, project and platform to work on.
        session: the tokens.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self.clock: Clock = ports.clock
        self.context: ContextService = ContextService(ports.storage, ports.overrides, ports.clock)
        self.session: SessionService = SessionService(self.context, ports.identity, ClockCheck(ports.api, ports.clock))

    def login(
        self,
        organization: str | None = None,
        *,
        api_url: str | None = None,
        timeout: float = 300.0,
        browser: Browser | None = None,
        select_account: bool = False,
    ) -> SignedIn:
        """Sign a person in through a browser. The client keeps nothing until the sign-in has succeeded.

        Args:
            organization: name or ID; None for the one that `destination` gives.
            api_url: the platform's API; None for the one that `destination` gives.
            timeout: seconds to wait for the person.
            browser: the browser to use; None for the one of `connect`.
            select_account: always have the issuer ask for the account.

        Raises:
            SignInFailed: it failed; `SignInTimedOut`, `SignInCancelled` and `OrganizationRefused` say why.
            PortTaken: another program uses the port on which the answer would arrive.
            PlatformError: the API or the issuer cannot be reached, or sends an invalid answer.
            FileProblem: the tokens cannot be kept.
        """
        browser = self._ports.observed("browser", browser) if browser is not None else self._ports.browser
        return self._login.with_browser(
            organization, browser, api_url=api_url, timeout=timeout, select_account=select_account
        )

    def destination(self, organization: str | None = None, *, api_url: str | None = None) -> Destination:
        """Where a sign-in would go: to what the caller names, else where the last one went, else to the hosted one.

        Raises:
            SettingUnusable: the API's URL is none.
        """
        return self._login.destination(organization, api_url)

    def login_with_device(
        self,
        organization: str | None,
        show: Callable[[DeviceCode], None],
        *,
        api_url: str | None = None,
        timeout: float = 300.0,
        cancelled: Callable[[], bool] | None = None,
    ) -> SignedIn:
        """Sign a person in with a browser on another device (RFC 8628).

        Args:
            organization: name or ID; None for the one that `destination` gives.
            show: called once, with the code to show to the person.
            api_url: the platform's API; None for the one that `destination` gives.
            timeout: seconds to wait for the person.
            cancelled: asked every few seconds, before the client asks the issuer; if it returns true, the sign-in ends
                with `SignInCancelled`. For example `is_set` of a `threading.Event`.

        Raises:
            SignInFailed: it failed; `DeviceGrantRefused` if the issuer does not offer this sign-in, `SignInCancelled`
                if `cancelled` says so.
            PlatformError: the API or the issuer cannot be reached, or sends an invalid answer.
            FileProblem: the tokens cannot be kept.
        """
        return self._login.with_device(organization, show, api_url=api_url, timeout=timeout, cancelled=cancelled)

    def logout(self) -> bool:
        """Sign out of the current account: remove its tokens and credentials, and have the issuer revoke them.

        Returns:
            Whether the issuer has confirmed the revocation.
        """
        return self.accounts.sign_out()

    @_Once
    def _login(self) -> LoginService:
        import secrets

        from dagctl.domain.services.login import LoginService

        ports, clocks = self._ports, self.session.clocks
        return LoginService(ports.api, ports.identity, self.accounts, clocks, lambda: secrets.token_urlsafe(48))

    @_Once
    def accounts(self) -> AccountService:
        """The accounts that are signed in on this machine."""
        from dagctl.domain.services.accounts import AccountService

        return AccountService(self._ports.storage, self.session)

    @_Once
    def projects(self) -> ProjectService:
        """The organization's projects."""
        from dagctl.domain.services.projects import ProjectService

        return ProjectService(self.session, self._ports.api)

    @_Once
    def state(self) -> StateService:
        """Connections to the state database."""
        from dagctl.domain.services.state import StateService

        ports = self._ports
        return StateService(self.protection, ports.api, ports.trust, ports.connector, ports.libpq)

    @_Once
    def protection(self) -> ProtectionService:
        """Asks the platform before you change an environment."""
        from dagctl.domain.services.protection import ProtectionService
        from dagctl.domain.services.verdicts import Verdicts

        ports = self._ports
        verdicts = Verdicts(os.getpid, ports.clock)
        return ProtectionService(ports.api, self.projects, self.session, ports.commands, verdicts)

    @_Once
    def config(self) -> ConfigGeneration:
        """Converts a SQLMesh configuration."""
        from dagctl.domain.generation import ConfigGeneration

        return ConfigGeneration(self._ports.files, self._ports.yaml, self._ports.sqlmesh())

    @_Once
    def doctor(self) -> Doctor:
        """Checks each link between this machine and the state database."""
        from dagctl.domain.doctor.checkup import Doctor

        ports = self._ports
        return Doctor(ports.machine, ports.api, self.state, ports.probe, lambda: self.config)
