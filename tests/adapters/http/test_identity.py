"""The issuer's endpoints: what is sent, and what each answer means."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.adapters.http.conftest import HIDDEN, SECRETS, FarSide, World, reply

from dagctl.domain.errors import Malformed, Refused, TryLater
from dagctl.domain.values.platform import SCOPE, Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.identity_provider import DeviceCode, Endpoints

REDIRECT = "http://localhost:8080/callback"


def jwt(**claims: object) -> str:
    """A JWT that is signed by nobody we know."""

    def segment(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{segment({'alg': 'RS256'})}.{segment(claims)}.c2lnbmF0dXJl"


def answer(**members: object) -> dict[str, object]:
    """A token answer; a member that is None is left out."""
    whole = {"access_token": "an-access-token", "id_token": jwt(sub="ada"), "token_type": "Bearer", **members}
    return {name: value for name, value in whole.items() if value is not None}


def exchanged(world: World, far: FarSide, place: Platform, body: object) -> TokenSet:
    far.script = reply(200, body)
    return world.identity().exchange(place, HIDDEN["code"], HIDDEN["verifier"], REDIRECT)


def form(far: FarSide) -> dict[str, str]:
    """The form that the far side has seen last."""
    pairs = parse_qsl(far.seen[-1].body, strict_parsing=True)
    assert far.seen[-1].method == "POST"
    assert far.seen[-1].headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in far.seen[-1].headers
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# what is sent


def test_exchange_sends(world: World, far: FarSide, place: Platform) -> None:
    exchanged(world, far, place, answer())

    assert far.seen[0].target == "/oauth/token"
    assert form(far) == {
        "grant_type": "authorization_code",
        "client_id": "the-client",
        "code": SECRETS["code"],
        "code_verifier": SECRETS["verifier"],
        "redirect_uri": REDIRECT,
    }


def test_refresh_sends(world: World, far: FarSide, place: Platform) -> None:
    far.script = reply(200, answer())

    world.identity().refresh(place, HIDDEN["refresh token"])

    assert far.seen[0].target == "/oauth/token"
    assert form(far) == {
        "grant_type": "refresh_token",
        "client_id": "the-client",
        "refresh_token": SECRETS["refresh token"],
    }


def test_revoke_sends(world: World, far: FarSide, place: Platform) -> None:
    world.identity().revoke(place, HIDDEN["refresh token"])

    assert far.seen[0].target == "/oauth/revoke"
    assert form(far) == {
        "client_id": "the-client",
        "token": SECRETS["refresh token"],
        "token_type_hint": "refresh_token",
    }


def test_poll_device_sends(world: World, far: FarSide, place: Platform) -> None:
    far.script = reply(200, answer())

    world.identity().poll_device(place, HIDDEN["device code"])

    assert far.seen[0].target == "/oauth/token"
    assert form(far) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "client_id": "the-client",
        "device_code": SECRETS["device code"],
    }


# token answers


def test_a_token_answer(world: World, far: FarSide, place: Platform) -> None:
    id_token = jwt(sub="ada", exp=(world.clock.now() + timedelta(hours=2)).timestamp())

    tokens = exchanged(
        world,
        far,
        place,
        answer(id_token=id_token, refresh_token="a-refresh-token", expires_in=3600, scope=SCOPE, tenant={"a": None}),
    )

    assert (tokens.access_token, tokens.id_token, tokens.refresh_token) == (
        Secret("an-access-token"),
        Secret(id_token),
        Secret("a-refresh-token"),
    )
    assert tokens.expires_at == world.clock.now() + timedelta(hours=1)
    assert tokens.lifetime == timedelta(hours=1)
    assert tokens.extra == {"token_type": "Bearer", "expires_in": 3600, "scope": SCOPE, "tenant": {"a": None}}


@pytest.mark.parametrize(
    "empty", [{}, {"id_token": None, "refresh_token": None}, {"id_token": "", "refresh_token": ""}]
)
def test_a_refresh_may_leave_out_what_stays(
    world: World, far: FarSide, place: Platform, empty: dict[str, object]
) -> None:
    far.script = reply(200, {"access_token": "an-access-token", "expires_in": 60, **empty})

    tokens = world.identity().refresh(place, HIDDEN["refresh token"])

    assert (tokens.id_token, tokens.refresh_token) == (Secret(""), None)
    assert tokens.expires_at == world.clock.now() + timedelta(minutes=1)


@pytest.mark.parametrize("missing", ["access_token", "id_token"])
@pytest.mark.parametrize("value", [None, "", 5, ["x"], {}, True, "two\nlines", "ünï", "a space", "\ud800", "\x1b[31m"])
def test_a_sign_in_needs_both_tokens(world: World, far: FarSide, place: Platform, missing: str, value: object) -> None:
    with pytest.raises(Malformed) as caught:
        exchanged(world, far, place, {**answer(), missing: value})

    assert f"{far.host}/oauth/token" in caught.value.message
    assert f"$.{missing}" in caught.value.message or not value


@pytest.mark.parametrize(("missing", "words"), [("access_token", r"\$\.access_token"), ("id_token", "without an ID")])
def test_a_token_that_is_absent(world: World, far: FarSide, place: Platform, missing: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        exchanged(world, far, place, answer(**{missing: None}))


@pytest.mark.parametrize("value", [5, True, ["x"], {"x": 1}, "two words", "\x1b[31m"])
def test_a_refresh_token_that_cannot_be(world: World, far: FarSide, place: Platform, value: object) -> None:
    with pytest.raises(Malformed, match=r"\$\.refresh_token"):
        exchanged(world, far, place, answer(refresh_token=value))


@pytest.mark.parametrize(
    ("kind", "fine"),
    [
        *((kind, True) for kind in ("bearer", "BEARER", None)),
        *(
            (kind, False)
            for kind in ("mac", "DPoP", "N_A", "Bearer ", "two words", "\x1b[31m", 5, True, ["x"], {"x": 1})
        ),
    ],
)
def test_the_kind_of_token(world: World, far: FarSide, place: Platform, kind: object, fine: bool) -> None:
    if fine:
        assert exchanged(world, far, place, answer(token_type=kind)).access_token == Secret("an-access-token")
    else:
        with pytest.raises(Malformed):
            exchanged(world, far, place, answer(token_type=kind))


HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("expires_in", "access", "identity", "expected"),
    [
        (HOUR, None, None, HOUR),
        (HOUR, None, DAY, HOUR),
        (DAY, None, HOUR, HOUR),
        (DAY, HOUR, None, DAY),
        (None, HOUR, DAY, HOUR),
        (None, DAY, HOUR, HOUR),
        (None, None, HOUR, HOUR),
        (None, HOUR, None, HOUR),
        (None, None, None, None),
        ("3600", None, HOUR, HOUR),
        ("3600", None, None, None),
        ("", None, HOUR, HOUR),
        ({}, None, HOUR, HOUR),
        (True, None, None, None),
        (0, None, None, None),
        (-5, HOUR, None, HOUR),
        ([HOUR], None, None, None),
        (HOUR + 0.5, None, None, HOUR + 0.5),
        (HOUR, None, -HOUR, -HOUR),
    ],
)
def test_when_the_tokens_die(
    world: World,
    far: FarSide,
    place: Platform,
    expires_in: object,
    access: float | None,
    identity: float | None,
    expected: float | None,
) -> None:
    now = world.clock.now()

    def token(seconds: float | None) -> str:
        return jwt(sub="ada") if seconds is None else jwt(sub="ada", exp=now.timestamp() + seconds)

    tokens = exchanged(
        world, far, place, answer(expires_in=expires_in, access_token=token(access), id_token=token(identity))
    )

    assert tokens.expires_at == (None if expected is None else now + timedelta(seconds=expected))
    assert tokens.lifetime == (None if expected is None else timedelta(seconds=expected))


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 400, "1e300", "-1e400"])
def test_a_life_beyond_all_bounds(world: World, far: FarSide, place: Platform, number: str) -> None:
    """Whatever the numbers are, they end as a date or as none."""
    claims = base64.urlsafe_b64encode(b'{"exp": %b}' % number.encode()).rstrip(b"=").decode()
    token = f"{jwt().partition('.')[0]}.{claims}.c2lnbmF0dXJl"

    body = json.dumps(answer(id_token=token, expires_in="NUMBER")).replace('"NUMBER"', number)
    assert number in body

    tokens = exchanged(world, far, place, body.encode())

    assert tokens.expires_at is None or isinstance(tokens.expires_at, datetime)


def test_a_token_that_is_no_jwt(world: World, far: FarSide, place: Platform) -> None:
    tokens = exchanged(world, far, place, answer(access_token="opaque", id_token="not-a-jwt"))

    assert tokens.expires_at is None


def test_tokens_hide_in_their_repr(world: World, far: FarSide, place: Platform) -> None:
    shown = repr(exchanged(world, far, place, answer(access_token="opaque", secret_extra="hidden")))

    assert "opaque" not in shown
    assert "hidden" not in shown


# refusals


@pytest.mark.parametrize("code", ["invalid_grant", "invalid_request", "authorization_pending", "slow_down"])
@pytest.mark.parametrize("status", [400, 401, 403, 429])
def test_an_oauth_error(world: World, far: FarSide, place: Platform, code: str, status: int) -> None:
    far.script = reply(status, {"error": code, "error_description": "Unknown or\ninvalid refresh token."})

    for call in (
        lambda: world.identity().refresh(place, HIDDEN["refresh token"]),
        lambda: world.identity().poll_device(place, HIDDEN["device code"]),
        lambda: world.identity().exchange(place, HIDDEN["code"], HIDDEN["verifier"], REDIRECT),
        lambda: world.identity().begin_device(place),
        lambda: world.identity().revoke(place, HIDDEN["refresh token"]),
    ):
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.code == code
        assert isinstance(caught.value, TryLater) is (status == 429)
        assert caught.value.message.endswith(f" HTTP status {status}: Unknown or invalid refresh token.")


def test_a_code_alone_is_told(world: World, far: FarSide, place: Platform) -> None:
    far.script = reply(403, {"error": "invalid_grant"})

    with pytest.raises(Refused, match=r": invalid_grant\.$"):
        world.identity().refresh(place, HIDDEN["refresh token"])


# device


DEVICE: dict[str, Any] = {
    "device_code": SECRETS["device code"],
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://id.example.com/activate",
    "verification_uri_complete": "https://id.example.com/activate?user_code=ABCD-EFGH",
    "expires_in": 900,
    "interval": 7,
}


def test_begin_device(world: World, far: FarSide, place: Platform) -> None:
    far.script = reply(200, DEVICE)

    assert world.identity().begin_device(place) == DeviceCode(
        SECRETS["device code"],
        "ABCD-EFGH",
        "https://id.example.com/activate",
        "https://id.example.com/activate?user_code=ABCD-EFGH",
        900,
        7,
    )
    assert far.seen[0].target == "/oauth/device/code"
    assert form(far) == {"client_id": "the-client", "scope": SCOPE, "audience": far.url}


def test_a_device_answer_may_be_short(world: World, far: FarSide, place: Platform) -> None:
    far.script = reply(200, {k: v for k, v in DEVICE.items() if k not in ("interval", "verification_uri_complete")})

    device = world.identity().begin_device(place)

    assert device.interval == 5
    assert device.verification_uri_complete is None


@pytest.mark.parametrize(("interval", "expected"), [(0, 1), (-9, 1), (1, 1), (10**400, 86_400)])
def test_an_interval_has_bounds(world: World, far: FarSide, place: Platform, interval: int, expected: int) -> None:
    far.script = reply(200, {**DEVICE, "interval": interval, "expires_in": interval})

    device = world.identity().begin_device(place)

    assert device.interval == expected
    assert device.expires_in <= 86_400


@pytest.mark.parametrize(
    "change",
    [
        {"device_code": None},
        {"device_code": ""},
        {"user_code": "A\x1b[2J"},
        {"user_code": 5},
        {"verification_uri": None},
        {"verification_uri": "http://id.example.com/activate"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "https://id.example.com/\x1b[2J"},
        {"verification_uri": "https://[::1"},
        {"verification_uri_complete": "file:///etc/passwd"},
        {"expires_in": None},
        {"expires_in": "900"},
        {"expires_in": True},
        {"interval": "5"},
    ],
)
def test_a_device_answer_that_cannot_be(world: World, far: FarSide, place: Platform, change: dict[str, object]) -> None:
    far.script = reply(200, {**DEVICE, **change})

    with pytest.raises(Malformed):
        world.identity().begin_device(place)


# discovery


def metadata(far: FarSide, **more: object) -> dict[str, object]:
    return {
        "issuer": f"{far.url}/",
        "authorization_endpoint": f"{far.url}/authorize",
        "token_endpoint": f"{far.url}/oauth/token",
        **more,
    }


def test_endpoints(world: World, far: FarSide, place: Platform) -> None:
    far.script = reply(
        200,
        metadata(
            far,
            authorization_endpoint=f"{far.url}/u/login",
            device_authorization_endpoint=f"{far.url}/oauth/device/code",
            authorization_response_iss_parameter_supported=True,
        ),
    )

    assert world.identity().endpoints(place) == Endpoints(f"{far.url}/u/login", True)
    assert far.seen[0].target == "/.well-known/openid-configuration"


def test_endpoints_that_are_not_named(world: World, far: FarSide, place: Platform) -> None:
    far.script = reply(200, metadata(far))

    assert world.identity().endpoints(place) == Endpoints(f"{far.url}/authorize", False)


def test_an_issuer_without_discovery_has_the_customary_endpoints(world: World, far: FarSide, place: Platform) -> None:
    far.script = reply(404, b"<h1>Not found</h1>")

    found = world.identity().endpoints(place)

    assert found == Endpoints(f"{far.url}/authorize", False)


@pytest.mark.parametrize("issuer", ["{url}", "{url}//", "{url}/tenant/", "https://evil.example/", "", None])
def test_metadata_of_another_issuer(world: World, far: FarSide, place: Platform, issuer: str | None) -> None:
    far.script = reply(200, metadata(far, issuer=issuer and issuer.format(url=far.url)))

    with pytest.raises(Malformed):
        world.identity().endpoints(place)


@pytest.mark.parametrize("member", ["authorization_endpoint", "device_authorization_endpoint"])
@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example/authorize",
        "http://{host}/authorize",
        "https://{host}.evil.example/authorize",
        "https://{host}@evil.example/authorize",
        "https://ada@{host}/authorize",
        "https://{host}\\@evil.example/authorize",
        "https://localhost/authorize",
        "https://{host}/authorize\x1b[2J",
        "https://{host}/a b",
        "https://[::1",
        "/authorize",
        "",
    ],
)
def test_an_endpoint_on_another_host(world: World, far: FarSide, place: Platform, endpoint: str, member: str) -> None:
    far.script = reply(200, metadata(far, **{member: endpoint.format(host=far.host)}))

    with pytest.raises(Malformed):
        world.identity().endpoints(place)
