"""The three functions that configurations call."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

import dagctl
from dagctl import _functions
from dagctl.adapters.sqlmesh.link import StateLink
from dagctl.domain.errors import (
    DagctlError,
    EnvironmentProtected,
    FileCorrupt,
    NotSignedIn,
    ProjectConflict,
    ProtectionRefused,
    ProtectionUnknown,
)
from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.services.context import ContextService
from dagctl.domain.services.projects import ProjectService
from dagctl.domain.services.session import Session, SessionService
from dagctl.domain.services.state import StateService
from dagctl.domain.values.context import Context, Overrides
from dagctl.domain.values.platform import StateProxy
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.targets import EnvironmentName, Targets
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.storage import Storage
from dagctl.testing import FixedClock, MemoryAccountShelf

if TYPE_CHECKING:
    from pathlib import Path

SIGNED_IN = Settings(
    current_org="org-1",
    current_org_name="Acme",
    current_project="Shop",
    current_project_id="p-1",
    api_url="https://api.example.com",
    pg_proxy_host="proxy.example.com",
    pg_proxy_port=6432,
)


class _Settings:
    def __init__(self, client: Client) -> None:
        self._client = client

    def load(self) -> Settings:
        return self._client.load()

    def describe(self) -> str:
        return "config.yaml"


class _Tokens:
    """Gives another token each time; none where nothing is recorded."""

    writable = True

    def __init__(self, client: Client) -> None:
        self._client = client

    def load(self) -> TokenSet | None:
        if self._client.recorded == Settings():
            return None
        self._client.tokens += 1
        expires = datetime(2040, 1, 1, tzinfo=timezone.utc)
        return TokenSet(f"access-{self._client.tokens}", "id", expires_at=expires)

    def describe(self) -> str:
        return "auth.json"


class _Credentials:
    def __init__(self, client: Client) -> None:
        self._client = client

    def save(self, *_: object) -> None:
        self._client.events.append("kept")


class Client:
    """The SDK over one recorded context; notes what happens, in order."""

    def __init__(self, targets: Targets) -> None:
        self.events: list[str] = []
        self.recorded = SIGNED_IN
        self.found = targets
        self.refuses: DagctlError | None = None
        self.tokens = 0
        self.required: list[tuple[Targets, str | None]] = []
        stores: Any = SimpleNamespace(settings=_Settings(self), tokens=_Tokens(self), credentials=_Credentials(self))
        far: Any = self
        clock = FixedClock()
        self.context = ContextService(Storage(stores, MemoryAccountShelf()), Overrides(), clock)
        self.session = SessionService(self.context, far, ClockCheck(far, clock))
        self.projects = ProjectService(self.session, far)
        guard: Any = SimpleNamespace(
            targets=self._targets,
            admitted=self._admitted,
            check=self._check,
            sessions=self.session,
            projects=self.projects,
        )
        self.protection = guard
        trust: Any = SimpleNamespace(applied=lambda endpoint: endpoint)
        self.state = StateService(guard, far, trust, lambda wanted: wanted, lambda credentials: {})

    def load(self) -> Settings:
        return self.recorded

    def state_proxy(self, access: object) -> StateProxy:
        self.events.append("asked for the proxy")
        return StateProxy("proxy.example.org", 5432)

    def _targets(self, default: str | None) -> Targets:
        self.events.append(f"targets, default {default}")
        return self.found

    def _admitted(
        self, targets: Targets, project: str | None = None, *, since: Context | None = None, **more: Any
    ) -> Session | None:
        if not targets.environments:
            return None
        self.events.append(f"protection of {project}")
        self.required.append((targets, project))
        if self.refuses is not None:
            raise self.refuses
        return self.projects.identified(self.session.open(project))

    def _check(self, *arguments: object) -> None:
        self.events.append(f"check {arguments}")


DEV = Targets.exactly(["dev"], "dev", "sqlmesh plan")
NOTHING = Targets.none("prod", "sqlmesh format")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlmesh_cli: object) -> Client:
    """The client that the functions find."""
    client = Client(DEV)
    monkeypatch.setenv("DAGCTL_HOME", str(tmp_path))
    monkeypatch.setattr(_functions, "_client", lambda insecure, folder=None: _Found.client)
    monkeypatch.setattr(_Found, "client", client)
    return client


def test_targets_then_protection_then_credentials(client: Client) -> None:
    dagctl.get_state_connection("g", "dev", project="Shop")
    assert client.events[:2] == ["targets, default dev", "protection of Shop"]
    assert client.events[2:] == ["kept"]


@pytest.mark.parametrize(
    "refusal", [EnvironmentProtected("No."), ProtectionUnknown("Who knows."), NotSignedIn("Nobody.")]
)
def test_a_refusal_is_the_end_of_it(refusal: DagctlError, client: Client) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    client.refuses = refusal
    with pytest.raises(type(refusal)) as raised:
        dagctl.get_state_connection()
    assert isinstance(raised.value, RuntimeError)
    assert isinstance(raised.value, SQLMeshError)
    assert str(raised.value).partition("\n")[0] == refusal.message
    assert "kept" not in client.events


def test_the_connection_is_to_the_projects_database(client: Client) -> None:
    made = dagctl.get_state_connection()
    assert (made.host, made.port) == ("proxy.example.com", 6432)
    assert (made.database, made.user) == ("org_acme_shop", "acme/shop")
    assert made["password"].startswith("access-")
    assert made["sslmode"] == "require"


def test_a_command_without_state_needs_nobody(client: Client) -> None:
    client.found, client.recorded = NOTHING, Settings()
    made = dagctl.get_state_connection()
    assert made.type_ == "postgres"
    assert client.tokens == 0
    with pytest.raises(NotSignedIn):
        made._connection_factory_with_kwargs()
    client.recorded = SIGNED_IN
    assert made["database"] == "org_acme_shop"


def test_a_command_without_state_minds_no_broken_file(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.found = NOTHING

    def broken() -> Settings:
        raise FileCorrupt("config.yaml is broken.")

    monkeypatch.setattr(client, "load", broken)
    made = dagctl.get_state_connection()
    with pytest.raises(FileCorrupt):
        made["host"]


def test_the_same_connection_whatever_the_command(client: Client) -> None:
    """SQLMesh's model cache is keyed by what stands here."""
    of_plan = dagctl.get_state_connection()
    client.found = NOTHING
    assert dagctl.get_state_connection().dict() == of_plan.dict()


def test_only_the_token_is_renewed(client: Client) -> None:
    made = dagctl.get_state_connection()
    first = dict(made)
    client.recorded = evolve(SIGNED_IN, current_project="Other", current_project_id="p-2", pg_proxy_port=1)
    second = dict(made)
    assert first.pop("password") != second.pop("password")
    assert first == second


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"current_org": "org-2", "current_org_name": "Other"},
        {"api_url": "https://api.example.org"},
    ],
)
def test_a_sign_in_elsewhere_does_not_send_its_token_here(elsewhere: dict[str, Any], client: Client) -> None:
    made = dagctl.get_state_connection()
    client.recorded = evolve(SIGNED_IN, **elsewhere)
    with pytest.raises(ProjectConflict, match=r"Acme on https://api\.example\.com"):
        made["password"]


def test_where_a_session_is_given_the_place_is_not_known_before_the_platform_is_asked(client: Client) -> None:
    client.found = NOTHING
    link = link_of(client, None)
    assert link.endpoint() is not None
    client.protection.sessions = evolve(
        client.session, contexts=evolve(client.context, overrides=Overrides(given_session=True))
    )
    assert link.endpoint() is None


def test_without_sqlmesh_it_is_a_plain_dict(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("dagctl.adapters.sqlmesh.")]:
        if module.endswith(("connection", "guard")):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sqlmesh", None)
    monkeypatch.setitem(sys.modules, "sqlmesh.core.config.connection", None)
    made = dagctl.get_state_connection()
    assert type(made) is dict
    assert made["type"] == "postgres"
    assert made["password"].startswith("access-")
    assert made["user"] == "acme/shop"


def test_a_broken_installation_is_not_taken_for_none(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dagctl.adapters.sqlmesh.connection", raising=False)
    monkeypatch.setitem(sys.modules, "dagctl.adapters.sqlmesh.gate", None)
    with pytest.raises(ModuleNotFoundError):
        dagctl.get_state_connection()


def test_insecure_is_loud_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(_functions, "_clients", {})
    monkeypatch.setattr(_functions, "_warned", set())
    monkeypatch.setattr("dagctl._functions.connect", lambda **_: object())
    for _ in range(3):
        _functions._client(insecure=True)
    _functions._client(insecure=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("WARNING") == 1
    assert "SSL_CERT_FILE" in err


@pytest.mark.parametrize(
    ("sslmode", "host", "warned"),
    [
        *((mode, "proxy.example.com", 1) for mode in ("disable", "allow", "prefer")),
        *((mode, "proxy.example.com", 0) for mode in ("require", "verify-ca", "verify-full")),
        ("disable", "localhost", 0),
    ],
)
def test_a_token_that_may_travel_in_the_clear_is_warned_of_once(
    sslmode: str,
    host: str,
    warned: int,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(_functions, "_warned", set())
    client.recorded = evolve(SIGNED_IN, pg_proxy_sslmode=sslmode, pg_proxy_host=host)
    for gateway in ("one", "two"):
        dagctl.get_state_connection(gateway)
    assert capsys.readouterr().err.count(f"dagctl: WARNING: sslmode {sslmode}") == warned


def test_surroundings_that_change_get_a_client_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_functions, "_clients", {})
    monkeypatch.setattr("dagctl._functions.connect", lambda **_: object())
    first = _functions._client(insecure=False)
    assert _functions._client(insecure=False) is first
    monkeypatch.setenv("DAGCTL_PROJECT", "other")
    assert _functions._client(insecure=False) is not first


def test_check(client: Client) -> None:
    dagctl.check_environment_protection("prod", "dev", "p-9")
    assert client.events == ["check ('prod', 'dev', 'p-9')"]


def test_fresh_token(client: Client) -> None:
    assert dagctl.get_fresh_token() == "access-1"


class _Found:
    """What the functions find: by way of a module, so that a link to it can be pickled."""

    client: Client | None = None


def _this() -> StateService:
    assert _Found.client is not None
    return _Found.client.state


def link_of(client: Client, project: str | None) -> StateLink:
    """A link that the functions' client leads."""
    return StateLink(_this, project)


def test_a_link_asks_about_what_is_to_be_changed(client: Client) -> None:
    link_of(client, "Shop").require(["STAGING"])
    assert [(targets.environments, project) for targets, project in client.required] == [(("staging",), "Shop")]


def test_a_link_refuses_again_and_again(client: Client) -> None:
    link = link_of(client, None)
    client.refuses = EnvironmentProtected("No.")
    for _ in range(2):
        with pytest.raises(EnvironmentProtected):
            link.require(["staging"])
        assert link.closed(["staging", "dev"]) == {"staging", "dev"}


def test_a_program_is_held_to_what_it_said(client: Client) -> None:
    link = StateLink(_this, held_to=EnvironmentName("dev"))
    link.require(["DEV"])
    with pytest.raises(ProtectionRefused, match=r"asked for a connection for the environment 'dev'.*change 'prod'"):
        link.require(["dev", "prod"])
    assert [targets.environments for targets, _ in client.required] == [("dev",)]


def test_the_environment_that_a_program_names_is_asked_about_at_once(client: Client) -> None:
    client.found = NOTHING
    made = dagctl.get_state_connection(environment="Staging", default_environment="dev")
    assert [targets.environments for targets, _ in client.required] == [("staging",)]
    with pytest.raises(ProtectionRefused, match="'staging'"):
        made.warden.require(["prod"])


def test_who_takes_the_settings_is_asked_about_the_default_once(client: Client) -> None:
    client.found = Targets.of_program(None, "dev", "A notebook")
    made = dagctl.get_state_connection()
    assert client.required == []
    for _ in range(2):
        dict(made)
    assert [targets.environments for targets, _ in client.required] == [("dev",)]


def test_a_link_is_pickled_as_the_way_to_its_project(client: Client) -> None:
    link = link_of(client, None)
    link.credentials()
    again = pickle.loads(pickle.dumps(link))
    client.recorded = evolve(SIGNED_IN, current_project="Other", current_project_id="p-2")
    assert again.project == "Acme/Shop"
    assert copy.deepcopy(link) is link


def test_a_pickled_connection_holds_no_token_and_still_works(client: Client) -> None:
    made = dagctl.get_state_connection()
    made["password"]
    pickled = pickle.dumps(made)
    assert b"access-" not in pickled
    again = pickle.loads(pickled)
    assert again.dict() == made.dict()
    assert again["password"].startswith("access-")


def test_importing_dagctl_costs_next_to_nothing() -> None:
    program = "import sys; before = set(sys.modules); import dagctl; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    foreign = {name for name in loaded.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names}
    assert foreign == {"dagctl"}
