"""The signed-in session: tokens that are fresh whenever they are asked for."""

from __future__ import annotations

from datetime import datetime
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
    SessionStatus,
    TokenSet,
    bounded,
    claims_of,
    expiry_of,
    issued_by,
    life_of,
    meant_for,
    same_person,
    same_subject,
    status_of,
)

if TYPE_CHECKING:
    from dagctl.ports.identity_provider import IdentityProvider


@frozen
class Session:
    """A context, and tokens of its account that are fresh.

    Attributes:
        kept: what the account has on this machine, as it was read.
    """

    context: Context
    tokens: TokenSet
    kept: Kept

    @property
    def access(self) -> ApiAccess:
        """What a call to the API for the context's organization carries."""
        return ApiAccess(self.context.platform.api_url, self.tokens.id_token, self.context.organization_id)


@frozen
class SessionService:
    """Opens sessions; renews their tokens when they are about to expire, at most one at a time on a machine."""

    contexts: ContextService
    identity: IdentityProvider
    clocks: ClockCheck

    def status(self) -> SessionStatus:
        """Who is signed in. Asks no network.

        Raises:
            FileProblem: the store cannot be read.
        """
        return self.status_in(self.contexts.meant())

    def status_in(self, kept: Kept) -> SessionStatus:
        """The same, of what has been read already."""
        return status_of(kept.tokens, kept.stores.tokens.writable, self._now())

    def fresh(self) -> TokenSet:
        """Tokens that are not about to expire; see `open`."""
        return self.open().tokens

    def open(self, pinned: str | None = None) -> Session:
        """The session to work in: the world is read once, and its tokens are renewed where they are due.

        Args:
            pinned: as for `ContextService.current`.

        Raises:
            NotSignedIn: there are no tokens; `SessionEnded` where the issuer no longer takes the refresh token.
            PlatformError: the tokens are dead and the issuer cannot be asked; `ClockSkewed` where new tokens
                look as if they had to be renewed again at once, and this machine's clock is to blame.
            TokenRejected: the issuer answered with somebody else's tokens.
            FileProblem: the store cannot be read or written.
            DagctlError: as `ContextService.current` does.
        """
        return self.open_in(self.contexts.read(pinned))

    def open_in(self, world: World) -> Session:
        """The same, of what has been read already."""
        return Session(world.context, self._fresh(world), world.kept)

    def renewed(self) -> TokenSet:
        """Tokens that have been renewed just now, whether or not they were due.

        Raises:
            DagctlError: as `open` does, and whatever has kept the tokens from being renewed.
        """
        world = self.contexts.read()
        seen, store = self._tokens(world), world.kept.stores.tokens
        if not store.writable:
            raise FileUnusable(
                f"The session comes from {store.describe()}, and cannot be renewed from here.",
                given_by=store.describe(),
            )
        with store.lock():
            kept = self._still_there(seen, world)
            return kept if kept.access_token != seen.access_token else self._renew(kept, world)

    def end(self, kept: Kept | None = None) -> bool:
        """Sign out: have the refresh token revoked where that can be done, and remove the tokens.

        Args:
            kept: the account to end; the one that commands work with here where None.

        Returns:
            Whether the issuer has confirmed the revocation.

        Raises:
            FileUnusable: the tokens cannot be removed.
        """
        kept = kept or self.contexts.meant()
        try:
            with kept.stores.tokens.lock():  # also while the issuer is asked: no other tokens may come there meanwhile
                return self._ended(kept.again())
        except FileBusy:
            return self._ended(kept.again())

    def _ended(self, kept: Kept) -> bool:
        revoked = self._revoke(kept)
        kept.stores.tokens.clear()
        return revoked

    def _revoke(self, kept: Kept) -> bool:
        try:
            if kept.tokens is None or kept.tokens.refresh_token is None:
                return False
            platform = recorded_platform(recorded_api_url(kept.settings), kept.settings)
            if not issued_by(kept.tokens.id_token, platform.issuer):
                return False
            self.identity.revoke(platform, kept.tokens.refresh_token)
        except DagctlError:
            return False  # signing out never fails for what is on the far side, nor for a corrupt file
        return True

    def _fresh(self, world: World) -> TokenSet:
        seen, store = self._tokens(world), world.kept.stores.tokens
        if not seen.due(self._now()):
            return seen
        if not store.writable:
            return self._as_given(seen, store.describe())
        try:
            with store.lock():
                return self._renew_unless_done(seen, world)
        except (FileBusy, FileUnusable):
            if seen.expired(self._now()):
                raise
            return seen

    def _tokens(self, world: World) -> TokenSet:
        """The tokens as they are kept; without a record of where they are from, they are the hosted platform's."""
        context, tokens = world.context, world.kept.tokens
        if tokens is None:
            raise _signed_out(NotSignedIn, "You are not signed in.", context)
        at_home = context.api_url.value == recorded_api_url(context.recorded)
        if world.kept.stores.tokens.writable and context.recorded.current_org is None and not at_home:
            raise _signed_out(NotSignedIn, f"You are not signed in at {context.api_url.value}.", context)
        self._require_place(tokens, world)
        return tokens

    def _require_place(self, tokens: TokenSet, world: World) -> None:
        """Return if the tokens may go where this world has them go: to its issuer, its API and its state databases.

        Who has given a token for another API than the hosted one does not say whose issuer it is.
        """
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
        kept = self._still_there(seen, world)
        renewed_meanwhile = kept.access_token != seen.access_token
        if renewed_meanwhile and not kept.expired(self._now()):
            return kept
        try:
            return self._renew(kept, world)
        except ClockSkewed:
            raise  # the renewal went well, and so would the next one, at once
        except FileUnusable:
            latest = self._still_there(seen, world)  # the new ones, where there was room and then no saving them
            if latest.expired(self._now()):
                raise
            return latest
        except DagctlError:
            if kept.expired(self._now()):
                raise
            return kept  # it still lives: no reason to stop anybody's work

    def _still_there(self, seen: TokenSet, world: World) -> TokenSet:
        """The tokens as they are kept now, if they are still the same person's."""
        kept = self._tokens(World(world.context, world.kept.again()))
        if not same_person(seen, kept):
            raise ProjectConflict("Another account has become the current one in the meantime.", meanwhile=True)
        return kept

    def _renew(self, kept: TokenSet, world: World) -> TokenSet:
        context = world.context
        if kept.refresh_token is None:
            said = "Your session came without a refresh token, so it cannot be renewed."
            raise _signed_out(SessionEnded, said, context)
        platform, store = context.platform, world.kept.stores.tokens
        with store.reserved() as save:  # once the issuer has answered, the old refresh token is spent
            try:
                answer = self.identity.refresh(platform, kept.refresh_token)
            except Refused as error:
                if error.code != "invalid_grant":
                    raise
                return self._after_invalid_grant(kept, world)
            if answer.id_token and not same_subject(kept.id_token, answer.id_token):
                claims_of(answer.id_token)  # says what is wrong with one that is no JWT
                raise TokenRejected(
                    f"The issuer {platform.issuer_host} answered a refresh with tokens that are not yours.",
                    issuer_host=platform.issuer_host,
                )
            renewed = bounded(kept.renewed_by(answer))
            save(renewed)
        self._doubt(renewed, context, answered=bool(answer.id_token))
        return renewed

    def _doubt(self, renewed: TokenSet, context: Context, *, answered: bool) -> None:
        """New tokens that are due already would be renewed over and over: mostly the clock is wrong.

        Args:
            answered: a new ID token is among them.
        """
        now, platform = self._now(), context.platform
        if not answered and (expiry_of(renewed.id_token) or now) <= now:
            said = "Your ID token has expired, and the issuer gives no new one."
            raise _signed_out(SessionEnded, said, context)
        if not evolve(renewed, lifetime=life_of(renewed.id_token) or renewed.lifetime).due(now):
            return
        self.clocks.require(platform.api_url)
        if renewed.expired(now):
            raise TokenOutOfTime(
                f"New tokens from {platform.issuer_host} look expired already, by this machine's clock.",
                issuer_host=platform.issuer_host,
            )

    def _after_invalid_grant(self, kept: TokenSet, world: World) -> TokenSet:
        """Another client may have renewed in between, one that knows nothing of our lock."""
        store, now = world.kept.stores.tokens, self._now()
        latest = store.load()
        overtaken = latest is not None and latest.refresh_token != kept.refresh_token
        if latest is not None and overtaken and not latest.expired(now) and same_person(kept, latest):
            return latest
        if latest is not None and latest.refresh_token == kept.refresh_token and kept.expired(now):
            store.clear()
        raise _signed_out(SessionEnded, "Your session has ended.", world.context)

    def _as_given(self, given: TokenSet, given_by: str) -> TokenSet:
        if given.expires_at is not None and given.expired(self._now()):
            raise SessionEnded(f"The token in {given_by} has expired.", given_by=given_by)
        return given

    def _now(self) -> datetime:
        return self.clocks.clock.now()


def _signed_out(kind: type[NotSignedIn], said: str, context: Context) -> NotSignedIn:
    """The error of a session that is not there, with where to sign in again."""
    organization = context.organization.value if context.organization else None
    return kind(said, organization=organization, api_url=elsewhere(context.platform))


def elsewhere(platform: Platform) -> str | None:
    """The API of a platform that is not the hosted one; None for the hosted one."""
    return None if platform.api_url == HOSTED_API_URL else platform.api_url
