"""The domain's services over the doubles."""

from __future__ import annotations

import pytest
from attrs import define, field

from dagctl._sdk import Dagctl, Ports
from dagctl.adapters.logged import logged
from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.domain.services.accounts import AccountService
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.login import LoginService, SignedIn
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.session import Session, SessionService
from dagctl.domain.services.state import StateService
from dagctl.domain.values.context import Context, Overrides
from dagctl.domain.values.platform import REDIRECT_URI
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.settings_store import SettingsStore
from dagctl.ports.storage import AccountShelf, Storage, Stores
from dagctl.ports.token_store import TokenStore
from dagctl.testing import (
    FixedClock,
    FixedCommandLine,
    FollowingBrowser,
    MemoryAccountShelf,
    MemoryCredentialStore,
    MemoryFileSystem,
    MemoryMachine,
    MemoryPlatform,
    MemorySettingsStore,
    MemoryStateProbe,
    MemoryTokenStore,
    elsewhere,
)


@define
class World:
    """A platform, a machine and the services between them."""

    platform: MemoryPlatform = field(factory=MemoryPlatform)
    tokens: TokenStore = field(factory=lambda: MemoryTokenStore(patience=0.01))
    settings: SettingsStore = field(factory=MemorySettingsStore)
    credentials: CredentialStore = field(factory=MemoryCredentialStore)
    shelf: AccountShelf = field(factory=MemoryAccountShelf)
    overrides: Overrides = field(factory=Overrides)

    machine: FixedClock | None = None

    @property
    def clock(self) -> FixedClock:
        """This machine's clock: the platform's own, unless it is given one that goes wrong."""
        assert isinstance(self.platform.clock, FixedClock)
        return self.machine or self.platform.clock

    @property
    def client(self) -> Dagctl:
        """The SDK of a process that begins now."""
        proxy = MemoryStateProbe(self.platform)
        ports = Ports(
            storage=Storage(Stores(self.settings, self.tokens, self.credentials), self.shelf),
            overrides=self.overrides,
            api=self.platform,
            identity=self.platform,
            browser=FollowingBrowser(self.platform),
            clock=self.clock,
            commands=FixedCommandLine(),
            files=MemoryFileSystem(),
            yaml=RuamelReader(),
            sqlmesh=lambda: None,
            connector=lambda wanted: wanted,
            libpq=lambda credentials: {**credentials.endpoint.keywords()},
            trust=proxy,
            probe=proxy,
            machine=MemoryMachine(),
        )
        return Dagctl(logged(ports))

    @property
    def context(self) -> ContextService:
        return self.client.context

    @property
    def session(self) -> SessionService:
        return self.client.session

    @property
    def projects(self) -> ProjectService:
        return self.client.projects

    @property
    def state(self) -> StateService:
        return self.client.state

    @property
    def accounts(self) -> AccountService:
        return self.client.accounts

    @property
    def logins(self) -> LoginService:
        return self.client._login

    def login(
        self,
        organization: str = "Acme",
        browser: FollowingBrowser | None = None,
        *,
        email: str | None = None,
        deny: bool = False,
        idle: bool = False,
        redirect_uri: str = REDIRECT_URI,
    ) -> SignedIn:
        """Sign in through a browser."""
        browser = browser or FollowingBrowser(
            self.platform, email=email, deny=deny, idle=idle, redirect_uri=redirect_uri
        )
        return self.logins.with_browser(organization, browser, api_url=self.platform.place.api_url)

    def located(self, pinned: str | None = None) -> Session:
        """A session that leads to a project's database."""
        return self.state.located(self.session.open(pinned))

    def at(self, located: Context) -> StateCredentials:
        """The credentials of a database that was located earlier."""
        return self.state.credentials_in(self.session.open_in(self.context.read_again(located)))

    def endpoint(self, pinned: str | None = None) -> StateEndpoint | None:
        """A project's database, without asking anybody."""
        return self.state.endpoint(self.context.current(pinned))

    def identified(self, pinned: str | None = None) -> Context:
        """The context with its organization and project looked up."""
        return self.projects.identified(self.session.open(pinned)).context

    def kept(self) -> TokenSet:
        """The tokens that are there."""
        tokens = self.tokens.load()
        assert tokens is not None
        return tokens

    @property
    def kept_credentials(self) -> dict[tuple[str, str], StateCredentials]:
        """The credentials of each organization and project, where the store is in memory."""
        assert isinstance(self.credentials, MemoryCredentialStore)
        return self.credentials.kept

    def recorded(self) -> tuple[TokenSet | None, Settings, dict[tuple[str, str], StateCredentials]]:
        """Everything that the machine has recorded."""
        return self.tokens.load(), self.settings.load(), dict(self.kept_credentials)


@pytest.fixture
def world() -> World:
    """The hosted platform and a new machine."""
    return World()


@pytest.fixture
def elsewhere_world() -> World:
    """A platform that is not the hosted one, and a new machine."""
    return World(MemoryPlatform(elsewhere()))


@pytest.fixture
def signed_in(world: World) -> World:
    """A machine on which Ada of Acme has just signed in at the hosted platform."""
    world.login()
    return world


@pytest.fixture
def make_world() -> type[World]:
    """See `World`."""
    return World
