"""Signing in: the authorization code flow with PKCE (RFC 8252, RFC 7636), and the device flow (RFC 8628).

dagctl records nothing until it knows that the person belongs to the requested organization.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import partial
from urllib.parse import urlencode, urlsplit

from attrs import evolve, frozen

from dagctl.domain.errors import (
    CertificateRefused,
    DagctlError,
    DeviceGrantRefused,
    FileCorrupt,
    FileProblem,
    FileUnusable,
    NotFound,
    OrganizationRefused,
    PlatformError,
    Refused,
    SettingUnusable,
    SignInCancelled,
    SignInFailed,
    SignInTimedOut,
    TokenNotAccepted,
    TokenRejected,
    TryLater,
    Unreachable,
)
from dagctl.domain.services.accounts import AccountService
from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.services.kept import Kept
from dagctl.domain.services.session import elsewhere
from dagctl.domain.values.context import Origin, Sourced, recorded_api_url, recorded_platform
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
from dagctl.domain.values.tokens import (
    Identity,
    TokenSet,
    bounded,
    checked_identity,
    identity_of,
    meant_for,
    without_tokens,
)
from dagctl.ports.api_gateway import ApiGateway
from dagctl.ports.browser import Browser, Page, Query, TypedCode
from dagctl.ports.identity_provider import DeviceCode, Endpoints, IdentityProvider

_NO_GRANT = ("unauthorized_client", "unsupported_grant_type")
"""The error codes of an issuer that does not let this client use the grant (RFC 6749 section 5.2)."""

_PENDING = ("authorization_pending", "slow_down")
"""The error codes of an issuer that still waits for the person (RFC 8628 section 3.5)."""

_LONGEST_PAUSE = 20.0
"""The most seconds between two polls of an issuer that cannot be reached."""


@frozen
class Destination:
    """Where a sign-in goes.

    Attributes:
        organization: its name or ID; None if nothing names one.
        api_url: the platform's API, in canonical form.
        select_account: let the issuer ask which account to use, even if the browser is already signed in.
        login_hint: the account of the last sign-in there, if this one is for the same organization.
    """

    organization: Sourced[str] | None
    api_url: Sourced[str]
    select_account: bool = True
    login_hint: str | None = None

    @property
    def request(self) -> dict[str, str]:
        """Its parameters of the authorization request (OpenID Connect Core 1.0 section 3.1.2.1)."""
        if self.select_account:
            return {"prompt": "select_account"}
        return {"login_hint": self.login_hint} if self.login_hint else {}


@frozen
class SignedIn:
    """A sign-in that succeeded.

    Attributes:
        expires_at: aware; when the tokens expire unless renewed; None if they do not say.
        proxy: None if the platform did not say where its state databases are.
        project: the project that is still chosen; None if there is none.
        project_id: that project's ID; None if only its name is recorded.
    """

    organization: Organization
    identity: Identity
    platform: Platform
    expires_at: datetime | None
    proxy: StateProxy | None
    project: str | None
    project_id: str | None = None


@frozen(eq=False, repr=False)
class LoginService:
    """Signs a person in.

    Attributes:
        accounts: records a sign-in, and keeps the account that it replaces.
        secret: returns a new unguessable string of at least 43 unreserved characters (RFC 7636 section 4.1).
    """

    api: ApiGateway
    identity: IdentityProvider
    accounts: AccountService
    clocks: ClockCheck
    secret: Callable[[], str]

    def destination(
        self, organization: str | None = None, api_url: str | None = None, *, select_account: bool = False
    ) -> Destination:
        """Where a sign-in goes: as the caller says, else as variables and `.dagctl.yaml` say, else as last time.

        The issuer asks which account to use, unless the organization is that of the last sign-in: the browser may be
        signed in with an account of another organization.

        Raises:
            SettingUnusable: the URL is invalid.
            FileProblem: the recorded settings cannot be read.
        """
        here = Kept(self.accounts.storage.current)
        url = self._api_url(api_url, here)
        wanted = self._wanted(organization, here)
        recorded = here.settings.organization
        again = recorded is not None and wanted is not None and recorded.is_called(wanted.value)
        if select_account or not again or recorded_api_url(here.settings) != url.value:
            return Destination(wanted, url)
        return Destination(wanted, url, select_account=False, login_hint=_last_identity(here))

    def _api_url(self, api_url: str | None, here: Kept) -> Sourced[str]:
        override, recorded = self.accounts.sessions.contexts.overrides.api_url, here.settings.api_url
        if api_url is not None:
            return Sourced(canonical_api_url(api_url), Origin.CALLER)
        if override is not None:
            return evolve(override, value=canonical_api_url(override.value))
        if recorded is not None:
            return Sourced(canonical_api_url(recorded), Origin.RECORDED, here.stores.settings.describe())
        return Sourced(HOSTED_API_URL, Origin.BUILT_IN)

    def _wanted(self, organization: str | None, here: Kept) -> Sourced[str] | None:
        override, recorded = self.accounts.sessions.contexts.overrides.organization, here.settings.organization
        if organization is not None:
            return Sourced(organization, Origin.CALLER)
        if override is None and recorded is not None:
            return Sourced(recorded.name, Origin.RECORDED, here.stores.settings.describe())
        return override

    def with_browser(
        self,
        organization: str | None,
        browser: Browser,
        *,
        api_url: str | None = None,
        timeout: float = 300.0,
        select_account: bool = False,
    ) -> SignedIn:
        """Sign in through a browser; `destination` says what the arguments mean.

        Raises:
            SignInFailed: the message says why; nothing was recorded.
            PortTaken: another program uses the callback's port.
            PlatformError: the API or the issuer does not answer, or refuses.
            FileProblem: the tokens cannot be stored.
        """
        goal = self.destination(organization, api_url, select_account=select_account)
        wanted, platform = self._begin(goal)
        endpoints = self.identity.endpoints(platform)
        state, nonce, verifier = self.secret(), self.secret(), Secret(self.secret())
        accept = partial(_answers, state=state, platform=platform, endpoints=endpoints)
        tokens = self.accounts.storage.current.tokens
        with tokens.reserved() as save, browser.listen(accept) as visit:  # listen first: a quick browser may answer
            visit.open(_authorization_url(goal, platform, endpoints, visit.redirect_uri, state, nonce, verifier))
            query = {name: Secret(text) for name, text in visit.wait(timeout).items()}  # the code is among them
            try:
                code = _code(query, platform)
                with tokens.lock():  # only now: nobody else should wait while a person types
                    answer = self.identity.exchange(platform, code, verifier, visit.redirect_uri)
                    signed_in = self._admit(wanted, platform, answer, nonce, save)
            except DagctlError as error:
                visit.show(Page(False, "Not signed in", error.message, problem=error))
                raise
            organization = printable(signed_in.organization.name)
            visit.show(Page(True, "Signed in", f"You are signed in to {organization} as {signed_in.identity.shown}."))
        return signed_in

    def with_device(
        self,
        organization: str | None,
        show: Callable[[DeviceCode], None],
        *,
        api_url: str | None = None,
        timeout: float = 300.0,
        cancelled: Callable[[], bool] | None = None,
    ) -> SignedIn:
        """Sign in with a browser on another device (RFC 8628); `show` gets the code for the person, once.

        Raises as `with_browser` does, and `DeviceGrantRefused` if the issuer has no such grant for this client.
        """
        goal = self.destination(organization, api_url)
        wanted, platform = self._begin(goal)
        try:
            device = self.identity.begin_device(platform)
        except Refused as error:
            if error.code in _NO_GRANT or isinstance(error, NotFound):
                raise _without_device(platform) from None
            raise
        tokens = self.accounts.storage.current.tokens
        with tokens.reserved() as save:
            show(device)
            answer = self._poll(platform, device, timeout, cancelled)
            with tokens.lock():
                return self._admit(wanted, platform, answer, None, save)

    def _poll(
        self, platform: Platform, device: DeviceCode, timeout: float, cancelled: Callable[[], bool] | None
    ) -> TokenSet:
        interval, clock = device.interval, self.clocks.clock
        pause = interval
        trouble: PlatformError | None = None
        end = clock.monotonic() + min(device.expires_in, timeout)
        while clock.monotonic() + pause < end:
            clock.sleep(pause)  # RFC 8628 section 3.5: before the first poll too
            if cancelled is not None and cancelled():
                raise SignInCancelled("The sign-in was cancelled.")
            try:
                return self.identity.poll_device(platform, device.device_code)
            except CertificateRefused:
                raise  # it is an `Unreachable` that no waiting cures
            except Unreachable as error:  # RFC 8628 section 3.5: exponential backoff on timeouts
                pause, trouble = max(interval, min(2 * pause, _LONGEST_PAUSE)), error
            except Refused as error:
                if not isinstance(error, TryLater) and error.code not in _PENDING:
                    raise _of_poll(platform, error) from None
                interval += 5 if error.code == "slow_down" else 0  # RFC 8628 section 3.5: for good
                told = error.retry_after if isinstance(error, TryLater) else None
                pause, trouble = max(interval, told or 0), None if error.code in _PENDING else error
        raise trouble or _too_late(timeout if timeout < device.expires_in else None)

    def _begin(self, goal: Destination) -> tuple[str, Platform]:
        """The organization, and the platform to sign in at. Makes sure that tokens can be stored."""
        if goal.organization is None:
            raise SettingUnusable("The sign-in names no organization.")
        kept = Kept(self.accounts.storage.current)
        tokens = kept.stores.tokens
        if not tokens.writable:
            given_by = tokens.describe()
            raise FileUnusable(f"The session comes from {given_by}, so dagctl cannot sign in.", given_by=given_by)
        with tokens.lock(), tokens.reserved(), suppress(FileCorrupt):  # the sign-in repairs that
            _ = kept.tokens  # an unreadable store must fail here, before any browser opens
        return goal.organization.value, self._platform(goal.api_url.value, kept.settings)

    def _platform(self, url: str, recorded: Settings) -> Platform:
        known = recorded_platform(url, recorded)
        if url == HOSTED_API_URL:
            return known
        advertised = self.api.advertisement(url)
        if advertised is None:
            return known
        if not _vouched_for(advertised, url, recorded):  # people would type their password there
            raise SettingUnusable(
                f"{url} names {advertised.issuer_host} as its issuer, on another host that you have not approved.",
                source=self.accounts.storage.current.settings.describe(),
                api_url=url,
                issuer_host=advertised.issuer_host,
            )
        ours = advertised.issuer_host == known.issuer_host  # a client ID means nothing at another issuer
        client_id = advertised.client_id or (known.client_id if ours else HOSTED_CLIENT_ID)
        return Platform(url, advertised.issuer_host, client_id)

    def _admit(
        self, wanted: str, platform: Platform, answer: TokenSet, nonce: str | None, save: Callable[[TokenSet], None]
    ) -> SignedIn:
        try:
            # OpenID Connect Core section 3.1.3.5: check an answer first; until then, its tokens go nowhere
            with self.clocks.explaining(platform.api_url):
                identity = checked_identity(
                    answer.id_token,
                    issuer=platform.issuer,
                    client_id=platform.client_id,
                    nonce=nonce,
                    now=self.clocks.now(),
                )
            if not meant_for(answer.access_token, platform.api_url):  # a PG proxy would get it as a password
                raise SignInFailed(
                    f"The issuer {platform.issuer_host} issued a token that is not for {platform.api_url}.",
                    issuer_host=platform.issuer_host,
                    code="invalid_token",
                )
            organization = self._membership(wanted, platform, answer, identity)
            proxy = self._state_proxy(ApiAccess(platform.api_url, answer.id_token, organization.id))
            tokens = bounded(answer)
            now = self._record(platform, organization, proxy, lambda: save(tokens))
        except DagctlError:
            if answer.refresh_token:
                with suppress(DagctlError):  # nobody keeps the token, so nobody else can revoke it
                    self.identity.revoke(platform, answer.refresh_token)
            raise
        project, project_id = now.current_project, now.current_project_id
        return SignedIn(organization, identity, platform, tokens.expires_at, proxy, project, project_id)

    def _membership(self, wanted: str, platform: Platform, answer: TokenSet, identity: Identity) -> Organization:
        try:
            organization = self.api.organization(ApiAccess(platform.api_url, answer.id_token), identity.subject)
        except TokenNotAccepted:  # another sign-in would not help
            raise SignInFailed(
                f"{platform.api_url} does not accept the tokens of {platform.issuer_host}.",
                issuer_host=platform.issuer_host,
                code="invalid_token",
            ) from None
        if organization is None:
            raise OrganizationRefused(
                f"{identity.shown} has no organization on {platform.api_url} yet.",
                wanted=wanted,
                api_url=elsewhere(platform),
            )
        if not organization.is_called(wanted):
            name = printable(organization.name)
            raise OrganizationRefused(
                f"{identity.shown} belongs to {name!r}, not to {wanted!r}.",
                organization=name,
                wanted=wanted,
                api_url=elsewhere(platform),
            )
        return organization

    def _state_proxy(self, access: ApiAccess) -> StateProxy | None:
        try:
            return self.api.state_proxy(access)
        except PlatformError:
            return None  # dagctl derives the host from the API's then

    def _record(
        self, platform: Platform, organization: Organization, proxy: StateProxy | None, save: Callable[[], None]
    ) -> Settings:
        """Record who signed in where; return the new settings. The caller holds the token lock.

        If the organization or platform changes, the old account goes to the shelf first. If the process dies there,
        nobody is signed in, but one organization's tokens never end up under another's name.
        """
        here = self.accounts.storage.current.settings
        before = here.load()
        at_home = recorded_api_url(before) == platform.api_url
        stays = at_home and before.current_org == organization.id
        kept = before if stays else Settings(pg_proxy_sslmode=before.pg_proxy_sslmode if at_home else None)
        after = evolve(
            kept,
            current_org=organization.id,
            current_org_name=organization.name,
            api_url=platform.api_url,
            auth0_domain=platform.issuer_host,
            auth0_client_id=platform.client_id,
            pg_proxy_host=proxy.host if proxy else kept.pg_proxy_host,
            pg_proxy_port=proxy.port if proxy else kept.pg_proxy_port,
        )
        with nullcontext() if stays else self.accounts.put_aside():
            if after != before:
                here.save(after)
            save()
        self.accounts.sweep()
        return after


def _last_identity(here: Kept) -> str | None:
    try:
        return identity_of(here.tokens.id_token).email if here.tokens is not None else None
    except (FileProblem, TokenRejected):
        return None


def _authorization_url(
    goal: Destination,
    platform: Platform,
    endpoints: Endpoints,
    redirect_uri: str,
    state: str,
    nonce: str,
    verifier: Secret,
) -> str:
    digest = hashlib.sha256(verifier.reveal().encode("ascii")).digest()
    parameters = {
        "client_id": platform.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "audience": platform.api_url,  # Auth0's own parameter: without it, the access token is not a JWT
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
        "code_challenge_method": "S256",
        "state": state,
        "nonce": nonce,
        **goal.request,
    }
    joint = "&" if "?" in endpoints.authorization else "?"  # RFC 6749 section 3.1: the endpoint may have a query
    return f"{endpoints.authorization}{joint}{urlencode(parameters)}"


def _answers(query: Query, state: str, platform: Platform, endpoints: Endpoints) -> bool:
    """Whether a callback answers this request. If it does not, the wait goes on: anybody can call the port."""
    if isinstance(query, TypedCode):
        return True  # a bare code has no state; PKCE and the nonce bind it to this request (RFC 9700 section 2.1)
    if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):  # RFC 6749 section 10.12
        return False
    issuer = query.get("iss", None if endpoints.names_itself else platform.issuer)
    if issuer != platform.issuer:  # RFC 9207 section 2.4
        return False
    return bool(query.get("code")) != bool(query.get("error"))


def _code(query: Mapping[str, Secret], platform: Platform) -> Secret:
    """The code in an answer to the authorization request; raises if the issuer refuses (RFC 6749 section 4.1.2.1)."""
    if not query.get("error"):
        return query["code"]
    said = (query.get(name, Secret("")).reveal() for name in ("error_description", "error"))
    words, code = (printable(without_tokens(text)).rstrip(".") for text in said)
    why = f"{words} ({code})" if words and code else words or code or "it did not say why"
    raise SignInFailed(f"The issuer refused the sign-in: {why}.", issuer_host=platform.issuer_host, code=code or None)


def _of_poll(platform: Platform, error: Refused) -> DagctlError:
    """The error that ends the polls for a device's tokens (RFC 8628 section 3.5)."""
    if error.code == "expired_token":
        return _too_late(None)
    if error.code in _NO_GRANT:
        return _without_device(platform)
    if error.code is None:
        return error  # the issuer refused the request, not the sign-in
    return SignInFailed(f"The sign-in was refused: {error.message}", issuer_host=platform.issuer_host, code=error.code)


def _without_device(platform: Platform) -> DeviceGrantRefused:
    return DeviceGrantRefused(
        f"The issuer {platform.issuer_host} does not let this client sign in with a device code.",
        issuer_host=platform.issuer_host,
    )


def _too_late(timeout: float | None) -> SignInTimedOut:
    if timeout is None:
        return SignInTimedOut("The device code expired before the sign-in was finished.")
    return SignInTimedOut(f"The sign-in was not finished within {timeout:g} seconds.", timeout=timeout)


def _vouched_for(advertised: Advertisement, api_url: str, recorded: Settings) -> bool:
    """Whether to trust the issuer that an API names: it is on the API's own host, or the user has configured it."""
    api_host = urlsplit(api_url).hostname
    its_own = urlsplit(f"//{advertised.issuer_host}").hostname == api_host
    at_home = recorded.api_url is None or canonical_api_url(recorded.api_url) == api_url
    return its_own or (at_home and advertised.issuer_host == recorded.auth0_domain)
