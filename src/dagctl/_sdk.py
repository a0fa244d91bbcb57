"""The SDK as one object: the services over one set of ports, each made when it is first used."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.session import SessionService
from dagctl.domain.values.context import Overrides, Sourced
from dagctl.ports.account_shelf import AccountShelf, Stores

if TYPE_CHECKING:
    from dagctl.domain.doctor.checkup import Doctor
    from dagctl.domain.generation import ConfigGeneration
    from dagctl.domain.services.accounts import AccountService
    from dagctl.domain.services.login import LoginService, SignedIn
    from dagctl.domain.services.projects import ProjectService
    from dagctl.domain.services.protection import ProtectionService
    from dagctl.domain.services.state import StateService
    from dagctl.domain.values.context import Context
    from dagctl.domain.values.state import StateCredentials
    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.browser import Browser
    from dagctl.ports.clock import Clock
    from dagctl.ports.command_line import CommandLine
    from dagctl.ports.file_system import FileSystem
    from dagctl.ports.identity_provider import DeviceCode, IdentityProvider
    from dagctl.ports.machine import Machine
    from dagctl.ports.sqlmesh_project import SqlmeshProject
    from dagctl.ports.state_probe import StateProbe
    from dagctl.ports.yaml_reader import YamlReader


class Dagctl:
    """The SDK: services over one set of ports. No printing, no exit, no global state.

    Attributes:
        context: which organization, project and platform.
        contexts: others that are signed in at the same time.
        session: the tokens.
        projects: the organization's projects.
        state: credentials of the state database.
        protection: the guard of protected environments.
        config: conversion of a SQLMesh configuration.
        checkup: each link from here to the state database, looked at.
    """

    def __init__(
        self,
        *,
        home: Stores,
        shelf: AccountShelf,
        overrides: Overrides,
        api: ApiGateway,
        identity: IdentityProvider,
        browser: Browser,
        files: FileSystem,
        commands: CommandLine,
        find_sqlmesh: Callable[[], SqlmeshProject | None],
        clock: Clock,
        probe: StateProbe,
        surroundings: Machine,
        yaml: YamlReader,
    ) -> None:
        self.clock = clock
        self._home, self._shelf, self._api, self._identity = home, shelf, api, identity
        self._browser, self._files, self._commands = browser, files, commands
        self._find_sqlmesh = find_sqlmesh
        self._probe, self._surroundings, self._yaml = probe, surroundings, yaml
        self._clocks = ClockCheck(api, clock)
        place = self.contexts.fitting(overrides) if overrides.choose_context else home
        self.context = ContextService(place.contexts, overrides)
        self.credentials = place.credentials
        self.session = SessionService(self.context, place.tokens, identity, self._clocks)

    def entrance(self, project: str | None = None) -> StateCredentials:
        """`state.credentials`, with the CA certificates that this machine verifies the proxy with.

        Raises:
            DagctlError: as `StateService.credentials` does.
        """
        return self.entrance_at(self.state.located(project))

    def entrance_at(self, located: Context) -> StateCredentials:
        """`state.at`, with those certificates. Raises as it does."""
        return self._probe.trusting(self.state.at(located), chosen=located.sslmode_stays)

    def sslmode(self, context: Context) -> Sourced[str]:
        """How strict a connection will be: as set, or `verify-full` where this machine knows a sandbox's CA."""
        if context.sslmode_stays or context.proxy is None:
            return context.sslmode
        from dagctl.domain.values.state import StateCredentials

        proxy, setting = context.proxy.value, context.sslmode
        bare = StateCredentials(proxy.host, proxy.port, "", "", "", setting.value)
        found = self._probe.trusting(bare, chosen=False)
        verified = f"verified with {found.sslrootcert}"
        return setting if found.sslmode == setting.value else Sourced(found.sslmode, verified)

    def works_for(self, located: Context) -> bool:
        """Whether the organization of `located` is signed in here, or would have to be looked for elsewhere.

        Raises:
            FileProblem: what is recorded cannot be read.
        """
        if self.context.overrides.given_session:
            return True
        recorded = self.context.store.load().current_org
        return recorded in (None, located.organization_id) and self.session.status().signed_in

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
        return self._login.with_browser(organization, browser or self._browser, api_url=api_url, timeout=timeout)

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
        self.contexts.tidy()  # a copy that a kill has left on the shelf would outlive the session
        revoked = self.session.end()
        self.credentials.clear()
        self.contexts.tidy()
        return revoked

    @cached_property
    def _login(self) -> LoginService:
        import secrets

        from dagctl.domain.services.login import LoginService

        return LoginService(self._api, self._identity, self.contexts, self.clock, lambda: secrets.token_urlsafe(48))

    @cached_property
    def contexts(self) -> AccountService:
        """Others that are signed in at the same time."""
        from dagctl.domain.services.accounts import AccountService

        return AccountService(self._home, self._shelf, self._identity, self._clocks)

    @cached_property
    def projects(self) -> ProjectService:
        """The organization's projects."""
        from dagctl.domain.services.projects import ProjectService

        return ProjectService(self.context, self.session, self._api)

    @cached_property
    def state(self) -> StateService:
        """Credentials of the state database."""
        from dagctl.domain.services.state import StateService

        return StateService(self.context, self.projects, self.session, self._api, self.credentials)

    @cached_property
    def protection(self) -> ProtectionService:
        """The guard of protected environments."""
        from dagctl.domain.services.protection import ProtectionService
        from dagctl.domain.services.verdicts import Verdicts

        return ProtectionService(
            self._api, self.context, self.projects, self.session, self._commands, Verdicts(os.getpid)
        )

    @cached_property
    def config(self) -> ConfigGeneration:
        """Conversion of a SQLMesh configuration."""
        from dagctl.domain.generation import ConfigGeneration

        return ConfigGeneration(self._files, self._yaml, self._find_sqlmesh())

    @cached_property
    def checkup(self) -> Doctor:
        """Each link from here to the state database, looked at."""
        from dagctl.domain.doctor.checkup import Doctor

        return Doctor(
            self._surroundings,
            self.context,
            self.session,
            self._api,
            self.projects,
            self.protection,
            self.state,
            self._probe,
            lambda: self.config,
        )
