"""The signed-in session: tokens that are fresh whenever they are asked for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

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
    TokenRejected,
)
from dagctl.domain.services.clocks import ClockCheck
from dagctl.domain.services.context import ContextService
from dagctl.domain.values.context import recorded_api_url
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import (
    TokenSet,
    bounded,
    claims_of,
    expiry_of,
    identity_of,
    issued_by,
    life_of,
    same_subject,
)

if TYPE_CHECKING:
    from dagctl.ports.identity_provider import IdentityProvider
    from dagctl.ports.token_store import TokenStore


@frozen
class SessionStatus:
    """Who is signed in, as far as that can be told without asking anybody.

    Attributes:
        signed_in: there are tokens that live, or that can be renewed.
        identity: email address, or `sub` where the ID token has none.
        expires_at: aware; None where that cannot be told.
        renewable: the tokens renew themselves.
    """

    signed_in: bool
    identity: str | None = None
    expires_at: datetime | None = None
    renewable: bool = False


class SessionService:
    """Gives tokens, renewed when they are about to expire; at most one renewal at a time on a machine."""

    def __init__(
        self, context: ContextService, tokens: TokenStore, identity: IdentityProvider, clocks: ClockCheck
    ) -> None:
        self.context = context
        self.tokens = tokens
        self.identity = identity
        self.clocks = clocks
        self.clock = clocks.clock

    def current(self) -> TokenSet:
        """The tokens as they are kept.

        Raises:
            NotSignedIn: there are none.
        """
        kept = self.tokens.load()
        if kept is None:
            return self._signed_out()
        self._require_their_api()
        return kept

    def _require_their_api(self) -> None:
        """Tokens without a record of where they are from are the hosted platform's, if anybody's."""
        context = self.context.current()
        at_home = context.api_url.value == recorded_api_url(context.recorded)
        if self.tokens.writable and context.recorded.current_org is None and not at_home:
            raise NotSignedIn(f"You are not signed in at {context.api_url.value}.", hint=_AGAIN)

    def status(self) -> SessionStatus:
        """Who is signed in. Asks no network."""
        kept = self.tokens.load()
        if kept is None:
            return SessionStatus(signed_in=False)
        renewable = self.tokens.writable and kept.refresh_token is not None
        alive = not kept.expired(self.clock.now())
        return SessionStatus(renewable or alive, _who(kept), kept.expires_at, renewable)

    def fresh(self) -> TokenSet:
        """Tokens that are not about to expire, renewed first where that is needed.

        Raises:
            NotSignedIn: there are none; `SessionEnded` where the issuer no longer takes the refresh token.
            PlatformError: the tokens are dead and the issuer cannot be asked; `ClockSkewed` where new tokens
                look as if they had to be renewed again at once, and this machine's clock is to blame.
            TokenRejected: the issuer answered with somebody else's tokens.
            FileProblem: the store cannot be read or written.
        """
        seen = self.current()
        if not seen.due(self.clock.now()):
            return seen
        if not self.tokens.writable:
            return self._as_given(seen)
        try:
            with self.tokens.lock():
                return self._renew_unless_done(seen)
        except (FileBusy, FileUnusable):
            if seen.expired(self.clock.now()):
                raise
            return seen

    def renewed(self) -> TokenSet:
        """Tokens that have been renewed just now, whether or not they were due.

        Raises:
            DagctlError: as `fresh` does, and whatever has kept the tokens from being renewed.
        """
        seen = self.current()
        if not self.tokens.writable:
            raise FileUnusable(
                f"The session is given by {self.tokens.describe()}, and cannot be renewed from here.",
                hint="Unset it, or put new tokens there.",
            )
        with self.tokens.lock():
            kept = self._still_there(seen)
            return kept if kept.access_token != seen.access_token else self._renew(kept)

    def _renew_unless_done(self, seen: TokenSet) -> TokenSet:
        kept = self._still_there(seen)
        renewed_meanwhile = kept.access_token != seen.access_token
        if renewed_meanwhile and not kept.expired(self.clock.now()):
            return kept
        try:
            return self._renew(kept)
        except ClockSkewed:
            raise  # the renewal went well, and so would the next one, at once
        except DagctlError:
            if kept.expired(self.clock.now()):
                raise
            return kept  # it still lives: no reason to stop anybody's work

    def _still_there(self, seen: TokenSet) -> TokenSet:
        """The tokens as they are kept now, if they are still the same person's."""
        kept = self.current()
        if not _same_person(seen, kept):
            raise ProjectConflict("Another context has become the current one in the meantime.", hint="Begin again.")
        return kept

    def _renew(self, kept: TokenSet) -> TokenSet:
        if kept.refresh_token is None:
            raise SessionEnded("Your session came without a refresh token, so it cannot be renewed.", hint=_AGAIN)
        platform = self._own_platform(kept)
        try:
            answer = self.identity.refresh(platform, kept.refresh_token)
        except Refused as error:
            if error.code != "invalid_grant":
                raise
            return self._after_invalid_grant(kept)
        if answer.id_token and not same_subject(kept.id_token, answer.id_token):
            claims_of(answer.id_token)  # says what is wrong with one that is no JWT
            raise TokenRejected(
                f"The issuer {platform.issuer_host} answered a refresh with tokens that are not yours.",
                hint=_AGAIN,
            )
        renewed = bounded(kept.renewed_by(answer))
        self.tokens.save(renewed)
        self._doubt(renewed, platform, answered=bool(answer.id_token))
        return renewed

    def _own_platform(self, kept: TokenSet) -> Platform:
        """The platform that the tokens are from: no other is told a refresh token."""
        platform = self.context.current().platform
        if not issued_by(kept.id_token, platform.issuer):
            kept_in = self.tokens.describe()
            raise NotSignedIn(f"The tokens in {kept_in} are not from {platform.issuer_host}.", hint=_AGAIN)
        return platform

    def _doubt(self, renewed: TokenSet, platform: Platform, *, answered: bool) -> None:
        """New tokens that are due already would be renewed over and over: mostly the clock is wrong.

        Args:
            answered: a new ID token is among them.
        """
        now = self.clock.now()
        if not answered and (expiry_of(renewed.id_token) or now) <= now:
            raise SessionEnded("Your ID token has expired, and the issuer gives no new one.", hint=_AGAIN)
        if not evolve(renewed, lifetime=life_of(renewed.id_token) or renewed.lifetime).due(now):
            return
        self.clocks.require(platform.api_url)
        if renewed.expired(now):
            raise DagctlError(
                f"New tokens from {platform.issuer_host} look expired already, by this machine's clock.",
                hint="Is the clock right? dagctl doctor compares it with the API's.",
            )

    def _after_invalid_grant(self, kept: TokenSet) -> TokenSet:
        """Another client may have renewed in between, one that knows nothing of our lock."""
        latest = self.tokens.load()
        now = self.clock.now()
        overtaken = latest is not None and latest.refresh_token != kept.refresh_token
        if latest is not None and overtaken and not latest.expired(now) and _same_person(kept, latest):
            return latest
        if latest is not None and latest.refresh_token == kept.refresh_token and kept.expired(now):
            self.tokens.clear()
        raise SessionEnded("Your session has ended.", hint=_AGAIN)

    def _as_given(self, given: TokenSet) -> TokenSet:
        if given.expires_at is not None and given.expired(self.clock.now()):
            raise SessionEnded(
                f"The token in {self.tokens.describe()} has expired.",
                hint="Put new ones into DAGCTL_ACCESS_TOKEN and DAGCTL_ID_TOKEN.",
            )
        return given

    def _signed_out(self) -> NoReturn:
        raise NotSignedIn("You are not signed in.", hint=_AGAIN)

    def end(self) -> bool:
        """Sign out: have the refresh token revoked where that can be done, and remove the tokens.

        Returns:
            Whether the issuer has confirmed the revocation.

        Raises:
            FileUnusable: the tokens cannot be removed.
        """
        try:
            with self.tokens.lock():  # also while the issuer is asked: no other tokens may come there meanwhile
                return self._ended()
        except FileBusy:
            return self._ended()

    def _ended(self) -> bool:
        revoked = self._revoke()
        self.tokens.clear()
        return revoked

    def _revoke(self) -> bool:
        try:
            kept = self.tokens.load()
            if kept is None or kept.refresh_token is None:
                return False
            self.identity.revoke(self._own_platform(kept), kept.refresh_token)
        except DagctlError:
            return False  # signing out never fails for what is on the far side, nor for a corrupt file
        return True


def _same_person(one: TokenSet, other: TokenSet) -> bool:
    return one.id_token == other.id_token or same_subject(one.id_token, other.id_token)


def _who(tokens: TokenSet) -> str | None:
    try:
        identity = identity_of(tokens.id_token)
    except TokenRejected:
        return None
    return printable(identity.email or identity.subject)


_AGAIN = "Run: dagctl auth login --org ORG"
