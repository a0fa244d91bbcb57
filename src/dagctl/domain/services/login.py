"""Signing in: the authorization code flow with PKCE (RFC 8252, RFC 7636), and the device flow (RFC 8628).

Nothing is recorded until the person is known to belong to the organization that was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import shlex
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from attrs import evolve, frozen

from dagctl.domain.errors import (
    CertificateRefused,
    DagctlError,
    FileCorrupt,
    FileUnusable,
    NotFound,
    OrganizationRefused,
    PlatformError,
    Refused,
    SignInFailed,
    TokenNotAccepted,
    Unreachable,
)
from dagctl.domain.services import refusals
from dagctl.domain.services.accounts import AccountService
from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.values.context import recorded_api_url, recorded_platform
from dagctl.domain.values.platform import (
    HOSTED_API_URL,
    HOSTED_CLIENT_ID,
    SCOPE,
    Advertisement,
    ApiAccess,
    Organization,
    Platform,
    StateProxy,
    canonical_api_url,
)
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.settings import Settings
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import Identity, TokenSet, bounded, checked_identity
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.browser import Browser, Page, Query, TypedCode, Visit
from dagctl.ports.clock import Clock
from dagctl.ports.identity_provider import DeviceCode, Endpoints, IdentityProvider


@frozen
class SignedIn:
    """A sign-in that succeeded.

    Attributes:
        expires_at: aware; when the tokens expire if nobody renews them, None where that cannot be told.
        proxy: None where the platform did not say where its state databases are.
        project: the project that stays chosen, None where there is none.
    """

    organization: Organization
    identity: Identity
    platform: Platform
    expires_at: datetime | None
    proxy: StateProxy | None
    project: str | None


@frozen
class LoginService:
    """Signs a person in.

    Attributes:
        contexts: where a sign-in is recorded; a context that it replaces is kept.
        secret: gives a new unguessable string of at least 43 unreserved characters (RFC 7636 section 4.1).
    """

    api: ApiGateway
    identity: IdentityProvider
    contexts: AccountService
    clock: Clock
    secret: Callable[[], str]

    def with_browser(
        self, organization: str, browser: Browser, *, api_url: str | None = None, timeout: float = 300.0
    ) -> SignedIn:
        """Sign in through a browser.

        Args:
            organization: name or ID of the organization to work for.
            api_url: the platform's API; the hosted one where None.
            timeout: seconds to wait for the person.

        Raises:
            SignInFailed: with what went wrong; nothing was recorded.
            PortTaken: the callback's port is in use.
            PlatformError: the API or the issuer cannot be talked to.
            FileProblem: the outcome cannot be recorded.
        """
        self._see_that_tokens_can_be_kept()
        platform = self.find_platform(api_url)
        endpoints = self.identity.endpoints(platform)
        state, nonce, verifier = self.secret(), self.secret(), Secret(self.secret())

        def accept(query: Query) -> bool:
            return _answers(query, state, platform, endpoints)

        with browser.listen(accept) as visit:
            visit.open(_authorization_url(platform, endpoints, visit.redirect_uri, state, nonce, verifier))
            query = visit.wait(timeout)
            try:
                answer = self._exchange(platform, _code(query), verifier, visit.redirect_uri)
                signed_in = self._admit(organization, platform, answer, nonce)
            except DagctlError as error:
                visit.show(Page(False, "Not signed in", error.message, error.hint or "The terminal says more."))
                raise
            _show_success(visit, signed_in)
        return signed_in

    def with_device(
        self,
        organization: str,
        show: Callable[[DeviceCode], None],
        *,
        api_url: str | None = None,
        timeout: float = 300.0,
    ) -> SignedIn:
        """Sign in with a browser on another device (RFC 8628).

        Args:
            show: called once with the code to show to the person.

        Raises:
            SignInFailed: also where the issuer has no such grant for this client.
        """
        self._see_that_tokens_can_be_kept()
        platform = self.find_platform(api_url)
        try:
            device = self.identity.begin_device(platform)
        except Refused as error:
            if error.code in refusals.NO_GRANT or isinstance(error, NotFound):
                raise refusals.without_device(platform) from None
            raise refusals.with_cure(error) from None
        show(device)
        return self._admit(organization, platform, self._poll(platform, device, timeout), nonce=None)

    def _exchange(self, platform: Platform, code: Secret, verifier: Secret, redirect_uri: str) -> TokenSet:
        try:
            return self.identity.exchange(platform, code, verifier, redirect_uri)
        except Refused as error:
            raise refusals.with_cure(error) from None

    def _poll(self, platform: Platform, device: DeviceCode, timeout: float) -> TokenSet:
        interval = device.interval
        lost: Unreachable | None = None
        end = self.clock.monotonic() + min(device.expires_in, timeout)
        while self.clock.monotonic() + interval < end:
            self.clock.sleep(interval)
            try:
                return self.identity.poll_device(platform, device.device_code)
            except Refused as error:
                if error.code == "slow_down":
                    interval += 5  # RFC 8628 section 3.5
                elif error.code == "expired_token":
                    raise refusals.too_late(device, timeout=None) from None
                elif error.code != "authorization_pending":
                    raise refusals.of_poll(platform, error) from None
                lost = None
            except CertificateRefused:
                raise
            except Unreachable as error:
                interval, lost = interval * 2, error  # RFC 8628 section 3.5: exponential backoff on timeouts
        raise lost or refusals.too_late(device, timeout)

    def _see_that_tokens_can_be_kept(self) -> None:
        """A store that does not work is better told of before anybody is sent to a browser."""
        tokens = self.contexts.here.tokens
        if not tokens.writable:
            raise FileUnusable(
                f"The session is given by {tokens.describe()}, so there is nothing to sign in to.",
                hint="Unset it first.",
            )
        with suppress(FileCorrupt):  # the sign-in mends that
            if tokens.load() is None:
                return  # to lock would make a place for tokens that may never come
        with tokens.lock():
            return

    def find_platform(self, api_url: str | None = None) -> Platform:
        """The platform at `api_url`: built in for the hosted one, asked for at any other (RFC 9728).

        Raises:
            DagctlError: the URL is unusable, or the API names an issuer that nobody vouches for.
            PlatformError: the API cannot be asked.
        """
        recorded = self.contexts.here.contexts.load()
        url = canonical_api_url(api_url or HOSTED_API_URL)
        known = recorded_platform(url, recorded)
        if url == HOSTED_API_URL:
            return known
        advertised = self.api.advertisement(url)
        if advertised is None:
            return known
        if not _vouched_for(advertised, url, recorded):
            raise DagctlError(
                f"{url} names {advertised.issuer_host} as its issuer, which is on another host and not known to you.",
                hint="If it is right, set auth0_domain and api_url in config.yaml of the dagctl home, and try again.",
            )
        ours = advertised.issuer_host == known.issuer_host
        client_id = advertised.client_id or (known.client_id if ours else HOSTED_CLIENT_ID)
        return Platform(url, advertised.issuer_host, client_id)

    def _admit(self, wanted: str, platform: Platform, answer: TokenSet, nonce: str | None) -> SignedIn:
        try:
            with ClockCheck(self.api, self.clock).explaining(platform.api_url):
                identity = checked_identity(
                    answer.id_token,
                    issuer=platform.issuer,
                    client_id=platform.client_id,
                    nonce=nonce,
                    now=self.clock.now(),
                )
            organization = self._membership(wanted, platform, answer, identity)
        except DagctlError:
            self._forget(platform, answer)
            raise
        access = ApiAccess(platform.api_url, answer.id_token, organization.id)
        proxy = self._state_proxy(access)
        project = self._record(platform, organization, proxy, bounded(answer))
        return SignedIn(organization, identity, platform, bounded(answer).expires_at, proxy, project)

    def _membership(self, wanted: str, platform: Platform, answer: TokenSet, identity: Identity) -> Organization:
        access = ApiAccess(platform.api_url, answer.id_token)
        try:
            organization = self.api.organization(access, identity.subject)
        except TokenNotAccepted:  # to sign in once more would help nobody
            raise SignInFailed(
                f"{platform.api_url} does not accept the tokens of {platform.issuer_host}.",
                issuer_host=platform.issuer_host,
                code="invalid_token",
            ) from None
        who = printable(identity.email or identity.subject)
        if organization is None:
            raise OrganizationRefused(
                f"{who} has no organization on {platform.api_url} yet.",
                hint="Finish the onboarding in the web UI, then sign in again.",
            )
        if not organization.is_called(wanted):
            raise OrganizationRefused(
                f"{who} belongs to {printable(organization.name)!r}, not to {wanted!r}.",
                hint="Sign in with another account, or run: dagctl auth login --org "
                f"{shlex.quote(printable(organization.name))}",
            )
        return organization

    def _forget(self, platform: Platform, answer: TokenSet) -> None:
        """Tokens of a person that is turned away serve nobody."""
        if answer.refresh_token:
            try:
                self.identity.revoke(platform, answer.refresh_token)
            except DagctlError:
                return

    def _state_proxy(self, access: ApiAccess) -> StateProxy | None:
        try:
            return self.api.state_proxy(access)
        except PlatformError:
            return None  # no reason to fail a sign-in; the host is derived from the API's then

    def _record(
        self, platform: Platform, organization: Organization, proxy: StateProxy | None, answer: TokenSet
    ) -> str | None:
        """Record who signed in where; returns the project that stays chosen.

        A change of organization or platform puts the old context aside first: whoever kills us in between
        finds nobody signed in, but never one organization's tokens beside another's name.
        """
        here = self.contexts.here
        before = here.contexts.load()
        at_home = recorded_api_url(before) == platform.api_url
        stays = at_home and before.current_org == organization.id
        after = evolve(
            before if stays else evolve(before, current_project=None, current_project_id=None),
            current_org=organization.id,
            current_org_name=organization.name,
            api_url=platform.api_url,
            auth0_domain=platform.issuer_host,
            auth0_client_id=platform.client_id,
            pg_proxy_host=proxy.host if proxy else (before.pg_proxy_host if stays else None),
            pg_proxy_port=proxy.port if proxy else (before.pg_proxy_port if stays else None),
            pg_proxy_sslmode=before.pg_proxy_sslmode if at_home else None,
        )
        with here.tokens.lock():
            if not stays:
                self.contexts.put_aside()
            if after != before:
                here.contexts.save(after)
            here.tokens.save(answer)
            self.contexts.sweep()
        return after.current_project


def _authorization_url(
    platform: Platform, endpoints: Endpoints, redirect_uri: str, state: str, nonce: str, verifier: Secret
) -> str:
    digest = hashlib.sha256(verifier.reveal().encode("ascii")).digest()
    parameters = {
        "client_id": platform.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "audience": platform.api_url,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
        "code_challenge_method": "S256",
        "state": state,
        "nonce": nonce,
    }
    joint = "&" if "?" in endpoints.authorization else "?"  # RFC 6749 section 3.1: it may have a query
    return f"{endpoints.authorization}{joint}{urlencode(parameters)}"


def _answers(query: Query, state: str, platform: Platform, endpoints: Endpoints) -> bool:
    """Whether a callback answers this request (RFC 6749 section 10.12, RFC 9207 section 2.4).

    A code that the person has typed is bound to it by PKCE and the nonce alone (RFC 9700 section 2.1).
    """
    if isinstance(query, TypedCode):
        return True
    if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
        return False
    issuer = query.get("iss")
    if issuer is None and endpoints.names_itself:
        return False
    if issuer is not None and issuer != platform.issuer:
        return False
    return bool(query.get("code")) != bool(query.get("error"))


def _code(query: Query) -> Secret:
    error = query.get("error")
    if error:
        raise refusals.of_authorization(error, query.get("error_description", ""))
    return Secret(query["code"])


def _show_success(visit: Visit, signed_in: SignedIn) -> None:
    organization = printable(signed_in.organization.name)
    who = printable(signed_in.identity.email or signed_in.identity.subject)
    visit.show(
        Page(
            True,
            "Signed in",
            f"You are signed in to {organization} as {who}.",
            "You can close this window and go back to the terminal.",
        )
    )


def _vouched_for(advertised: Advertisement, api_url: str, recorded: Settings) -> bool:
    """Whether an issuer that an API names is trusted: it is on the API's own host, or was set by hand."""
    api_host = urlsplit(api_url).hostname
    its_own = urlsplit(f"//{advertised.issuer_host}").hostname == api_host
    at_home = recorded.api_url is None or canonical_api_url(recorded.api_url) == api_url
    return its_own or (at_home and advertised.issuer_host == recorded.auth0_domain)
