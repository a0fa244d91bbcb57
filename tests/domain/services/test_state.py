"""The state database's credentials, as PROTOCOL.md's table has them."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.conftest import World

from dagctl.domain.errors import (
    DagctlError,
    FileUnusable,
    NoProject,
    NotSignedIn,
    ProjectConflict,
    ProjectNotFound,
    Unreachable,
)
from dagctl.domain.values.context import Origin, Overrides, Sourced
from dagctl.domain.values.platform import ApiAccess, Organization, Project, StateProxy
from dagctl.domain.values.state import SSL_MODES, checked_sslmode, database_name, database_user
from dagctl.testing import MemoryCredentialStore, MemoryPlatform, MemoryTokenStore, Person, Tenant, elsewhere

NAMES = [
    ("Acme", "shop", "org_acme_shop", "acme/shop"),
    ("Acme Inc", "Web-Analytics 2", "org_acme_inc_web_analytics_2", "acme inc/web-analytics 2"),
    ("A-B", "C_D", "org_a_b_c_d", "a-b/c_d"),
    ("acme.io", "a/b", "org_acme.io_a/b", "acme.io/a/b"),
    ("ÄÖ", "É", "org_äö_é", "äö/é"),
]


@pytest.mark.parametrize(("org", "project", "database", "user"), NAMES)
def test_names_in_the_database(org: str, project: str, database: str, user: str) -> None:
    assert (database_name(org, project), database_user(org, project)) == (database, user)


@given(org=st.text(min_size=1), project=st.text(min_size=1))
def test_any_names_in_the_database(org: str, project: str) -> None:
    database, user = database_name(org, project), database_user(org, project)
    assert database.startswith("org_")
    assert not {"-", " "} & set(database)
    assert user == f"{org.lower()}/{project.lower()}"


@pytest.mark.parametrize(("org", "project", "database", "user"), NAMES)
def test_credentials(make_world: type[World], org: str, project: str, database: str, user: str) -> None:
    tenant = Tenant(Organization("org_1", org), (Project("p_1", project),))
    world = make_world(MemoryPlatform(tenants=(tenant,), people=(Person("a@b", "s|1", "org_1"),)))
    world.login(org)
    world.projects.choose(project)
    credentials = world.state.credentials()
    assert (credentials.endpoint.host, credentials.endpoint.port) == ("pg-proxy.acme.example", 6432)
    assert (credentials.endpoint.database, credentials.endpoint.user) == (database, user)
    assert credentials.password == world.kept().access_token
    assert credentials.endpoint.sslmode == "require"
    assert credentials.expires_at == world.kept().expires_at
    assert world.kept_credentials == {(org, project): credentials}


def test_an_organization_of_unknown_name_goes_by_its_id(signed_in: World) -> None:
    signed_in.settings.save(evolve(signed_in.settings.load(), current_org_name=None))
    assert signed_in.state.credentials("shop").endpoint.user == "org_acme/shop"


@pytest.mark.parametrize("called", ["shop", "SHOP", "prj_shop"])
def test_the_database_goes_by_the_projects_name_whatever_it_was_called(signed_in: World, called: str) -> None:
    assert signed_in.state.credentials(called).endpoint.database == "org_acme_shop"


def test_the_password_is_fresh(signed_in: World) -> None:
    before = signed_in.state.credentials("shop").password
    signed_in.clock.advance(3500)
    after = signed_in.state.credentials("shop")
    assert after.password == signed_in.kept().access_token != before
    assert after.expires_at is not None
    assert after.expires_at > signed_in.clock.now()


def test_located_once_only_the_token_is_asked_for(signed_in: World) -> None:
    located = signed_in.located("shop").context
    signed_in.platform.api_trouble = Unreachable("nobody is to be asked")
    signed_in.clock.advance(3600)
    assert signed_in.at(located).password == signed_in.kept().access_token


@pytest.mark.parametrize("mode", SSL_MODES)
def test_every_sslmode_of_libpq_is_taken(signed_in: World, mode: str) -> None:
    assert checked_sslmode(mode, "a test") == mode
    signed_in.overrides = Overrides(sslmode=Sourced(mode, Origin.VARIABLE, "DAGCTL_STATE_SSLMODE"))
    assert signed_in.state.credentials("shop").endpoint.sslmode == mode


@given(mode=st.text().filter(lambda text: text not in SSL_MODES))
def test_any_other_sslmode_is_refused(mode: str) -> None:
    with pytest.raises(DagctlError, match="a test sets sslmode"):
        checked_sslmode(mode, "a test")


def test_the_proxy_is_derived_where_the_platform_does_not_say(make_world: type[World]) -> None:
    world = make_world(MemoryPlatform(proxy=None))
    world.login()
    credentials = world.state.credentials("shop")
    assert (credentials.endpoint.host, credentials.endpoint.port) == ("pg-proxy.dagctl.io", 5432)


class TestGivenSession:
    """Tokens from the environment: nothing recorded applies, so the platform is asked for the proxy."""

    @pytest.fixture
    def given(self, signed_in: World) -> World:
        signed_in.tokens = MemoryTokenStore(signed_in.kept(), writable=False)
        signed_in.overrides = Overrides(given_session=True, project=Sourced("shop", Origin.VARIABLE, "DAGCTL_PROJECT"))
        return signed_in

    def test_the_platform_is_asked_for_the_proxy(self, given: World) -> None:
        given.platform.proxy = StateProxy("pg.elsewhere.example", 7000)
        credentials = given.state.credentials()
        assert (credentials.endpoint.host, credentials.endpoint.port) == ("pg.elsewhere.example", 7000)
        assert credentials.endpoint.user == "acme/shop"

    def test_a_platform_that_does_not_say(self, given: World) -> None:
        given.platform.proxy = None
        assert given.state.credentials().endpoint.host == "pg-proxy.dagctl.io"

    def test_a_platform_that_says_no(self, given: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise Unreachable("The API cannot be reached.")

        monkeypatch.setattr(given.platform, "state_proxy", fail)
        assert given.state.credentials().endpoint.host == "pg-proxy.dagctl.io"

    def test_there_is_no_endpoint_until_it_has_been_located(self, given: World) -> None:
        assert given.state.endpoint(given.context.current()) is None
        whole = given.state.credentials()
        assert given.state.endpoint(given.located().context) == whole.endpoint

    def test_the_platform_is_asked_once(self, given: World, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[ApiAccess] = []
        ask = given.platform.state_proxy

        def noted(access: ApiAccess) -> StateProxy | None:
            asked.append(access)
            return ask(access)

        monkeypatch.setattr(given.platform, "state_proxy", noted)
        client = given.client
        first, again = (client.state.located(client.session.open()) for _ in range(2))
        assert first.context == again.context
        assert len(asked) == 1

    def test_where_it_could_not_be_asked_it_is_asked_again(self, given: World) -> None:
        given.platform.api_trouble = Unreachable("The API cannot be reached.")
        with pytest.raises(Unreachable):
            given.located()
        given.platform.api_trouble = None
        assert given.state.credentials().endpoint.host == "pg-proxy.acme.example"


REFUSALS = [(None, NoProject), ("nowhere", ProjectNotFound)]


@pytest.mark.parametrize(("project", "error"), REFUSALS)
def test_no_database_without_a_project(signed_in: World, project: str | None, error: type[DagctlError]) -> None:
    with pytest.raises(error):
        signed_in.state.credentials(project)
    assert signed_in.kept_credentials == {}


def test_no_database_for_nobody(world: World) -> None:
    with pytest.raises(NotSignedIn):
        world.state.credentials("shop")


def test_another_organization_since_it_was_located_changes_nothing(signed_in: World) -> None:
    located, before = signed_in.located("shop").context, signed_in.kept()
    signed_in.login("Globex", email="bob@globex.example")
    credentials = signed_in.at(located)
    assert (credentials.endpoint.user, credentials.password) == ("acme/shop", before.access_token)


def test_another_organization_in_the_place_of_the_located_one_is_a_conflict(signed_in: World) -> None:
    located = signed_in.located("shop").context
    signed_in.login("Globex", email="bob@globex.example")
    signed_in.accounts.sign_out("Acme")
    with pytest.raises(ProjectConflict, match=r"Acme on https://api\.dagctl\.io, .* Globex") as caught:
        signed_in.at(located)
    assert (caught.value.organization, caught.value.project, caught.value.meanwhile) == ("Acme", "shop", True)
    assert signed_in.kept_credentials == {}


def test_another_platform_in_the_place_of_the_located_one_is_a_conflict(signed_in: World) -> None:
    located = signed_in.located("shop").context
    signed_in.platform = MemoryPlatform(elsewhere())
    signed_in.login()
    signed_in.accounts.sign_out("acme")
    with pytest.raises(ProjectConflict, match=r"https://api\.dagctl\.io, .* https://api\.dagctl\.test"):
        signed_in.at(located)


def test_the_same_organization_again_is_none(signed_in: World) -> None:
    located = signed_in.located("shop").context
    signed_in.login()
    assert signed_in.at(located).password == signed_in.kept().access_token


def test_another_current_project_is_none(signed_in: World) -> None:
    signed_in.projects.choose("shop")
    located = signed_in.located().context
    signed_in.projects.choose("web-analytics")
    assert signed_in.at(located).endpoint.database == "org_acme_shop"


def test_credentials_that_cannot_be_kept_are_used_all_the_same(signed_in: World) -> None:
    class Full(MemoryCredentialStore):
        def save(self, *_: object) -> None:
            raise FileUnusable("credentials cannot be written.")

    signed_in.credentials = Full()
    assert signed_in.state.credentials("shop").password


class TestEndpoint:
    """The database without asking anybody."""

    def test_of_the_current_project(self, signed_in: World) -> None:
        signed_in.projects.choose("shop")
        whole = signed_in.state.credentials()
        signed_in.platform.api_trouble = signed_in.platform.issuer_trouble = Unreachable("nobody is to be asked")
        assert signed_in.endpoint() == whole.endpoint
        assert signed_in.endpoint("prj_shop") == signed_in.endpoint("shop") == whole.endpoint

    def test_of_a_project_by_its_id_it_takes_the_name_once_that_is_known(self, signed_in: World) -> None:
        signed_in.projects.choose("shop")
        located = signed_in.located("prj_web").context
        endpoint = signed_in.state.endpoint(located)
        assert endpoint is not None
        assert endpoint.database == "org_acme_web_analytics"

    def test_where_no_project_is_chosen(self, signed_in: World) -> None:
        endpoint = signed_in.endpoint()
        assert endpoint is not None
        assert (endpoint.database, endpoint.user) == ("", "")

    def test_where_nobody_is_signed_in(self, world: World) -> None:
        endpoint = world.endpoint("shop")
        assert endpoint is not None
        assert (endpoint.database, endpoint.user) == ("", "")
