"""The signed-in session, whose tokens are always fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from dagctl.domain.errors import (
    ClockSkewed,
    DagctlError,
    FileBusy,
    FileUnusable,
    NotSignedIn,
    ProjectConflict,
    Refused,
    SessionEnded,
    TokenOutOfTime,
    TokenRejected,
)
from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.services.context import ContextService, World
from dagctl.domain.services.kept import Kept
from dagctl.domain.values.context import Context, recorded_api_url, recorded_platform
from dagctl.domain.values.platform import HOSTED_API_URL, ApiAccess, Platform
from dagctl.domain.values.tokens import (
    TokenSet,
    bounded,
    claims_of,
    expiry_of,
    issued_by,
    life_of,
    meant_for,
    same_person,
    same_subject,
)

if TYPE_CHECKING:
    from dagctl.domain.values.account import SessionStatus
    from dagctl.ports.identity_provider import IdentityProvider


@frozen(repr=False)
class Session:
    """A context, and its account's fresh tokens.

    Attributes:
        kept: the stored account, as this session read it.
    """

    context: Context
    tokens: TokenSet
    kept: Kept

    @property
    def access(self) -> ApiAccess:
        """What a call to the API on behalf of the context's organization carries."""
        return ApiAccess(self.context.platform.api_url, self.tokens.id_token, self.context.organization_id)


@frozen(eq=False, repr=False)
class SessionService:
    """Opens sessions. Renews tokens that are about to expire, one renewal at a time on a machine."""

    contexts: ContextService
    identity: IdentityProvider
    clocks: ClockCheck

    def status(self) -> SessionStatus:
        """Who is signed in. Uses no network.

        Raises:
            FileProblem: the store cannot be read.
        """
        return self.status_in(self.contexts.meant())

    def status_in(self, kept: Kept) -> SessionStatus:
        """The same, for an account that the caller has read."""
        from dagctl.domain.values.account import status_of

        return status_of(kept.tokens, kept.stores.tokens.writable, self.clocks.now())

    def fresh(self) -> TokenSet:
        """Tokens that are not about to expire; see `open`."""
        return self.open().tokens

    def open(self, pinned: str | None = None) -> Session:
        """The session to work in. Reads the world once, and renews tokens that are due.

        Args:
            pinned: as for `ContextService.current`.

        Raises:
            NotSignedIn: there are no tokens; `SessionEnded` if the issuer no longer accepts the refresh token.
            PlatformError: the tokens have expired and the issuer does not answer; `ClockSkewed` if new tokens are due
                again at once because this machine's clock is wrong.
            TokenRejected: the issuer answered with somebody else's tokens.
            FileProblem: the store cannot be read or written.
            DagctlError: as `ContextService.current` does.
        """
        return self.open_in(self.contexts.read(pinned))

    def open_in(self, world: World) -> Session:
        """The same, for a world that the caller has read."""
        return Session(world.context, self._fresh(world), world.kept)

    def renewed(self) -> TokenSet:
        """Renew the tokens now, whether or not they are due.

        Raises:
            DagctlError: as `open` does, and whatever error stops the renewal.
        """
        world = self.contexts.read()
        seen, store = self._tokens(world), world.kept.stores.tokens
        if not store.writable:
            raise FileUnusable(
                f"The session comes from {store.describe()}, so dagctl cannot renew it.",
                given_by=store.describe(),
            )
        with store.lock():
            kept = self._still_there(seen, world)
            return kept if kept.access_token != seen.access_token else self._renew(kept, world)

    def end(self, kept: Kept | None = None) -> bool:
        """Sign out: revoke the refresh token if the issuer can be reached, and remove the tokens.

        Args:
            kept: the account to sign out of; None for the account that commands use here.

        Returns:
            Whether the issuer confirmed the revocation.

        Raises:
            FileUnusable: the tokens cannot be removed.
        """
        kept = kept or self.contexts.meant()
        try:
            with kept.stores.tokens.lock():  # across the call to the issuer: nobody may store other tokens meanwhile
                return self._ended(kept.again())
        except FileBusy:
            return self._ended(kept.again())  # a person who signs out need not wait for a process that hangs

    def _ended(self, kept: Kept) -> bool:
        revoked = self._revoke(kept)  # first: nobody could revoke a token that is gone
        kept.stores.tokens.clear()
        return revoked

    def _revoke(self, kept: Kept) -> bool:
        try:
            if kept.tokens is None or kept.tokens.refresh_token is None:
                return False
            platform = recorded_platform(recorded_api_url(kept.settings), kept.settings)
            if not issued_by(kept.tokens.id_token, platform.issuer):
                return False  # the settings name another issuer, which must not see this token
            self.identity.revoke(platform, kept.tokens.refresh_token)
        except DagctlError:
            return False  # neither the issuer nor a corrupt file may keep anybody from signing out
        return True

    def _fresh(self, world: World) -> TokenSet:
        seen, store = self._tokens(world), world.kept.stores.tokens
        if not seen.due(self.clocks.now()):
            return seen
        if not store.writable:
            if seen.expires_at is not None and seen.expired(self.clocks.now()):
                given_by = store.describe()
                raise SessionEnded(f"The token in {given_by} has expired.", given_by=given_by)
            return seen
        try:
            # one at a time: to an issuer that rotates refresh tokens, a second use is a theft (RFC 9700 section 4.14.2)
            with store.lock():
                return self._renew_unless_done(seen, world)
        except (FileBusy, FileUnusable):
            if seen.expired(self.clocks.now()):
                raise
            return seen  # due, but still valid

    def _tokens(self, world: World) -> TokenSet:
        """The stored tokens. If nothing records where they come from, they belong to the hosted platform."""
        context, tokens = world.context, world.kept.tokens
        if tokens is None:
            raise _signed_out(NotSignedIn, "You are not signed in.", context)
        at_home = context.api_url.value == recorded_api_url(context.recorded)
        if world.kept.stores.tokens.writable and context.recorded.current_org is None and not at_home:
            raise _signed_out(NotSignedIn, f"You are not signed in at {context.api_url.value}.", context)
        self._require_place(tokens, world)
        return tokens

    def _require_place(self, tokens: TokenSet, world: World) -> None:
        """Return if the tokens may go to this world's issuer, API and state databases.

        If the tokens come from variables and the API is not the hosted one, nothing says which issuer to expect.
        """
        # RFC 6749 section 10.3: each token goes only to the server that it is for; a setting may name another by now
        platform, store = world.context.platform, world.kept.stores.tokens
        known = store.writable or platform.api_url == HOSTED_API_URL
        if known and not issued_by(tokens.id_token, platform.issuer):
            said = f"The tokens in {store.describe()} are not from {platform.issuer_host}."
        elif not meant_for(tokens.access_token, platform.api_url):
            said = f"The tokens in {store.describe()} are not for {platform.api_url}."
        else:
            return
        refusal = _signed_out(NotSignedIn, said, world.context)
        refusal.given_by = None if store.writable else store.describe()
        raise refusal

    def _renew_unless_done(self, seen: TokenSet, world: World) -> TokenSet:
        kept = self._still_there(seen, world)  # under the lock, since its last holder may have renewed them
        if kept.access_token != seen.access_token and not kept.expired(self.clocks.now()):
            return kept
        try:
            return self._renew(kept, world)
        except ClockSkewed:
            raise  # the renewal succeeded; another one would only repeat this
        except FileUnusable:
            latest = self._still_there(seen, world)  # the new tokens, if the store could put them elsewhere
            if latest.expired(self.clocks.now()):
                raise
            return latest
        except DagctlError:
            if kept.expired(self.clocks.now()):
                raise
            return kept  # it is still valid

    def _still_there(self, seen: TokenSet, world: World) -> TokenSet:
        """The tokens in the store now, if they still belong to the same person."""
        kept = self._tokens(World(world.context, world.kept.again()))
        if not same_person(seen, kept):
            raise ProjectConflict("The current account has changed in the meantime.", meanwhile=True)
        return kept

    def _renew(self, kept: TokenSet, world: World) -> TokenSet:
        context = world.context
        if kept.refresh_token is None:
            said = "Your session came without a refresh token, so it cannot be renewed."
            raise _signed_out(SessionEnded, said, context)
        platform, store = context.platform, world.kept.stores.tokens
        with store.reserved() as save:  # the issuer's answer spends the old refresh token, so nothing may be lost now
            try:
                answer = self.identity.refresh(platform, kept.refresh_token)
            except Refused as error:
                if error.code != "invalid_grant":  # RFC 6749 section 5.2: only this ends the session
                    raise
                return self._after_invalid_grant(kept, world)
            # OpenID Connect Core section 12.2: a refresh need not return an ID token, but not somebody else's
            if answer.id_token and not same_subject(kept.id_token, answer.id_token):
                claims_of(answer.id_token)  # raises a more precise error if it is not a JWT
                raise TokenRejected(
                    f"The issuer {platform.issuer_host} answered a refresh with tokens that are not yours.",
                    issuer_host=platform.issuer_host,
                )
            renewed = bounded(kept.renewed_by(answer))
            save(renewed)  # before any doubt about them: the old refresh token is spent
        self._doubt(renewed, context, new_id_token=bool(answer.id_token))
        return renewed

    def _doubt(self, renewed: TokenSet, context: Context, *, new_id_token: bool) -> None:
        """Refuse new tokens that are due again at once, or dagctl would renew forever: usually the clock is wrong."""
        now, platform = self.clocks.now(), context.platform
        if not new_id_token and (expiry_of(renewed.id_token) or now) <= now:
            said = "Your ID token has expired, and the issuer did not issue a new one."
            raise _signed_out(SessionEnded, said, context)
        # by the issuer's own `iat` and `exp`: `lifetime` depends on this machine's clock, which is in question
        if not evolve(renewed, lifetime=life_of(renewed.id_token) or renewed.lifetime).due(now):
            return
        self.clocks.require(platform.api_url)
        if renewed.expired(now):
            raise TokenOutOfTime(
                f"By this machine's clock, new tokens from {platform.issuer_host} have already expired.",
                issuer_host=platform.issuer_host,
            )

    def _after_invalid_grant(self, kept: TokenSet, world: World) -> TokenSet:
        """Use the tokens of another client that renewed in between without taking our lock, if there are any."""
        store, now = world.kept.stores.tokens, self.clocks.now()
        latest = store.load()
        if latest is not None and latest.refresh_token != kept.refresh_token:
            if not latest.expired(now) and same_person(kept, latest):
                return latest
        elif latest is not None and kept.expired(now):  # until then, databases and the API still take them
            store.clear()
        raise _signed_out(SessionEnded, "Your session has ended.", world.context)


def _signed_out(kind: type[NotSignedIn], said: str, context: Context) -> NotSignedIn:
    """An error that says where to sign in again."""
    organization = context.organization.value if context.organization else None
    return kind(said, organization=organization, api_url=elsewhere(context.platform))


def elsewhere(platform: Platform) -> str | None:
    """A platform's API; None for the hosted platform."""
    return None if platform.api_url == HOSTED_API_URL else platform.api_url
