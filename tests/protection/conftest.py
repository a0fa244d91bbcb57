"""The guard over a platform that answers what a test tells it to."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, cast

import pytest
from attrs import define, field

from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.protection import ProtectionService
from dagctl.domain.services.session import SessionService
from dagctl.domain.services.verdicts import Verdicts
from dagctl.domain.values.context import Overrides
from dagctl.domain.values.platform import ApiAccess, Organization, Project
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.targets import Targets, Verdict
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.storage import Storage, Stores
from dagctl.testing import FixedClock, MemoryAccountShelf, MemoryCredentialStore, MemoryPlatform

NOON = FixedClock().now()


def id_token(subject: str) -> str:
    """An ID token that says whose it is, and nothing else."""
    header, claims = (
        urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({"alg": "RS256"}, {"sub": subject})
    )
    return f"{header}.{claims}.c2ln".replace("=", "")


SIGNED_IN = Settings(
    current_org="org-1",
    current_org_name="Acme",
    current_project="shop",
    current_project_id="p-1",
    api_url="https://api.example.com",
)


@define
class Api:
    """Answers `answer`: a verdict, or an error to raise. Notes what it was asked."""

    answer: Any = field(factory=lambda: Verdict(True))
    projects_answer: Any = ()
    asked: list[tuple[ApiAccess, str, str | None]] = field(factory=list)
    during: Callable[[], object] = bool

    def protection(self, access: ApiAccess, project_id: str, environment: str | None) -> Verdict:
        self.asked.append((access, project_id, environment))
        self.during()
        answer = self.answer(environment) if callable(self.answer) else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return cast("Verdict", answer)

    def projects(self, access: ApiAccess) -> tuple[Project, ...]:
        if isinstance(self.projects_answer, BaseException):
            raise self.projects_answer
        return tuple(self.projects_answer)

    def server_date(self, api_url: str) -> datetime:
        return NOON

    def organization(self, access: ApiAccess, subject: str) -> Organization | None:
        raise AssertionError("the organization is recorded")

    @property
    def environments(self) -> list[str | None]:
        return [environment for _, _, environment in self.asked]


@define
class Store:
    """Recorded settings."""

    settings: Settings = SIGNED_IN

    def load(self) -> Settings:
        return self.settings

    def describe(self) -> str:
        return "config.yaml"


@define
class Tokens:
    """Gives a token, a new one with every renewal that the test asks for; or raises."""

    answer: Any = field(factory=lambda: id_token("ada"))
    asked: int = 0
    writable: bool = False
    clock: FixedClock = field(factory=FixedClock)

    def describe(self) -> str:
        return "auth.json"

    def load(self) -> TokenSet:
        self.asked += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return TokenSet("access", self.answer, expires_at=datetime(2040, 1, 1, tzinfo=timezone.utc))


@define
class Commands:
    """A command line that targets what the test says."""

    found: Targets = field(factory=lambda: Targets.exactly(["dev"], "dev", "sqlmesh plan"))
    defaults: list[str | None] = field(factory=list)

    def targets(self, default: str | None = None) -> Targets:
        self.defaults.append(default)
        return self.found


@define
class Guarded:
    """The guard and everything around it."""

    api: Api = field(factory=Api)
    store: Store = field(factory=Store)
    session: Tokens = field(factory=Tokens)
    commands: Commands = field(factory=Commands)
    verdicts: Verdicts = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.verdicts = Verdicts(os.getpid, self.session.clock)

    @property
    def service(self) -> ProtectionService:
        """The service; another instance each time, as in several calls of one process."""
        api, clock = cast("ApiGateway", self.api), self.session.clock
        stores: Any = Stores(self.store, self.session, MemoryCredentialStore())  # type: ignore[arg-type]
        contexts = ContextService(Storage(stores, MemoryAccountShelf()), Overrides(), clock)
        sessions = SessionService(contexts, MemoryPlatform(), ClockCheck(api, clock))
        return ProtectionService(api, ProjectService(sessions, api), sessions, self.commands, self.verdicts)


@pytest.fixture
def guarded() -> Guarded:
    """A guard over a platform that allows everything, until the test says otherwise."""
    return Guarded()
