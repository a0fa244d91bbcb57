"""The management API's calls: what is sent, and what each answer means."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.adapters.http.conftest import SECRETS, FarSide, World, reply

from dagctl._cures import cure
from dagctl.domain.errors import Malformed, NotFound, PlatformError, Refused, TokenNotAccepted, TryLater
from dagctl.domain.values.platform import Advertisement, ApiAccess, Organization, Project, StateProxy
from dagctl.domain.values.targets import Verdict


def test_a_call_carries_the_id_token_and_the_organization(world: World, far: FarSide, access: ApiAccess) -> None:
    far.script = reply(200, [])

    world.api().projects(access)

    seen = far.seen[0]
    assert (seen.method, seen.target) == ("GET", "/api/v1/projects")
    assert seen.headers["authorization"] == f"Bearer {SECRETS['id token']}"
    assert seen.headers["x-organization-id"] == "org_1"


def test_a_call_without_an_organization_names_none(world: World, far: FarSide) -> None:
    far.script = reply(200, {})

    world.api().organization(ApiAccess(far.url, SECRETS["id token"]), "auth0|ada & bob")

    assert "x-organization-id" not in far.seen[0].headers
    assert far.seen[0].target == "/api/v1/onboarding/status?auth0_id=auth0%7Cada+%26+bob"


def test_an_api_below_a_path(world: World, far: FarSide) -> None:
    far.script = reply(200, [])

    world.api().projects(ApiAccess(f"{far.url}/dagctl", SECRETS["id token"]))

    assert far.seen[0].target == "/dagctl/api/v1/projects"


@pytest.mark.parametrize("organization", ["Ünï", "a\r\nX-Evil: 1", "\udc00"])
def test_an_organization_cannot_break_out_of_its_header(world: World, far: FarSide, organization: str) -> None:
    far.script = reply(200, [])

    world.api().projects(ApiAccess(far.url, SECRETS["id token"], organization))

    assert "x-evil" not in far.seen[0].headers
    assert far.seen[0].headers["x-organization-id"].isascii()


# organization


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"onboarded": True, "organization": {"id": "org_1", "name": "Acme"}}, Organization("org_1", "Acme")),
        (
            {"onboarded": True, "organization": {"id": "org_1", "name": "Acme", "plan": {}}, "more": 1},
            Organization("org_1", "Acme"),
        ),
        ({"onboarded": True, "organization": {"id": "org_1"}}, Organization("org_1", "org_1")),
        ({"onboarded": True, "organization": {"id": "org_1", "name": None}}, Organization("org_1", "org_1")),
        ({"onboarded": True, "organization": {"id": "org_1", "name": ""}}, Organization("org_1", "org_1")),
        ({"onboarded": True, "organization": {"id": 7, "name": "Acme"}}, Organization("7", "Acme")),
        ({"onboarded": False, "organization": {"id": "org_1", "name": "Acme"}}, None),
        ({"onboarded": False}, None),
        ({"onboarded": True, "organization": None}, None),
        ({}, None),
    ],
)
def test_organization(
    world: World, far: FarSide, access: ApiAccess, body: object, expected: Organization | None
) -> None:
    far.script = reply(200, body)

    assert world.api().organization(access, "ada") == expected


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        ({"onboarded": "true"}, "expected true or false at $.onboarded"),
        ({"onboarded": 1}, "expected true or false at $.onboarded"),
        ({"onboarded": True, "organization": {"name": "Acme"}}, "a member is missing at $.organization.id"),
        ({"organization": {"id": ""}}, "expected a string that is not empty at $.organization.id"),
        ({"organization": {"id": True}}, "expected a string that is not empty at $.organization.id"),
        ({"organization": {"id": None}}, "expected a string that is not empty at $.organization.id"),
        ({"organization": {"id": "\ud800"}}, "expected a string at $.organization.id"),
        ({"organization": {"id": "org_1", "name": ["Acme"]}}, "expected a string at $.organization.name"),
        ({"organization": "Acme"}, "another shape than expected at $.organization.id"),
    ],
)
def test_trouble_is_named_by_its_path(
    world: World, far: FarSide, access: ApiAccess, body: object, trouble: str
) -> None:
    far.script = reply(200, body)

    with pytest.raises(Malformed) as caught:
        world.api().organization(access, "ada")

    assert caught.value.message == f"{far.host}/api/v1/onboarding/status answers with unexpected JSON: {trouble}."


# state proxy


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"state_proxy": {"host": "pg.example.com", "port": 6432}}, StateProxy("pg.example.com", 6432)),
        ({"state_proxy": {"host": "pg.example.com"}, "region": "eu"}, StateProxy("pg.example.com", 5432)),
        ({"state_proxy": {"host": "::1", "port": 1}}, StateProxy("::1", 1)),
        ({"state_proxy": None}, None),
        ({}, None),
    ],
)
def test_state_proxy(world: World, far: FarSide, access: ApiAccess, body: object, expected: StateProxy | None) -> None:
    far.script = reply(200, body)

    assert world.api().state_proxy(access) == expected
    assert far.seen[0].target == "/api/v1/env/info"


def test_a_platform_without_environment_information(world: World, far: FarSide, access: ApiAccess) -> None:
    far.script = reply(404)

    assert world.api().state_proxy(access) is None


@pytest.mark.parametrize("host", ["", "pg.example.com sslmode=disable", "/tmp", "a,b", "@x", "pg\n", "ü.example", 5])
def test_a_host_that_libpq_would_take_for_something_else(
    world: World, far: FarSide, access: ApiAccess, host: object
) -> None:
    far.script = reply(200, {"state_proxy": {"host": host, "port": 5432}})

    with pytest.raises(Malformed):
        world.api().state_proxy(access)


@pytest.mark.parametrize("port", [0, -1, 65536, "5432", 5432.5, True, None, 10**400])
def test_a_port_that_cannot_be(world: World, far: FarSide, access: ApiAccess, port: object) -> None:
    far.script = reply(200, {"state_proxy": {"host": "pg.example.com", "port": port}})

    with pytest.raises(Malformed):
        world.api().state_proxy(access)


# projects


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([], ()),
        (
            [{"id": "p1", "name": "shop"}, {"id": "p2", "name": "web", "x": 1}],
            (Project("p1", "shop"), Project("p2", "web")),
        ),
        (["shop", "web"], (Project("shop", "shop"), Project("web", "web"))),
        ([{"id": 7, "name": "shop"}], (Project("7", "shop"),)),
        ([{"id": "p1"}, "web"], (Project("p1", "p1"), Project("web", "web"))),
    ],
)
def test_projects(
    world: World, far: FarSide, access: ApiAccess, listed: list[Any], expected: tuple[Project, ...], wrapped: bool
) -> None:
    far.script = reply(200, {"projects": listed, "total": 1} if wrapped else listed)

    assert world.api().projects(access) == expected


@pytest.mark.parametrize(
    "body",
    [
        {"projects": {"p1": "shop"}},
        {"items": []},
        {},
        [None],
        [""],
        [7],
        [["shop"]],
        [{}],
        [{"name": "shop"}],
        [{"id": True}],
        [{"id": "p1", "name": 5}],
        "shop",
    ],
)
def test_what_is_no_list_of_projects(world: World, far: FarSide, access: ApiAccess, body: object) -> None:
    far.script = reply(200, body)

    with pytest.raises(Malformed):
        world.api().projects(access)


# protection


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"allowed": True, "environment": "prod"}, Verdict(True)),
        (200, {"allowed": True}, Verdict(True)),
        (200, {"allowed": True, "environment": None}, Verdict(True)),
        (200, {"allowed": True, "environment": "PROD"}, Verdict(True)),
        (200, {"allowed": True, "environment": "prod", "project_id": "prj_1"}, Verdict(True)),
        (200, {"allowed": False, "environment": "prod"}, Verdict(False)),
        (403, {"message": "Ask Ada."}, Verdict(False, "Ask Ada.")),
        (403, {"message": "Ask\n\x1b[1mAda.\0"}, Verdict(False, "Ask [1mAda.")),
        (403, {"message": "y" * 999}, Verdict(False, "y" * 199 + "…")),
        (403, {"message": 5}, Verdict(False)),
        (403, {"message": ""}, Verdict(False)),
        (403, {"allowed": True}, Verdict(False)),
        (403, ["message"], Verdict(False)),
        (403, b"<h1>Forbidden</h1>", Verdict(False)),
        (403, b"", Verdict(False)),
        (404, {"message": "No protection is configured."}, Verdict(True)),
        (404, {}, Verdict(True)),
    ],
)
def test_protection(
    world: World, far: FarSide, access: ApiAccess, status: int, body: object, expected: Verdict
) -> None:
    far.script = reply(status, body)

    assert world.api().protection(access, "prj_1", "prod") == expected


def test_a_question_about_protection_names_project_and_environment(
    world: World, far: FarSide, access: ApiAccess
) -> None:
    far.script = reply(200, {"allowed": True})

    world.api().protection(access, "prj&1", "dev/x")
    world.api().protection(access, "prj&1", None)

    questions = [parse_qs(urlsplit(seen.target).query) for seen in far.seen]
    assert questions == [{"project_id": ["prj&1"], "environment": ["dev/x"]}, {"project_id": ["prj&1"]}]
    assert urlsplit(far.seen[0].target).path == "/api/v1/environment-protections/check"


def test_without_an_environment_the_platform_says_which_it_took(world: World, far: FarSide, access: ApiAccess) -> None:
    far.script = reply(200, {"allowed": True, "environment": "staging"})

    assert world.api().protection(access, "prj_1", None).allowed


@pytest.mark.parametrize(
    "body",
    [
        *({"allowed": value} for value in ("true", "True", 1, 1.0, [True], {"allowed": True}, None, "false", 0, "")),
        {},
        {"Allowed": True},
        {"data": {"allowed": True}},
        {"allowed": True, "environment": "dev"},
        {"allowed": True, "environment": ""},
        {"allowed": True, "environment": ["prod"]},
        {"allowed": True, "project_id": "prj_2"},
        {"allowed": True, "project_id": ["prj_1"]},
        [{"allowed": True}],
        [True],
    ],
)
def test_nothing_else_is_a_yes_or_a_no(world: World, far: FarSide, access: ApiAccess, body: object) -> None:
    far.script = reply(200, body)

    with pytest.raises(Malformed):
        world.api().protection(access, "prj_1", "prod")


@pytest.mark.parametrize("body", [b"", b"<h1>Not found</h1>", [], ["allowed"], None, "not found", 404])
def test_a_404_without_an_object_is_somebody_elses(world: World, far: FarSide, access: ApiAccess, body: object) -> None:
    far.script = reply(404, body)

    with pytest.raises(Malformed):
        world.api().protection(access, "prj_1", "prod")


@pytest.mark.parametrize("status", [201, 202, 206, 401, 402, 405, 429, 500, 502, 503])
def test_a_yes_under_another_status_is_none(world: World, far: FarSide, access: ApiAccess, status: int) -> None:
    far.script = reply(status, {"allowed": True})

    with pytest.raises(Refused) as caught:
        world.api().protection(access, "prj_1", "prod")

    kinds = {401: TokenNotAccepted, 405: NotFound}
    assert type(caught.value) is kinds.get(status, TryLater if status == 429 or status >= 500 else Refused)


def test_a_token_that_is_not_taken_leads_to_a_new_sign_in(world: World, far: FarSide, access: ApiAccess) -> None:
    far.script = reply(401, {"message": "jwt expired"})

    with pytest.raises(TokenNotAccepted, match="does not accept your token") as caught:
        world.api().projects(access)

    assert caught.value.api_url == access.api_url
    assert cure(caught.value) == f"Run: dagctl auth login --org {access.organization_id} --api-url {access.api_url}"


# advertisement


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"authorization_servers": ["https://id.example.com"]}, Advertisement("id.example.com")),
        ({"authorization_servers": ["https://ID.example.com:8443/"]}, Advertisement("id.example.com:8443")),
        (
            {"authorization_servers": ["https://a.example", "http://b"], "dagctl_client_id": "the-client", "x": 1},
            Advertisement("a.example", "the-client"),
        ),
        ({"authorization_servers": []}, None),
        ({}, None),
    ],
)
def test_advertisement(world: World, far: FarSide, more: dict[str, Any], expected: Advertisement | None) -> None:
    far.script = reply(200, {"resource": far.url, **more})

    assert world.api().advertisement(far.url) == expected
    assert far.seen[0].target == "/.well-known/oauth-protected-resource"
    assert "authorization" not in far.seen[0].headers


def test_metadata_of_an_api_below_a_path(world: World, far: FarSide) -> None:
    url = f"{far.url}/dagctl"
    far.script = reply(200, {"resource": url, "authorization_servers": ["https://id.example.com"]})

    assert world.api().advertisement(url) == Advertisement("id.example.com")
    assert far.seen[0].target == "/.well-known/oauth-protected-resource/dagctl"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 429, 451])
def test_an_api_that_publishes_no_metadata(world: World, far: FarSide, status: int) -> None:
    far.script = reply(status, b"<h1>No</h1>")

    assert world.api().advertisement(far.url) is None


@pytest.mark.parametrize("resource", ["https://elsewhere.example", "", None, 5, "{url}.evil.example", "{url}/v1"])
def test_metadata_of_another_api(world: World, far: FarSide, resource: object) -> None:
    named = resource.format(url=far.url) if isinstance(resource, str) else resource
    far.script = reply(200, {"resource": named, "authorization_servers": ["https://id.example.com"]})

    with pytest.raises(Malformed):
        world.api().advertisement(far.url)


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.com",
        "https://id.example.com/tenant",
        "https://id.example.com?x",
        "https://id.example.com#x",
        "https://ada@id.example.com",
        "https://ada:secret@id.example.com",
        "https://",
        "https:///path",
        "id.example.com",
        "https://id.example.com:port",
        "https://id.example.com:99999",
        "https://[::1",
        "https://id.example.com\\@evil.example",
        "https://id example.com",
        "https://id.example.com\n",
        "https://\x1b[2J",
        "https://ünï.example",
        "",
    ],
)
def test_an_issuer_that_cannot_be(world: World, far: FarSide, issuer: str) -> None:
    far.script = reply(200, {"resource": far.url, "authorization_servers": [issuer]})

    with pytest.raises(PlatformError) as caught:
        world.api().advertisement(far.url)

    assert caught.value.message == (
        f"{far.host}/.well-known/oauth-protected-resource names an issuer that is not an https host."
    )


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:58:29 GMT"}, 90.0),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Sat, 01 Jan 2000 00:00:00 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_when_to_try_again(
    world: World, far: FarSide, access: ApiAccess, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    far.script = reply(status, {}, **headers)

    with pytest.raises(TryLater) as caught:
        world.api().projects(access)

    assert caught.value.retry_after == seconds
    assert caught.value.host == far.host
