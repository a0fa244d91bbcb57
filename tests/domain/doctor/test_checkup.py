"""The checkup over doubles: what each link shows, and that one broken link is one failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from dagctl._sdk import Dagctl
from dagctl.adapters.memory.probe import CA
from dagctl.cli.doctor_cures import cure, seen
from dagctl.domain.doctor.chain import Check, Link, Mark, failure, follow, ok
from dagctl.domain.doctor.checkup import broken
from dagctl.domain.errors import (
    CertificateRefused,
    DagctlError,
    FileCorrupt,
    MissingExtra,
    NoProject,
    NotSignedIn,
    PlatformError,
    TryLater,
    Unreachable,
)
from dagctl.domain.generation.additions import ConfigUsage, usage_of
from dagctl.domain.values.context import Origin, Overrides, Sourced
from dagctl.domain.values.handshake import Handshake
from dagctl.domain.values.platform import Project, StateProxy
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.text import span
from dagctl.ports.machine import FileSeen, VariableSeen
from dagctl.ports.sqlmesh_project import Comparison, SqlmeshProject
from dagctl.testing import (
    FixedClock,
    MemoryCredentialStore,
    MemoryFileSystem,
    MemoryMachine,
    MemoryPlatform,
    MemoryStateProbe,
    MemoryTokenStore,
    connected,
    elsewhere,
    memory_storage,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from dagctl.testing import Replaced

NAMES = [
    "files",
    "settings",
    "sign-in",
    "API",
    "clock",
    "TLS",
    "project",
    "protection",
    "proxy",
    "proxy TLS",
    "login",
    "SQLMesh config",
]


class Installed(SqlmeshProject):
    """A SQLMesh that has nothing to object, or `cautions`."""

    def __init__(self, *cautions: str) -> None:
        self._cautions = cautions

    def check_jinja(self, text: str, name: str) -> None:
        pass

    def compare(self, source: PurePath, python: str) -> Comparison:
        return Comparison()

    def cautions(self, folder: PurePath) -> tuple[str, ...]:
        return self._cautions


class Machine:
    """A machine on which Ada of Acme has signed in and chosen the project shop."""

    def __init__(
        self, platform: MemoryPlatform | None = None, *, signed_in: bool = True, **ports: Unpack[Replaced]
    ) -> None:
        self.platform = platform or MemoryPlatform()
        self.tokens = MemoryTokenStore()
        self.storage = memory_storage(tokens=self.tokens)
        self.settings = self.storage.current.settings
        self.probe = MemoryStateProbe(self.platform)
        self.surroundings = MemoryMachine()
        wanted: Replaced = {
            "storage": self.storage,
            "probe": self.probe,
            "trust": self.probe,
            "machine": self.surroundings,
            "sqlmesh": Installed(),
            **ports,
        }
        self.client = connected(self.platform, signed_in=signed_in, **wanted)

    @property
    def clock(self) -> FixedClock:
        assert isinstance(self.platform.clock, FixedClock)
        return self.platform.clock

    def choose(self, project: str = "shop") -> Machine:
        self.client.projects.choose(project)
        return self

    def later(self) -> Machine:
        """The same machine, in another process."""
        return Machine(self.platform, storage=self.storage, signed_in=False)

    def checks(self) -> dict[str, Check]:
        return {check.link: check for check in self.client.doctor.checks()}

    def states(self) -> dict[str, str]:
        """The links that are not all right."""
        return {name: check.state.value for name, check in self.checks().items() if check.state is not Mark.OK}


NO_CONFIG = {"SQLMesh config": "skipped"}


def skipped(*names: str) -> dict[str, str]:
    return {**dict.fromkeys(names, "skipped"), **NO_CONFIG}


@pytest.fixture
def machine() -> Machine:
    return Machine().choose()


def test_each_link_in_order(machine: Machine) -> None:
    assert list(machine.checks()) == NAMES


def test_all_is_well(machine: Machine) -> None:
    assert machine.states() == NO_CONFIG
    checks = machine.checks()
    assert all(cure(check) is None for check in checks.values())
    assert "as ada@acme.example" in checks["sign-in"].seen
    assert "renew themselves" in checks["sign-in"].seen
    assert checks["project"].seen.startswith("shop (prj_shop) of Acme, from ")
    assert "prod is protected from you (Only deployments from CI" in checks["protection"].seen
    assert checks["login"].seen.startswith("acme/shop logged in to org_acme_shop")
    assert machine.probe.entered == ["acme/shop"] * 2


def test_nothing_is_written(machine: Machine) -> None:
    before = (machine.tokens.load(), machine.settings.load())
    machine.checks()
    assert (machine.tokens.load(), machine.settings.load()) == before
    credentials = machine.storage.current.credentials
    assert isinstance(credentials, MemoryCredentialStore)
    assert credentials.kept == {}


def test_no_token_is_shown(machine: Machine) -> None:
    kept = machine.tokens.load()
    assert kept is not None
    shown = repr(list(machine.checks().values()))
    assert kept.refresh_token is not None
    for token in (kept.access_token, kept.id_token, kept.refresh_token):
        assert token is not None
        assert token.reveal() not in shown


def test_nobody_is_signed_in() -> None:
    machine = Machine(signed_in=False, environ={"DAGCTL_API_URL": MemoryPlatform().place.api_url})
    behind = ("project", "protection", "proxy", "proxy TLS", "login")
    assert machine.states() == {"sign-in": "failed", **skipped(*behind)}
    checks = machine.checks()
    assert isinstance(checks["sign-in"].problem, NotSignedIn)
    assert (checks["sign-in"].problem.organization, checks["sign-in"].problem.onboarded) == (None, True)
    assert checks["login"].seen == "needs sign-in"


def test_tokens_that_have_expired_are_renewed(machine: Machine) -> None:
    machine.clock.advance(machine.platform.access_lifetime + 1)
    check = machine.checks()["sign-in"]
    assert check.state is Mark.OK
    assert "were renewed just now" in check.seen
    assert machine.platform.refreshes == 1


def test_tokens_that_live_but_cannot_be_renewed_now(machine: Machine) -> None:
    machine.clock.advance(machine.platform.access_lifetime - 100)
    machine.platform.issuer_trouble = Unreachable("The issuer is away.")
    check = machine.checks()["sign-in"]
    assert (check.state, cure(check)) == (Mark.WARNING, "Run: dagctl auth refresh (it says why)")
    assert "live for 99 s" in check.seen or "live for 100 s" in check.seen


def test_tokens_that_came_without_a_refresh_token(machine: Machine) -> None:
    kept = machine.tokens.load()
    assert kept is not None
    machine.tokens.save(evolve(kept, refresh_token=None))
    check = machine.checks()["sign-in"]
    assert check.state is Mark.WARNING
    assert "cannot be renewed" in check.seen


def test_a_session_that_is_over(machine: Machine) -> None:
    kept = machine.tokens.load()
    assert kept is not None
    assert kept.refresh_token is not None
    machine.platform.revoke(machine.platform.place, kept.refresh_token)
    machine.clock.advance(machine.platform.access_lifetime + 1)
    assert machine.states() == {"sign-in": "failed", **skipped("project", "protection", "login")}
    assert isinstance(Machine(signed_in=False).checks()["sign-in"].problem, NotSignedIn)


def test_corrupt_tokens_are_no_lack_of_a_sign_in(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> None:
        raise FileCorrupt("auth.json cannot be used.", hint="Sign in again.")

    monkeypatch.setattr(machine.tokens, "load", load)
    check = machine.checks()["sign-in"]
    assert (check.state, check.seen, cure(check)) == (Mark.FAILED, "auth.json cannot be used.", "Sign in again.")
    assert not isinstance(check.problem, NotSignedIn)


def test_settings_that_cannot_be_read_hide_everything_but_the_files(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load() -> Settings:
        raise FileCorrupt("config.yaml cannot be used.")

    monkeypatch.setattr(machine.settings, "load", load)
    checks = machine.checks()
    assert [name for name, check in checks.items() if check.state is Mark.FAILED] == ["settings"]
    assert {checks[name].seen for name in NAMES[2:]} == {"needs settings"}
    assert checks["files"].state is Mark.OK


def test_the_api_is_away(machine: Machine) -> None:
    machine.platform.api_trouble = Unreachable("The API is away.", hint="Wait.")
    assert machine.states() == {"API": "failed", **skipped("clock", "TLS", "project", "protection", "login")}
    assert cure(machine.checks()["API"]) == "Wait."


def test_the_apis_certificate_is_refused(machine: Machine) -> None:
    machine.platform.api_trouble = CertificateRefused("The certificate is refused.", hint="SSL_CERT_FILE")
    assert machine.checks()["API"].state is Mark.FAILED
    assert machine.checks()["TLS"].seen == "needs API"


@pytest.mark.parametrize(
    ("ahead", "state", "words"),
    [
        (0, Mark.OK, "to within 1 s"),
        (-60, Mark.OK, "to within 60 s"),
        (250, Mark.WARNING, "4 min 10 s ahead of the API's"),
        (-61, Mark.WARNING, "1 min 1 s behind the API's"),
        (300, Mark.WARNING, "5 min 0 s ahead of"),
        (301, Mark.FAILED, "5 min 1 s ahead of"),
        (-7200, Mark.FAILED, "2 h 0 min behind the API's"),
    ],
)
def test_clocks(ahead: int, state: Mark, words: str, machine: Machine) -> None:
    here = FixedClock(machine.clock.now() + timedelta(seconds=ahead))
    machine.client.session.clocks.clock = here
    check = machine.checks()["clock"]
    assert (check.state, words in check.seen) == (state, True), check
    assert (cure(check) is None) == (state is Mark.OK)
    assert state is Mark.OK or "hwclock -s" in (cure(check) or "")


def test_an_api_that_does_not_tell_its_time(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.platform, "server_date", lambda api_url: None)
    assert machine.checks()["clock"].state is Mark.SKIPPED


@pytest.mark.parametrize(
    ("shown", "state", "words"),
    [
        (None, Mark.OK, "plain http"),
        (Handshake("TLSv1.2"), Mark.WARNING, "TLS 1.2, but the API's certificate is not verified (-k)"),
        (Handshake("TLSv1.3", "a store", "A CA", None), Mark.OK, "certificate issued by A CA, verified with a store"),
        (13.9, Mark.WARNING, "expires in 13 days"),
        (0.5, Mark.WARNING, "expires in 12 h"),
        (14.0, Mark.OK, "A CA"),
    ],
)
def test_the_apis_tls(
    shown: Handshake | float | None, state: Mark, words: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(shown, float):
        shown = Handshake("TLSv1.3", "a store", "A CA", machine.clock.now() + timedelta(days=shown))
    monkeypatch.setattr(machine.platform, "tls_of", lambda api_url: shown)
    check = machine.checks()["TLS"]
    assert (check.state, words in seen(check)) == (state, True), check
    assert (cure(check) is not None) == (state is Mark.WARNING)


def test_no_project_is_chosen() -> None:
    machine = Machine()
    assert machine.states() == {"project": "failed", **skipped("protection", "login")}
    assert isinstance(machine.checks()["project"].problem, NoProject)


def test_a_project_that_is_no_more(machine: Machine) -> None:
    acme = machine.platform.tenants[0]
    machine.platform.tenants = (evolve(acme, projects=(Project("prj_other", "other"),), protected={}),)
    check = machine.later().checks()["project"]
    assert (check.state, check.seen) == (Mark.FAILED, "Acme no longer has the project 'shop' (prj_shop).")


def test_a_project_that_was_renamed(machine: Machine) -> None:
    acme = machine.platform.tenants[0]
    machine.platform.tenants = (evolve(acme, projects=(Project("prj_shop", "store"),)),)
    check = machine.later().checks()["project"]
    assert (check.state, cure(check)) == (Mark.WARNING, "Run: dagctl use-project prj_shop")


def test_an_open_environment(machine: Machine) -> None:
    machine.platform.protect("prj_shop")
    check = machine.checks()["protection"]
    assert (check.state, check.seen) == (Mark.OK, "the API answers: prod is open to you")


def test_protection_that_nobody_can_tell(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def protection(*_: object) -> None:
        raise TryLater("The API answers with HTTP status 500.")

    monkeypatch.setattr(machine.platform, "protection", protection)
    check = machine.checks()["protection"]
    assert check.state is Mark.FAILED
    assert "status 500" in check.seen
    assert machine.checks()["login"].state is Mark.OK  # it hides nothing


@pytest.mark.parametrize(
    ("step", "failed", "hidden"),
    [("reach", "proxy", ("proxy TLS", "login")), ("secure", "proxy TLS", ("login",)), ("enter", "login", ())],
)
def test_each_step_to_the_database(step: str, failed: str, hidden: tuple[str, ...], machine: Machine) -> None:
    setattr(machine.probe, f"{step}_trouble", PlatformError("It does not work.", hint="Do something."))
    assert machine.states() == {failed: "failed", **skipped(*hidden)}
    assert (machine.checks()[failed].seen, cure(machine.checks()[failed])) == ("It does not work.", "Do something.")


def test_without_a_driver_the_login_is_skipped(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def enter(self: object, credentials: object) -> None:
        raise MissingExtra("There is no driver.", hint="Run: pip install it")

    monkeypatch.setattr(MemoryStateProbe, "enter", enter)
    check = machine.checks()["login"]
    assert (check.state, check.seen, cure(check)) == (Mark.SKIPPED, "There is no driver.", "Run: pip install it")


def mode(sslmode: str) -> Machine:
    return Machine(environ={"DAGCTL_STATE_SSLMODE": sslmode}).choose()


def test_a_proxy_that_is_not_verified(machine: Machine) -> None:
    check = machine.checks()["proxy TLS"]
    assert check.state is Mark.OK
    assert "sslmode require: encrypted, but the proxy is not verified" in check.seen


def test_a_sandboxs_proxy_is_verified_by_itself() -> None:
    machine = Machine(MemoryPlatform(place=elsewhere("localhost:18443"))).choose()
    machine.probe.trusted = CA
    check = machine.checks()["proxy TLS"]
    assert check.state is Mark.OK
    assert f"sslmode verify-full, certificate issued by A CA in memory, verified with {CA}" in check.seen


@pytest.mark.parametrize(
    ("api", "trusted", "shown"),
    [
        ("localhost:18443", CA, ("verify-full", CA)),
        ("localhost:18443", None, ("require", None)),
        ("api.dagctl.test", CA, ("verify-full", CA)),
        ("api.dagctl.test", None, ("require", None)),
    ],
)
def test_what_is_shown_is_how_strict_a_connection_will_be(
    api: str, trusted: str | None, shown: tuple[str, str | None]
) -> None:
    machine = Machine(MemoryPlatform(place=elsewhere(api))).choose()
    machine.probe.trusted = trusted
    client = machine.client
    endpoint = client.state.endpoint(client.context.current())
    assert endpoint is not None
    assert (endpoint.sslmode, endpoint.sslrootcert) == shown


def test_the_end_of_a_tunnel_is_not_verified_by_the_sandboxs_ca() -> None:
    machine = Machine(MemoryPlatform(proxy=StateProxy("localhost", 15432))).choose()
    machine.probe.trusted = CA
    assert "sslmode require: encrypted, but the proxy is not verified" in machine.checks()["proxy TLS"].seen


def test_a_mode_below_the_default_is_warned_of() -> None:
    check = mode("prefer").checks()["proxy TLS"]
    assert (check.state, "TLS is optional" in check.seen) == (Mark.WARNING, True)
    check = mode("disable").checks()["proxy TLS"]
    assert (check.state, "in the clear" in check.seen) == (Mark.WARNING, True)


def test_a_mode_that_libpq_does_not_know() -> None:
    check = Machine(environ={"DAGCTL_STATE_SSLMODE": "always"}, signed_in=False).checks()["settings"]
    assert (check.state, "'always'" in check.seen) == (Mark.FAILED, True)


def test_what_is_in_force_is_named() -> None:
    machine = Machine().choose()
    machine.surroundings.names = ("DAGCTL_PROJECT", "SSL_CERT_FILE")
    overrides = Overrides(
        project=Sourced("web-analytics", Origin.VARIABLE, "DAGCTL_PROJECT"),
        organization=Sourced("Acme", Origin.PIN_FILE, "/project/.dagctl.yaml"),
    )
    machine.client = Dagctl(evolve(machine.client._ports, overrides=overrides))
    checks = machine.checks()
    assert checks["settings"].seen.endswith("in force: DAGCTL_PROJECT, SSL_CERT_FILE, /project/.dagctl.yaml")
    assert checks["project"].seen == "web-analytics (prj_web) of Acme, from DAGCTL_PROJECT"


@pytest.mark.parametrize("name", ["config.py", "config.yaml", None])
def test_what_sqlmesh_takes_from_a_dotenv_is_named_with_the_file(name: str | None) -> None:
    files = MemoryFileSystem({name: ""} if name else {})
    machine = Machine(files=files).choose()
    machine.surroundings.names = ("DAGCTL_ORG",)
    machine.surroundings.dotenv = (VariableSeen("DAGCTL_PROJECT", "/p/.env"), VariableSeen("PGSSLMODE", "/p/.env"))
    said = "; in force: DAGCTL_ORG"
    if name is not None:
        said += "; in SQLMesh alone, from /p/.env: DAGCTL_PROJECT, PGSSLMODE"
    assert machine.checks()["settings"].seen.endswith(said)


def test_a_session_that_is_given_uses_no_files(machine: Machine) -> None:
    kept = machine.tokens.load()
    assert kept is not None
    given = {
        "DAGCTL_ACCESS_TOKEN": kept.access_token.reveal(),
        "DAGCTL_ID_TOKEN": kept.id_token.reveal(),
        "DAGCTL_API_URL": machine.platform.place.api_url,
    }
    ci = connected(machine.platform, signed_in=False, environ={**given, "DAGCTL_PROJECT": "shop"}, storage=None)
    checks = {check.link: check for check in ci.doctor.checks()}
    assert {name for name, check in checks.items() if check.state is not Mark.OK} == {"files", "SQLMesh config"}
    assert "DAGCTL_ACCESS_TOKEN" in checks["files"].seen
    assert "from the platform" in checks["proxy"].seen
    without = connected(machine.platform, signed_in=False, environ=given, storage=None)
    checks = {check.link: check for check in without.doctor.checks()}
    assert [name for name, check in checks.items() if check.state is Mark.FAILED] == ["project"]
    assert checks["proxy"].seen == "needs project"


def home(*files: FileSeen) -> Check:
    machine = Machine(signed_in=False)
    machine.surroundings.seen = (FileSeen("/h", folder=True, mode=0o700), *files)
    return machine.checks()["files"]


def test_files_that_are_as_they_should_be() -> None:
    check = home(FileSeen("/h/auth.json", secret=True, mode=0o600), FileSeen("/h/accounts/a/auth.json", mode=0o600))
    assert check == Check(Mark.OK, "/h 0700: auth.json 0600", link="files")


@pytest.mark.parametrize(
    ("file", "state", "words", "cured"),
    [
        (FileSeen("/h/auth.json", secret=True, mode=0o644), Mark.FAILED, "holds tokens", "chmod 600 /h/auth.json"),
        (FileSeen("/h/config.yaml", mode=0o660), Mark.WARNING, "(0660) is open", "chmod 600 /h/config.yaml"),
        (FileSeen("/h/my dir", folder=True, mode=0o755), Mark.WARNING, "open to other", "chmod 700 '/h/my dir'"),
        (FileSeen("/h/auth.json", secret=True, link=True), Mark.FAILED, "is a symbolic link", "the file itself"),
        (FileSeen("/h/auth.json", readable=False), Mark.FAILED, "cannot be read", 'sudo chown -R "$(id -un)" /h'),
        (
            FileSeen("/h/.a.1.2.tmp", leftover=True, mode=0o600),
            Mark.WARNING,
            "was left behind by a killed process",
            "rm /h/.a.1.2.tmp",
        ),
    ],
)
def test_files_that_are_not(file: FileSeen, state: Mark, words: str, cured: str) -> None:
    check = home(file)
    assert check.state is state
    assert words in check.seen
    assert cured in (cure(check) or "")


def test_the_gravest_comes_first() -> None:
    check = home(FileSeen("/h/config.yaml", mode=0o644), FileSeen("/h/auth.json", secret=True, mode=0o604))
    assert check.state is Mark.FAILED
    assert check.seen.index("auth.json") < check.seen.index("config.yaml")


def test_a_machine_whose_modes_mean_nothing() -> None:
    assert home(FileSeen("/h/auth.json", secret=True)).state is Mark.OK


PINNED = 'from dagctl import get_state_connection as state\nc = state(gateway="g", project="{}")\n'


def config(files: Mapping[str, str], sqlmesh: SqlmeshProject | None = None) -> Check:
    place = {f"/project/{name}": text for name, text in files.items()}
    machine = Machine(files=MemoryFileSystem(place), sqlmesh=sqlmesh or Installed()).choose()
    return machine.checks()["SQLMesh config"]


@pytest.mark.parametrize(
    ("files", "state", "words"),
    [
        ({}, Mark.SKIPPED, "this folder has no SQLMesh configuration"),
        ({"dbt_project.yml": ""}, Mark.SKIPPED, "a dbt project"),
        ({"config.py": PINNED.format("Acme/shop")}, Mark.OK, "pinned to Acme/shop"),
        ({"config.py": PINNED.format("prj_shop")}, Mark.OK, "pinned to prj_shop"),
        ({"config.py": PINNED.format("Acme/web-analytics")}, Mark.OK, "pinned to Acme/web-analytics"),
        ({"config.py": "c = get_state_connection(project=None)"}, Mark.WARNING, "pins no project"),
        ({"sqlmesh.yaml": "a: 1", "dbt_project.yml": ""}, Mark.SKIPPED, "a dbt project"),
        ({"config.py": PINNED.format("Globex/ledger")}, Mark.FAILED, "you are signed in to 'Acme'"),
        ({"config.py": PINNED.format("shop") + PINNED.format("web")}, Mark.WARNING, "several projects: shop, web"),
        ({"config.py": "import dagctl\nc = dagctl.get_state_connection('g')"}, Mark.WARNING, "pins no project"),
        ({"config.py": "c = get_state_connection(project=NAME)"}, Mark.OK, "uses dagctl"),
        ({"config.py": "check_environment_protection()"}, Mark.OK, "has its own state connection, guarded by"),
        ({"config.py": "config = {}"}, Mark.WARNING, "does not call get_state_connection()"),
        ({"config.py": "config = {"}, Mark.FAILED, "not Python"),
        ({"config.py": "", "config.yaml": "a: 1"}, Mark.FAILED, "config.py and config.yaml"),
        ({"config.yaml": "model_defaults: {dialect: duckdb}"}, Mark.WARNING, "SQLMesh keeps its state elsewhere"),
        ({"sqlmesh.yml": "gateways: {g: {state_connection: {type: x}}}"}, Mark.WARNING, "'g' has its own state_conn"),
        ({"config.yaml": "{% if a %}\nb: 1\n{% endif %}"}, Mark.WARNING, "does not use dagctl"),
        ({"config.yaml": "a: ["}, Mark.WARNING, "config.yaml"),
    ],
)
def test_configurations(files: dict[str, str], state: Mark, words: str) -> None:
    check = config(files)
    assert (check.state, words in check.seen) == (state, True), check
    curable = cure(check) is not None or check.problem is not None
    assert curable == (state not in (Mark.OK, Mark.SKIPPED))


def test_the_cure_of_a_configuration_without_a_pin_is_the_pin() -> None:
    assert 'project="Acme/shop"' in (cure(config({"config.py": "get_state_connection()"})) or "")


@pytest.mark.parametrize("chosen", ["shop", None])
def test_the_links_lead_where_the_configuration_is_pinned_to(chosen: str | None) -> None:
    files = MemoryFileSystem({"/project/config.py": PINNED.format("Acme/web-analytics")})
    machine = Machine(files=files)
    if chosen is not None:
        machine.choose(chosen)
    checks = machine.checks()
    assert {name: check.state for name, check in checks.items() if check.state is not Mark.OK} == {}
    assert "web-analytics (prj_web) of Acme, from the SQLMesh config" in checks["project"].seen
    assert machine.platform.checks == [("prj_web", "prod")]
    assert machine.probe.entered == ["acme/web-analytics"]


def test_a_pin_that_leads_nowhere_is_a_broken_project() -> None:
    files = MemoryFileSystem({"/project/config.py": PINNED.format("Acme/nope")})
    checks = Machine(files=files).choose().checks()
    assert (checks["project"].state, "nope" in checks["project"].seen) == (Mark.FAILED, True)
    assert checks["login"].seen == "needs project"


def test_without_sqlmesh_the_configuration_is_skipped() -> None:
    machine = Machine(files=MemoryFileSystem({"/project/config.py": PINNED.format("shop")})).choose()
    machine.client = Dagctl(evolve(machine.client._ports, sqlmesh=lambda: None))
    check = machine.checks()["SQLMesh config"]
    assert (check.state, "not installed" in check.seen) == (Mark.SKIPPED, True)


def test_what_gets_in_the_way_of_a_configuration() -> None:
    check = config({"config.py": PINNED.format("shop")}, sqlmesh=Installed("A variable is ignored."))
    assert (check.state, check.seen) == (
        Mark.WARNING,
        "config.py uses dagctl, pinned to shop; but: A variable is ignored.",
    )


def test_an_sqlmesh_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def cautions(self: object, folder: object) -> None:
        raise ImportError("cannot import name 'exp' from 'sqlglot'")

    monkeypatch.setattr(Installed, "cautions", cautions)
    check = config({"config.py": PINNED.format("shop")})
    assert (check.state, "cannot import name 'exp'" in check.seen) == (Mark.FAILED, True)
    assert "pip install" in (cure(check) or "")


def test_usage_of_what_ast_cannot_read() -> None:
    assert usage_of("\0") is None
    assert usage_of("(" * 5000) is None
    assert usage_of("") == ConfigUsage()


def test_blame_goes_to_the_first() -> None:
    def trouble() -> Check:
        raise DagctlError("No.", hint="Yes.")

    links = [Link("a", trouble), Link("b", trouble, ("a",)), Link("c", trouble, ("b",)), Link("d", lambda: ok("fine"))]
    assert [(check.link, check.state.value, check.seen) for check in follow(links)] == [
        ("a", "failed", "No."),
        ("b", "skipped", "needs a"),
        ("c", "skipped", "needs a"),
        ("d", "ok", "fine"),
    ]


def test_links_are_looked_at_when_their_turn_comes() -> None:
    seen: list[str] = []

    def look() -> Check:
        seen.append("looked")
        return ok("fine")

    checks = follow([Link("a", look), Link("b", look)])
    assert seen == []
    next(checks)
    assert seen == ["looked"]


def test_a_machine_that_cannot_be_looked_at() -> None:
    checks = broken(DagctlError("The pin is not usable.", hint="Mend it."))
    assert [check.link for check in checks] == NAMES[1:]
    assert checks[0] == evolve(failure(DagctlError("The pin is not usable.", hint="Mend it.")), link="settings")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "5 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (200000, "2 days")],
)
def test_spans(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words
