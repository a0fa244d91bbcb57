"""Listing, choosing and finding projects."""

from __future__ import annotations

import pytest
from attrs import evolve
from tests.domain.conftest import World

from dagctl.domain.errors import NoProject, NotSignedIn, OrganizationRefused, ProjectNotFound, Unreachable
from dagctl.domain.services.projects import find
from dagctl.domain.values.context import Origin, Overrides, Sourced
from dagctl.domain.values.platform import Project
from dagctl.domain.values.settings import Settings
from dagctl.testing import MemoryPlatform, MemoryTokenStore

SHOP, WEB = Project("prj_shop", "shop"), Project("prj_web", "web-analytics")
TWINS = (Project("p1", "Twin"), Project("p2", "Twin"), Project("p3", "twin"), Project("Twin3", "x"))


@pytest.mark.parametrize(
    ("projects", "wanted", "found"),
    [
        ((SHOP, WEB), "shop", SHOP),
        ((SHOP, WEB), "prj_shop", SHOP),
        ((SHOP, WEB), "SHOP", SHOP),
        ((SHOP, WEB), "Web-Analytics", WEB),
        (TWINS, "p2", TWINS[1]),
        (TWINS, "twin", TWINS[2]),
        (TWINS, "Twin3", TWINS[3]),
        ((Project("shop", "x"), Project("y", "shop")), "shop", Project("shop", "x")),
    ],
)
def test_a_project_is_found_by_id_then_name_then_any_case(
    projects: tuple[Project, ...], wanted: str, found: Project
) -> None:
    assert find(projects, wanted, "Acme") == found


@pytest.mark.parametrize(("wanted", "ids"), [("Twin", ["p1", "p2"]), ("TWIN", ["p1", "p2", "p3"])])
def test_an_ambiguous_name_asks_for_an_id(wanted: str, ids: list[str]) -> None:
    with pytest.raises(ProjectNotFound, match="several projects") as caught:
        find(TWINS, wanted, "Acme")
    assert caught.value.ids == tuple(ids)


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("shopp", ("shop",)),
        ("web-analitics", ("web-analytics",)),
        ("zzzz", ()),
        ("", ()),
    ],
)
def test_near_misses_are_named(wanted: str, near: tuple[str, ...]) -> None:
    with pytest.raises(ProjectNotFound, match=r"There is no project .* in 'Acme'") as caught:
        find((SHOP, WEB), wanted, "Acme")
    assert (caught.value.project, caught.value.organization, caught.value.near) == (wanted, "Acme", near)


def test_the_organizations_projects(signed_in: World) -> None:
    assert signed_in.projects.list() == (SHOP, WEB)


def test_a_list_shows_what_is_there_now(signed_in: World) -> None:
    projects = signed_in.projects
    assert projects.list() == (SHOP, WEB)
    add_project(signed_in.platform, Project("prj_new", "new"))
    assert projects.list() == (SHOP, WEB, Project("prj_new", "new"))
    signed_in.platform.api_trouble = Unreachable("The API cannot be reached.")
    with pytest.raises(Unreachable):
        projects.list()


def test_a_project_is_looked_up_once_and_again_if_it_is_new(signed_in: World) -> None:
    projects, platform = signed_in.projects, signed_in.platform
    projects.list()
    platform.api_trouble = Unreachable("The API cannot be reached.")
    assert projects.choose("shop") == SHOP
    platform.api_trouble = None
    add_project(platform, Project("prj_new", "new"))
    assert projects.choose("new") == Project("prj_new", "new")


def add_project(platform: MemoryPlatform, project: Project) -> None:
    acme, *others = platform.tenants
    platform.tenants = (evolve(acme, projects=(*acme.projects, project)), *others)


def test_nobody_is_signed_in(world: World) -> None:
    with pytest.raises(NotSignedIn):
        world.projects.list()


def test_choosing_records_name_and_id(signed_in: World) -> None:
    before = signed_in.settings.load()
    assert signed_in.projects.choose("SHOP") == SHOP
    assert signed_in.settings.load() == evolve(before, current_project="shop", current_project_id="prj_shop")


def test_a_project_that_is_not_there_is_not_recorded(signed_in: World) -> None:
    before = signed_in.settings.load()
    with pytest.raises(ProjectNotFound, match="'shopp' in 'Acme'"):
        signed_in.projects.choose("shopp")
    assert signed_in.settings.load() == before


def test_another_organizations_project_is_not_there(signed_in: World) -> None:
    with pytest.raises(ProjectNotFound):
        signed_in.projects.choose("ledger")


def test_without_a_project_nothing_is_identified(signed_in: World) -> None:
    with pytest.raises(NoProject, match="No project is chosen") as caught:
        signed_in.identified()
    assert caught.value.organization == "Acme"


def test_a_recorded_project_is_identified_without_asking(signed_in: World) -> None:
    signed_in.projects.choose("shop")
    signed_in.platform.api_trouble = Unreachable("nobody is to be asked")
    identified = signed_in.identified()
    assert identified.project is not None
    assert (identified.project.value, identified.project_id) == ("shop", "prj_shop")


@pytest.mark.parametrize("called", ["web-analytics", "WEB-analytics", "prj_web"])
def test_another_project_is_looked_up(signed_in: World, called: str) -> None:
    signed_in.projects.choose("shop")
    identified = signed_in.identified(called)
    assert identified.project == Sourced("web-analytics", Origin.CONFIG)
    assert identified.project_id == "prj_web"


@pytest.mark.parametrize("called", ["web-analytics", "prj_web", "shop", "prj_shop"])
def test_an_identified_session_stays_what_it_is(signed_in: World, called: str) -> None:
    signed_in.projects.choose("shop")
    once = signed_in.client.projects.identified(signed_in.client.session.open(called))
    assert signed_in.client.projects.identified(once) == once


def test_a_project_recorded_by_id_shows_its_name(signed_in: World) -> None:
    signed_in.projects.choose("shop")
    identified = signed_in.identified("prj_shop")
    assert identified.project is not None
    assert identified.project.value == "shop"


class TestGivenSession:
    """Tokens from the environment: the organization has to be looked up."""

    @pytest.fixture
    def given(self, signed_in: World) -> World:
        signed_in.tokens = MemoryTokenStore(signed_in.kept(), writable=False)
        signed_in.settings.save(Settings(current_org="org_globex", current_org_name="Globex"))
        return signed_in

    def test_the_organization_is_the_tokens_own(self, given: World) -> None:
        given.overrides = Overrides(given_session=True, project=Sourced("shop", Origin.VARIABLE, "DAGCTL_PROJECT"))
        client = given.client
        identified, again = (client.projects.identified(client.session.open()).context for _ in range(2))
        assert again == identified
        assert identified.organization == Sourced("Acme", Origin.PLATFORM, "the API")
        assert (identified.organization_id, identified.project_id) == ("org_acme", "prj_shop")

    @pytest.mark.parametrize("called", ["acme", "org_acme"])
    def test_an_organization_that_is_named_has_to_be_that(self, given: World, called: str) -> None:
        given.overrides = Overrides(given_session=True, organization=Sourced(called, Origin.VARIABLE, "DAGCTL_ORG"))
        assert given.projects.list() == (SHOP, WEB)

    def test_another_organization_is_refused(self, given: World) -> None:
        given.overrides = Overrides(given_session=True, organization=Sourced("Globex", Origin.VARIABLE, "DAGCTL_ORG"))
        with pytest.raises(OrganizationRefused, match="'Globex', but the token is for 'Acme'"):
            given.projects.list()

    def test_a_person_without_an_organization(self, given: World) -> None:
        given.platform.people = (evolve(given.platform.people[0], organization_id=None),)
        given.overrides = Overrides(given_session=True)
        with pytest.raises(NotSignedIn, match="has no organization"):
            given.projects.list()
