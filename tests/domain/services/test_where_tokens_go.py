"""A token goes where its `iss` and `aud` say, whatever a file or a variable says of where to go."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import NoReturn

import pytest
from attrs import evolve

from dagctl._cures import cure
from dagctl._sdk import Dagctl
from dagctl.domain.errors import NotSignedIn, SignInFailed
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.tokens import TokenSet, meant_for
from dagctl.ports.storage import Storage
from dagctl.testing import MemoryPlatform, MemorySettingsStore, MemoryTokenStore, connected, elsewhere, memory_storage

HOSTED = "https://api.dagctl.io"
OTHER = "https://api.other.example"

VERBS: dict[str, Callable[[Dagctl], object]] = {
    "projects": lambda client: client.projects.list(),
    "protection": lambda client: client.protection.ask("dev"),
    "state": lambda client: client.state.credentials(),
    "fresh": lambda client: client.session.fresh(),
    "renewed": lambda client: client.session.renewed(),
}


class Deaf(MemoryPlatform):
    """A platform that must not hear of anybody."""

    def _astray(self, *args: object, **options: object) -> NoReturn:
        raise AssertionError("a token has gone astray")

    organization = projects = protection = state_proxy = refresh = revoke = _astray


@pytest.fixture
def session() -> tuple[TokenSet, Settings]:
    """What Ada's sign-in at the hosted platform leaves."""
    tokens, settings = MemoryTokenStore(), MemorySettingsStore()
    client = connected(storage=_storage(tokens, settings))
    client.projects.choose("shop")
    kept = tokens.load()
    assert kept is not None
    return kept, settings.load()


def _storage(tokens: MemoryTokenStore, settings: MemorySettingsStore) -> Storage:
    made = memory_storage(tokens=tokens)
    return evolve(made, current=evolve(made.current, settings=settings))


def _kept(tokens: TokenSet, settings: Settings) -> Dagctl:
    store = MemoryTokenStore()
    store.save(tokens)
    return connected(Deaf(), signed_in=False, storage=memory_storage(settings=settings, tokens=store))


def _given(tokens: TokenSet, platform: MemoryPlatform | None = None, **variables: str) -> Dagctl:
    environ = {
        "DAGCTL_ACCESS_TOKEN": tokens.access_token.reveal(),
        "DAGCTL_ID_TOKEN": tokens.id_token.reveal(),
        "DAGCTL_ORG": "acme",
        "DAGCTL_PROJECT": "shop",
        **variables,
    }
    return connected(platform or Deaf(), signed_in=False, environ=environ, storage=None)


@pytest.mark.parametrize("verb", VERBS)
def test_an_api_of_another_platform_in_the_settings(session: tuple[TokenSet, Settings], verb: str) -> None:
    tokens, settings = session
    client = _kept(tokens, evolve(settings, api_url=OTHER))

    with pytest.raises(NotSignedIn, match=f"The tokens in .* are not for {OTHER}") as caught:
        VERBS[verb](client)
    assert cure(caught.value) == f"Run: dagctl auth login --org Acme --api-url {OTHER}"


@pytest.mark.parametrize("verb", VERBS)
def test_tokens_of_another_issuer_that_were_left(session: tuple[TokenSet, Settings], verb: str) -> None:
    tokens, settings = session
    client = _kept(tokens, evolve(settings, auth0_domain="issuer.other.example"))

    with pytest.raises(NotSignedIn, match=r"are not from issuer\.other\.example") as caught:
        VERBS[verb](client)
    assert caught.value.given_by is None


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - {"renewed"}))
def test_a_jobs_tokens_for_another_api(session: tuple[TokenSet, Settings], verb: str) -> None:
    client = _given(session[0], DAGCTL_API_URL=OTHER)

    with pytest.raises(NotSignedIn, match=f"are not for {OTHER}") as caught:
        VERBS[verb](client)
    assert cure(caught.value) == "Set DAGCTL_ACCESS_TOKEN and DAGCTL_ID_TOKEN to valid tokens."


def test_a_jobs_tokens_of_another_issuer_for_the_hosted_api(session: tuple[TokenSet, Settings]) -> None:
    tokens = evolve(session[0], id_token=_jwt(iss="https://issuer.other.example/", sub="ada"))

    with pytest.raises(NotSignedIn, match="are not from"):
        _given(tokens).projects.list()


def test_a_jobs_tokens_where_they_belong(session: tuple[TokenSet, Settings]) -> None:
    platform = MemoryPlatform()
    client = connected(platform)
    tokens = client.session.fresh()

    assert _given(tokens, platform).projects.list()


def test_a_jobs_tokens_on_a_platform_whose_issuer_is_its_own_affair() -> None:
    platform = MemoryPlatform(place=elsewhere())
    tokens = connected(platform).session.fresh()

    assert _given(tokens, platform, DAGCTL_API_URL=platform.place.api_url).projects.list()


@pytest.mark.parametrize(
    ("token", "goes"),
    [
        (Secret("opaque"), True),
        (Secret("a.b.c"), True),
        ({}, True),
        ({"aud": HOSTED}, True),
        ({"aud": f"{HOSTED}/"}, True),
        ({"aud": ["https://issuer.example/userinfo", "HTTPS://API.dagctl.io"]}, True),
        ({"aud": OTHER}, False),
        ({"aud": [OTHER, f"{HOSTED}/v2"]}, False),
        ({"aud": f"{HOSTED}.evil.example"}, False),
    ],
)
def test_whom_a_token_is_for(token: Secret | dict[str, object], goes: bool) -> None:
    assert meant_for(token if isinstance(token, Secret) else _jwt(**token), HOSTED) is goes


def _jwt(**claims: object) -> Secret:
    parts = ({"alg": "RS256"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return Secret(".".join((*encoded, "c2lnbmF0dXJl")))


def test_a_sign_in_that_gives_a_token_for_somebody_else_is_refused_and_ended(
    session: tuple[TokenSet, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = MemoryPlatform()
    strange = connected(MemoryPlatform(elsewhere())).session.fresh().access_token
    given = platform.exchange

    def exchange(place: Platform, code: Secret, verifier: Secret, redirect_uri: str) -> TokenSet:
        return evolve(given(place, code, verifier, redirect_uri), access_token=strange)

    monkeypatch.setattr(platform, "exchange", exchange)
    storage = memory_storage()
    with pytest.raises(SignInFailed, match=f"not for {HOSTED}") as caught:
        connected(platform, storage=storage)
    assert caught.value.code == "invalid_token"
    assert storage.current.tokens.load() is None
    assert platform.revocations == 1
