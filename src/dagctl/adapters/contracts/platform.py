"""What an `ApiGateway` and an `IdentityProvider` have to do, against any platform."""

from __future__ import annotations

import base64
import hashlib
import secrets
from abc import abstractmethod
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from attrs import evolve, frozen

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.errors import Refused, TokenNotAccepted
from dagctl.domain.values.platform import SCOPE, ApiAccess, Organization, Platform, Project
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet, checked_identity, claims_of, identity_of, same_subject
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.clock import Clock
from dagctl.ports.identity_provider import IdentityProvider


@frozen
class Stage:
    """A platform for the suite, and what the suite may expect there.

    Attributes:
        place: where it is.
        api, identity: the adapters under test.
        clock: the platform's clock.
        redirect_uri: one that is registered.
        authorize: opens the sign-in page at an address, as a member of `organization`, and agrees; returns the
            address that the page sends the person to.
        finish_device: types a device's user code in, and agrees; None if the client has no device grant.
        protected: a project ID, and an environment of it that is protected from that member.
        open: a project ID for which protection is configured, and an environment of it that is open.
        unguarded: the ID of a project without any protection.
    """

    place: Platform
    api: ApiGateway
    identity: IdentityProvider
    clock: Clock
    redirect_uri: str
    authorize: Callable[[str], str]
    finish_device: Callable[[str], None] | None
    organization: Organization
    projects: tuple[Project, ...]
    protected: tuple[str, str]
    open: tuple[str, str]
    unguarded: str

    def code(self, verifier: str, nonce: str = "nonce-1", **changes: str) -> dict[str, str]:
        """What the issuer answers to an authorization request, `changes` to it included."""
        digest = hashlib.sha256(verifier.encode()).digest()
        request = {
            "client_id": self.place.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "audience": self.place.api_url,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "state": "state-1",
            "nonce": nonce,
            **changes,
        }
        url = f"{self.identity.endpoints(self.place).authorization}?{urlencode(request)}"
        return {name: values[0] for name, values in parse_qs(urlsplit(self.authorize(url)).query).items()}

    def sign_in(self) -> TokenSet:
        """Tokens of a new sign-in."""
        verifier = secrets.token_urlsafe(48)
        return self.exchange(self.code(verifier)["code"], verifier)

    def exchange(self, code: str, verifier: str, redirect_uri: str | None = None) -> TokenSet:
        """Tokens for a code."""
        return self.identity.exchange(self.place, Secret(code), Secret(verifier), redirect_uri or self.redirect_uri)

    def access(self, tokens: TokenSet) -> ApiAccess:
        """What a call for the organization carries."""
        return ApiAccess(self.place.api_url, tokens.id_token, self.organization.id)


VERIFIER = "v" * 43


class PlatformContract(Contract):
    """The suite of an `ApiGateway` and an `IdentityProvider`, which it drives together. Define `make`."""

    @abstractmethod
    def make(self) -> Stage:
        """A platform on which nobody is signed in yet."""

    def test_the_issuer_answers_with_a_code_and_the_state(self) -> None:
        stage = self.make()
        answer = stage.code(VERIFIER)
        assert answer["code"]
        assert answer["state"] == "state-1"
        if stage.identity.endpoints(stage.place).names_itself:
            assert answer["iss"] == stage.place.issuer

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge": ""}, "invalid_request"),
            ({"audience": "https://elsewhere.example"}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"scope": "profile"}, "invalid_scope"),
        ],
    )
    def test_a_request_that_is_not_in_order_gets_no_code(self, changes: dict[str, str], error: str) -> None:
        answer = self.make().code(VERIFIER, **changes)
        assert "code" not in answer
        assert answer["error"] == error
        assert answer["state"] == "state-1"

    def test_a_code_is_worth_tokens(self) -> None:
        stage = self.make()
        tokens = stage.sign_in()
        checked_identity(
            tokens.id_token,
            issuer=stage.place.issuer,
            client_id=stage.place.client_id,
            nonce="nonce-1",
            now=stage.clock.now(),
        )
        assert stage.place.api_url in claims_of(tokens.access_token)["aud"]
        assert tokens.refresh_token
        assert not tokens.expired(stage.clock.now())
        assert tokens.lifetime is not None
        assert tokens.extra["token_type"].lower() == "bearer"

    def test_the_tokens_live_no_longer_than_the_id_token(self) -> None:
        tokens = self.make().sign_in()
        assert tokens.expires_at is not None
        assert tokens.expires_at.timestamp() <= claims_of(tokens.id_token)["exp"]

    def test_a_code_without_its_verifier_is_worth_nothing(self) -> None:
        stage = self.make()
        with pytest.raises(Refused) as caught:
            stage.exchange(stage.code(VERIFIER)["code"], "w" * 43)
        assert caught.value.code == "invalid_grant"

    def test_a_code_goes_to_the_redirect_uri_of_its_request(self) -> None:
        stage = self.make()
        with pytest.raises(Refused) as caught:
            stage.exchange(stage.code(VERIFIER)["code"], VERIFIER, stage.redirect_uri + "/")
        assert caught.value.code == "invalid_grant"

    def test_a_code_that_is_used_twice_ends_its_sign_in(self) -> None:
        stage = self.make()
        code = stage.code(VERIFIER)["code"]
        tokens = stage.exchange(code, VERIFIER)
        with pytest.raises(Refused) as caught:
            stage.exchange(code, VERIFIER)
        assert caught.value.code == "invalid_grant"
        self._is_dead(stage, tokens)

    def test_an_unknown_code_is_refused_and_not_repeated(self) -> None:
        stage = self.make()
        with pytest.raises(Refused) as caught:
            stage.exchange("secret-code", VERIFIER)
        assert caught.value.code == "invalid_grant"
        assert "secret-code" not in str(caught.value)

    def test_an_unknown_client_gets_nothing(self) -> None:
        stage = self.make()
        tokens, stranger = stage.sign_in(), evolve(stage.place, client_id="stranger")
        with pytest.raises(Refused):
            stage.identity.refresh(stranger, tokens.refresh_token or Secret(""))
        assert stage.identity.refresh(stage.place, tokens.refresh_token or Secret("")).access_token

    def test_a_refresh_gives_new_tokens_for_the_same_person(self) -> None:
        stage = self.make()
        tokens = stage.sign_in()
        answer = stage.identity.refresh(stage.place, tokens.refresh_token or Secret(""))
        assert answer.access_token != tokens.access_token
        assert not answer.id_token or same_subject(tokens.id_token, answer.id_token)
        renewed = tokens.renewed_by(answer)
        assert stage.identity.refresh(stage.place, renewed.refresh_token or Secret("")).access_token

    def test_a_spent_refresh_token_ends_its_sign_in(self) -> None:
        stage = self.make()
        tokens = stage.sign_in()
        answer = stage.identity.refresh(stage.place, tokens.refresh_token or Secret(""))
        if not answer.refresh_token or answer.refresh_token == tokens.refresh_token:
            pytest.skip("this issuer does not rotate refresh tokens")
        self._is_dead(stage, tokens)
        self._is_dead(stage, answer)

    def test_a_revoked_sign_in_is_over(self) -> None:
        stage = self.make()
        tokens, other = stage.sign_in(), stage.sign_in()
        stage.identity.revoke(stage.place, tokens.refresh_token or Secret(""))
        self._is_dead(stage, tokens)
        assert stage.identity.refresh(stage.place, other.refresh_token or Secret("")).access_token

    def test_revoking_an_unknown_token_is_no_error(self) -> None:
        stage = self.make()
        stage.identity.revoke(stage.place, Secret("unknown"))

    def test_a_device_waits_for_its_person(self) -> None:
        stage, _ = self._with_devices()
        device = stage.identity.begin_device(stage.place)
        assert device.device_code.reveal() not in repr(device)
        assert device.interval > 0
        assert device.expires_in > 0
        assert self._poll(stage, device.device_code) == "authorization_pending"
        assert self._poll(stage, device.device_code) == "slow_down"

    def test_a_device_gets_its_tokens_once(self) -> None:
        stage, finish = self._with_devices()
        device = stage.identity.begin_device(stage.place)
        finish(device.user_code)
        tokens = stage.identity.poll_device(stage.place, device.device_code)
        assert stage.api.projects(stage.access(tokens)) == stage.projects
        assert self._poll(stage, device.device_code) == "invalid_grant"

    def test_an_unknown_device_is_refused(self) -> None:
        stage, _ = self._with_devices()
        assert self._poll(stage, Secret("unknown")) == "invalid_grant"

    def test_a_device_asks_for_the_api(self) -> None:
        stage, _ = self._with_devices()
        with pytest.raises(Refused) as caught:
            stage.identity.begin_device(evolve(stage.place, api_url="https://elsewhere.example"))
        assert caught.value.code == "invalid_request"

    def test_the_api_names_its_issuer(self) -> None:
        stage = self.make()
        found = stage.api.advertisement(stage.place.api_url)
        assert found is None or found.issuer_host == stage.place.issuer_host

    def test_the_api_tells_the_time(self) -> None:
        stage = self.make()
        shown = stage.api.server_date(stage.place.api_url)
        assert shown is None or abs((shown - stage.clock.now()).total_seconds()) < 60

    def test_the_api_shows_its_certificate(self) -> None:
        stage = self.make()
        shown = stage.api.tls_of(stage.place.api_url)
        if shown is None:
            assert stage.place.api_url.startswith("http://")
            return
        assert shown.version.startswith("TLSv1.")
        assert shown.issuer
        assert shown.trusted_by
        assert shown.expires_at is not None
        assert shown.expires_at > stage.clock.now()

    def test_the_api_takes_the_id_token(self) -> None:
        stage = self.make()
        tokens = stage.sign_in()
        access = stage.access(tokens)
        subject = identity_of(tokens.id_token).subject
        assert stage.api.organization(evolve(access, organization_id=None), subject) == stage.organization
        assert stage.api.projects(access) == stage.projects
        proxy = stage.api.state_proxy(access)
        assert proxy is None or 0 < proxy.port < 65536

    def test_the_api_takes_no_other_token(self) -> None:
        stage = self.make()
        tokens = stage.sign_in()
        forged = tokens.id_token.reveal().rpartition(".")[0] + ".AAAA"
        for token in (tokens.access_token, tokens.refresh_token or Secret(""), Secret(forged), Secret("secret-token")):
            access = evolve(stage.access(tokens), id_token=token)
            for ask in (stage.api.projects, stage.api.state_proxy):
                with pytest.raises(TokenNotAccepted) as caught:
                    ask(access)
                assert token.reveal() not in str(caught.value)

    def test_the_api_tells_nothing_about_other_organizations_and_people(self) -> None:
        stage = self.make()
        access = stage.access(stage.sign_in())
        with pytest.raises(Refused):
            stage.api.projects(evolve(access, organization_id="org_of_somebody_else"))
        with pytest.raises(Refused):
            stage.api.projects(evolve(access, organization_id=None))
        with pytest.raises(Refused):
            stage.api.organization(access, "somebody-else")

    def test_a_protected_environment_is_closed(self) -> None:
        stage = self.make()
        access = stage.access(stage.sign_in())
        assert stage.api.protection(access, *stage.protected).allowed is False

    def test_an_environment_that_is_not_protected_is_open(self) -> None:
        stage = self.make()
        access = stage.access(stage.sign_in())
        assert stage.api.protection(access, *stage.open).allowed is True
        assert stage.api.protection(access, stage.unguarded, "prod").allowed is True

    def test_a_project_of_nobody_is_not_open(self) -> None:
        stage = self.make()
        access = stage.access(stage.sign_in())
        with pytest.raises(Refused):
            stage.api.protection(access, "project-of-somebody-else", "dev")

    def test_nothing_shows_a_token(self) -> None:
        stage = self.make()
        tokens = stage.sign_in()
        shown = repr((tokens, stage.access(tokens), stage.api, stage.identity))
        for secret in (tokens.access_token, tokens.id_token, tokens.refresh_token or Secret("-")):
            assert secret.reveal() not in shown

    def _with_devices(self) -> tuple[Stage, Callable[[str], None]]:
        stage = self.make()
        if stage.finish_device is None:
            pytest.skip("this client has no device grant")
        return stage, stage.finish_device

    def _is_dead(self, stage: Stage, tokens: TokenSet) -> None:
        with pytest.raises(Refused) as caught:
            stage.identity.refresh(stage.place, tokens.refresh_token or Secret(""))
        assert caught.value.code == "invalid_grant"
        assert (tokens.refresh_token or Secret("-")).reveal() not in str(caught.value)

    def _poll(self, stage: Stage, device_code: Secret) -> str | None:
        with pytest.raises(Refused) as caught:
            stage.identity.poll_device(stage.place, device_code)
        return caught.value.code
