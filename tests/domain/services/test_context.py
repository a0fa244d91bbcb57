"""Which of several places says what the context is."""

from __future__ import annotations

import pytest
from attrs import evolve

from dagctl.domain.errors import DagctlError, FileCorrupt, ProjectConflict, SettingUnusable
from dagctl.domain.services.context import ContextService
from dagctl.domain.values.context import Origin, Overrides, Pin, Sourced
from dagctl.domain.values.platform import Platform, StateProxy
from dagctl.domain.values.settings import Settings
from dagctl.ports.storage import Storage, Stores
from dagctl.testing import (
    FixedClock,
    MemoryAccountShelf,
    MemoryCredentialStore,
    MemorySettingsStore,
    MemoryTokenStore,
    memory_storage,
)

RECORDED = Settings(
    current_org="org_acme",
    current_org_name="Acme",
    current_project="shop",
    current_project_id="prj_shop",
    api_url="https://api.acme.example",
    auth0_domain="issuer.acme.example",
    auth0_client_id="client",
    pg_proxy_host="pg.acme.example",
    pg_proxy_port=6432,
    pg_proxy_sslmode="verify-full",
)
ENV, PIN = "DAGCTL_PROJECT", "/home/ada/.dagctl.yaml"


def service(
    settings: Settings | None = None, *, given_session: bool = False, **overrides: Sourced[str] | None
) -> ContextService:
    found = Overrides(given_session=given_session, **overrides)
    return ContextService(memory_storage(settings=settings), found, FixedClock())


def test_nothing_is_known() -> None:
    context = service().current()
    assert (context.organization, context.organization_id, context.project, context.project_id) == (None,) * 4
    assert context.api_url == Sourced("https://api.dagctl.io", Origin.BUILT_IN)
    assert context.platform == Platform()
    assert context.proxy == Sourced(StateProxy("pg-proxy.dagctl.io", 5432), Origin.DERIVED)
    assert context.sslmode == Sourced("require", Origin.BUILT_IN)


def test_what_is_recorded() -> None:
    context = service(RECORDED).current()
    assert context.organization == Sourced("Acme", Origin.RECORDED, "memory")
    assert context.organization_id == "org_acme"
    assert context.project == Sourced("shop", Origin.RECORDED, "memory")
    assert context.project_id == "prj_shop"
    assert context.api_url == Sourced("https://api.acme.example", Origin.RECORDED, "memory")
    assert context.platform == Platform("https://api.acme.example", "issuer.acme.example", "client")
    assert context.proxy == Sourced(StateProxy("pg.acme.example", 6432), Origin.RECORDED, "memory")
    assert context.sslmode == Sourced("verify-full", Origin.RECORDED, "memory")


PROJECTS = [
    pytest.param(Settings(), None, None, None, id="none"),
    pytest.param(RECORDED, None, None, Sourced("shop", Origin.RECORDED, "memory"), id="recorded"),
    pytest.param(
        RECORDED,
        Sourced("web", Origin.PIN_FILE, PIN),
        None,
        Sourced("web", Origin.PIN_FILE, PIN),
        id="the pin above the recorded one",
    ),
    pytest.param(
        RECORDED,
        Sourced("web", Origin.VARIABLE, ENV),
        None,
        Sourced("web", Origin.VARIABLE, ENV),
        id="the variable above the recorded one",
    ),
    pytest.param(Settings(), None, "web", Sourced("web", Origin.CONFIG), id="the call alone"),
    pytest.param(RECORDED, None, "web", Sourced("web", Origin.CONFIG), id="the call above the recorded one"),
    pytest.param(
        RECORDED,
        Sourced("other", Origin.PIN_FILE, PIN),
        "web",
        Sourced("web", Origin.CONFIG),
        id="the call above the pin",
    ),
    pytest.param(
        RECORDED,
        Sourced("web", Origin.VARIABLE, ENV),
        "web",
        Sourced("web", Origin.CONFIG),
        id="the call and the variable agree",
    ),
    pytest.param(
        RECORDED,
        Sourced("prj_shop", Origin.VARIABLE, ENV),
        "shop",
        Sourced("shop", Origin.CONFIG),
        id="they agree by name and ID",
    ),
]


@pytest.mark.parametrize(("settings", "override", "pinned", "project"), PROJECTS)
def test_where_the_project_comes_from(
    settings: Settings, override: Sourced[str] | None, pinned: str | None, project: Sourced[str] | None
) -> None:
    assert service(settings, project=override).current(pinned).project == project


@pytest.mark.parametrize("settings", [Settings(), RECORDED])
@pytest.mark.parametrize("variable", ["shop", "prj_shop", "WEB"])
def test_a_variable_that_contradicts_the_call_is_refused(settings: Settings, variable: str) -> None:
    with pytest.raises(ProjectConflict, match=f"This SQLMesh project is 'web', but {ENV} is '{variable}'"):
        service(settings, project=Sourced(variable, Origin.VARIABLE, ENV)).current("web")


@pytest.mark.parametrize(
    ("pinned", "override", "known"),
    [
        (None, None, "prj_shop"),
        ("shop", None, "prj_shop"),
        ("prj_shop", None, "prj_shop"),
        ("web", None, None),
        (None, Sourced("web", Origin.PIN_FILE, PIN), None),
        (None, Sourced("prj_shop", Origin.PIN_FILE, PIN), "prj_shop"),
    ],
)
def test_a_recorded_id_belongs_to_the_recorded_project_only(
    pinned: str | None, override: Sourced[str] | None, known: str | None
) -> None:
    assert service(RECORDED, project=override).current(pinned).project_id == known


@pytest.mark.parametrize("called", ["Acme", "acme", "org_acme"])
def test_an_organization_that_is_the_recorded_one(called: str) -> None:
    context = service(RECORDED, organization=Sourced(called, Origin.VARIABLE, "DAGCTL_ORG")).current()
    assert context.organization == Sourced("Acme", Origin.VARIABLE, "DAGCTL_ORG")
    assert context.organization_id == "org_acme"


def test_an_organization_that_is_not_the_recorded_one_is_refused() -> None:
    with pytest.raises(DagctlError, match=r"DAGCTL_ORG names the organization 'Globex'.*'Acme'") as caught:
        service(RECORDED, organization=Sourced("Globex", Origin.VARIABLE, "DAGCTL_ORG")).current()
    found = caught.value
    assert isinstance(found, SettingUnusable)
    assert (found.source, found.organization) == ("DAGCTL_ORG", "Globex")
    assert found.api_url == "https://api.acme.example"


def test_a_caller_is_named_at_the_beginning_of_a_sentence() -> None:
    with pytest.raises(SettingUnusable, match=r"^The caller names the organization 'Globex'"):
        service(RECORDED, organization=Sourced("Globex", Origin.CALLER)).current()


def test_an_organization_when_none_is_recorded() -> None:
    context = service(organization=Sourced("Globex", Origin.VARIABLE, "DAGCTL_ORG")).current()
    assert context.organization == Sourced("Globex", Origin.VARIABLE, "DAGCTL_ORG")
    assert context.organization_id is None


def test_an_organization_without_a_name_goes_by_its_id() -> None:
    assert service(Settings(current_org="org_acme")).current().organization == Sourced(
        "org_acme", Origin.RECORDED, "memory"
    )


@pytest.mark.parametrize("url", ["https://api.acme.example", "https://API.acme.example/"])
def test_an_api_url_that_is_the_recorded_one(url: str) -> None:
    context = service(RECORDED, api_url=Sourced(url, Origin.VARIABLE, "DAGCTL_API_URL")).current()
    assert context.api_url == Sourced("https://api.acme.example", Origin.VARIABLE, "DAGCTL_API_URL")


@pytest.mark.parametrize("settings", [RECORDED, Settings(current_org="org_acme")])
def test_an_api_url_that_the_tokens_are_not_for_is_refused(settings: Settings) -> None:
    with pytest.raises(DagctlError, match=r"DAGCTL_API_URL names https://elsewhere\.example, but you are signed in at"):
        service(settings, api_url=Sourced("https://elsewhere.example", Origin.VARIABLE, "DAGCTL_API_URL")).current()


def test_an_api_url_when_nobody_is_signed_in() -> None:
    context = service(api_url=Sourced("https://api.elsewhere.example:444", Origin.VARIABLE, "DAGCTL_API_URL")).current()
    assert context.platform.api_url == "https://api.elsewhere.example:444"
    assert context.proxy == Sourced(StateProxy("pg-proxy.elsewhere.example", 5432), Origin.DERIVED)


@pytest.mark.parametrize("url", ["http://api.acme.example", "api.acme.example", "https://a:b@api.acme.example"])
def test_an_unusable_api_url_is_refused_wherever_it_comes_from(url: str) -> None:
    for context in (service(Settings(api_url=url)), service(api_url=Sourced(url, Origin.VARIABLE, "DAGCTL_API_URL"))):
        with pytest.raises(DagctlError, match="API URL"):
            context.current()


@pytest.mark.parametrize(
    ("override", "recorded", "found"),
    [
        (None, None, Sourced("require", Origin.BUILT_IN)),
        (None, "verify-ca", Sourced("verify-ca", Origin.RECORDED, "memory")),
        (
            Sourced("disable", Origin.VARIABLE, "DAGCTL_STATE_SSLMODE"),
            "verify-ca",
            Sourced("disable", Origin.VARIABLE, "DAGCTL_STATE_SSLMODE"),
        ),
    ],
)
def test_where_the_sslmode_comes_from(override: Sourced[str] | None, recorded: str | None, found: Sourced[str]) -> None:
    assert service(Settings(pg_proxy_sslmode=recorded), sslmode=override).current().sslmode == found


@pytest.mark.parametrize("mode", ["", "Require", "verify_full", "on", "require "])
def test_an_sslmode_that_libpq_does_not_know_is_refused(mode: str) -> None:
    with pytest.raises(DagctlError, match="DAGCTL_STATE_SSLMODE sets sslmode"):
        service(sslmode=Sourced(mode, Origin.VARIABLE, "DAGCTL_STATE_SSLMODE")).current()


def test_a_given_session_heeds_nothing_that_is_recorded() -> None:
    context = service(RECORDED, given_session=True, project=Sourced("web", Origin.VARIABLE, ENV)).current()
    assert (context.organization, context.organization_id, context.project_id) == (None, None, None)
    assert context.platform == Platform()
    assert context.project == Sourced("web", Origin.VARIABLE, ENV)
    assert context.proxy is None
    assert context.recorded == Settings()


def test_a_given_session_does_not_read_what_is_recorded() -> None:
    class Corrupt(MemorySettingsStore):
        def load(self) -> Settings:
            raise FileCorrupt("config.yaml cannot be used.")

    storage = Storage(Stores(Corrupt(), MemoryTokenStore(), MemoryCredentialStore()), MemoryAccountShelf())
    assert ContextService(storage, Overrides(given_session=True), FixedClock()).current().platform == Platform()
    with pytest.raises(FileCorrupt):
        ContextService(storage, Overrides(), FixedClock()).current()


@pytest.mark.parametrize(("port", "expected"), [(None, 5432), (6432, 6432)])
def test_a_proxy_without_a_port_has_postgresqls(port: int | None, expected: int) -> None:
    proxy = service(Settings(pg_proxy_host="pg.example", pg_proxy_port=port)).current().proxy
    assert proxy is not None
    assert proxy.value == StateProxy("pg.example", expected)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.dagctl.io", "pg-proxy.dagctl.io"),
        ("https://api.eu.acme.example:8443/x", "pg-proxy.eu.acme.example"),
        ("https://dagctl.acme.example", "localhost"),
        ("https://api-eu.acme.example", "localhost"),
        ("https://x.api.acme.example", "localhost"),
        ("http://localhost:8000", "localhost"),
    ],
)
def test_where_the_proxy_is_when_nobody_says(url: str, host: str) -> None:
    proxy = service(Settings(api_url=url)).current().proxy
    assert proxy is not None
    assert proxy.value == StateProxy(host, 5432)


@pytest.mark.parametrize("pinned", ["Acme/shop", "acme/shop", "org_acme/shop", "ACME/shop"])
def test_a_pin_with_its_organization(pinned: str) -> None:
    context = service(RECORDED).current(pinned)
    assert context.project == Sourced("shop", Origin.CONFIG)
    assert context.project_id == "prj_shop"


def test_a_pin_of_another_organization_is_refused() -> None:
    with pytest.raises(ProjectConflict, match="'shop' of 'Globex', but you are signed in to 'Acme'") as caught:
        service(RECORDED).current("Globex/shop")
    assert (caught.value.project, caught.value.organization) == ("shop", "Globex")


def test_a_pin_waits_for_an_organization_that_is_not_known_yet() -> None:
    context = service(given_session=True).current("Globex/shop")
    assert (context.pinned, context.project) == (Pin("shop", "Globex"), Sourced("shop", Origin.CONFIG))
    with pytest.raises(ProjectConflict, match="'Globex'"):
        evolve(context, organization=Sourced("Acme", Origin.PLATFORM), organization_id="org_acme").require_owner()
    evolve(context, organization=Sourced("Acme", Origin.PLATFORM), organization_id="Globex").require_owner()


def test_a_project_whose_own_name_has_a_slash() -> None:
    recorded = evolve(RECORDED, current_project="Globex/shop")
    assert service(recorded).current("Globex/shop").project == Sourced("Globex/shop", Origin.CONFIG)
    assert service(recorded).current("Acme/Globex/shop").project_id == "prj_shop"


@pytest.mark.parametrize(
    ("organization", "identity", "pin"),
    [("Acme", "org_acme", "Acme/shop"), ("Acme/EU", "org_acme", "org_acme/shop"), ("Acme/EU", "a/b", None)],
)
def test_what_a_generated_configuration_is_pinned_by(organization: str, identity: str, pin: str | None) -> None:
    recorded = evolve(RECORDED, current_org=identity, current_org_name=organization)
    context = service(recorded).current()
    assert (str(context.pin) if context.pin else None) == pin
    assert pin is None or service(recorded).current(pin).project_id == "prj_shop"


def test_a_variable_that_says_the_same_as_a_pin_with_its_organization() -> None:
    override = Sourced("prj_shop", Origin.VARIABLE, ENV)
    assert service(RECORDED, project=override).current("Acme/shop").project_id == "prj_shop"
    with pytest.raises(ProjectConflict, match="This SQLMesh project is 'web', but DAGCTL_PROJECT is 'prj_shop'"):
        service(RECORDED, project=override).current("Acme/web")
