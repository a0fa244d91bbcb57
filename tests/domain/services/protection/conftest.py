"""The guard over a platform whose answers a test can replace."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import Factory, define, evolve, field

from dagctl.domain.services.protection import ProtectionService
from dagctl.domain.services.verdicts import Verdicts
from dagctl.domain.values.platform import Advertisement, ApiAccess, Organization, Platform, Project
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.targets import Targets, Verdict
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.command_line import CommandLine
from dagctl.ports.storage import Storage
from dagctl.testing import (
    FixedClock,
    MemoryPlatform,
    MemoryTokenStore,
    Person,
    Tenant,
    connected,
    elsewhere,
    memory_storage,
)

ADA = Person("ada@acme.example", "auth0|ada", "org-1")
BOB = Person("bob@acme.example", "auth0|bob", "org-1")
ACME = Tenant(
    Organization("org-1", "Acme"),
    (Project("p-1", "shop"), Project("p-2", "other")),
    {"p-1": (), "p-2": ()},
)


Answer = Verdict | BaseException | None


@define(eq=False, slots=False, kw_only=True)
class Answering(MemoryPlatform):
    """A platform that protects nothing, until a test says otherwise.

    Attributes:
        answer: what it answers instead: a verdict, an error to raise, or a function from environments to these.
        asked: what it was asked about protection.
        during: called while it answers.
        onboardings: how often it was asked for somebody's organization.
    """

    answer: Answer | Callable[..., Answer] = None
    asked: list[tuple[ApiAccess, str, str | None]] = field(factory=list)
    during: Callable[[], object] = bool
    onboardings: int = 0

    def onboarded(self, token: str, subject: str | None) -> Organization | None:
        self.onboardings += 1
        return super().onboarded(token, subject)

    def protection(self, access: ApiAccess, project_id: str, environment: str | None) -> Verdict:
        self.asked.append((access, project_id, environment))
        self.during()
        answer = self.answer(environment) if callable(self.answer) else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return super().protection(access, project_id, environment) if answer is None else answer

    @property
    def environments(self) -> list[str | None]:
        return [environment for _, _, environment in self.asked]


class Tokens(MemoryTokenStore):
    """Counts how often it was asked."""

    asked = 0

    def load(self) -> TokenSet | None:
        self.asked += 1
        return super().load()


@define
class Commands(CommandLine):
    """A command line that targets what the test says."""

    found: Targets = field(factory=lambda: Targets.exactly(["dev"], "dev", "sqlmesh plan"))
    defaults: list[str | None] = field(factory=list)

    def targets(self, default: str | None = None) -> Targets:
        self.defaults.append(default)
        return self.found


@define
class Guarded:
    """The guard and everything around it. Ada of Acme has signed in and chosen `shop`."""

    api: Answering = field(factory=lambda: Answering(elsewhere("api.example.com"), people=(ADA, BOB), tenants=(ACME,)))
    tokens: Tokens = field(factory=Tokens)
    commands: Commands = field(factory=Commands)
    clock: FixedClock = field(factory=FixedClock)
    storage: Storage = Factory(lambda self: memory_storage(tokens=self.tokens), takes_self=True)
    verdicts: Verdicts = Factory(lambda self: Verdicts(os.getpid, self.clock), takes_self=True)

    def moves(self, place: Platform) -> None:
        """The platform moves to another place, where Ada signs in."""
        self.api.place, self.api.advertises = place, Advertisement(place.issuer_host, place.client_id)
        self.signs_in()

    def signs_in(self, email: str | None = None) -> None:
        """Somebody signs in, and chooses the same project."""
        connected(self.api, email=email, storage=self.storage).projects.choose("shop")
        self.tokens.asked = 0

    def record(self, **changes: Any) -> None:
        """Change recorded settings."""
        store = self.storage.current.settings
        store.save(evolve(store.load(), **changes))

    @property
    def id_token(self) -> Secret | None:
        """The ID token of who has signed in."""
        tokens = self.tokens.load()
        return tokens.id_token if tokens is not None else None

    @property
    def service(self) -> ProtectionService:
        """The service; another instance each time, as in several calls of one process."""
        client = connected(self.api, signed_in=False, storage=self.storage, commands=self.commands, clock=self.clock)
        return evolve(client.protection, verdicts=self.verdicts)


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    """A guard over a platform that allows everything, until the test says otherwise."""
    guarded = Guarded()
    guarded.signs_in()
    yield guarded
    assert guarded.api.onboardings == guarded.api.logins, "only a sign-in asks for the organization, which is recorded"
