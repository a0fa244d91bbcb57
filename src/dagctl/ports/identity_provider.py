"""The OpenID Connect issuer where people sign in."""

from __future__ import annotations

from typing import Protocol

from attrs import field, frozen

from dagctl.domain.values.platform import Platform
from dagctl.domain.values.secret import Secret, secret
from dagctl.domain.values.tokens import TokenSet


@frozen
class Endpoints:
    """The endpoints of an issuer (OpenID Connect Discovery 1.0 section 3) that a client needs.

    Attributes:
        names_itself: the issuer adds `iss` to its answers (RFC 9207 section 3); an answer without it is forged.
    """

    authorization: str
    names_itself: bool = False


@frozen
class DeviceCode:
    """A device authorization response (RFC 8628 section 3.2); times in seconds."""

    device_code: Secret = field(converter=secret)
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in: float
    interval: float


class IdentityProvider(Protocol):
    """Talks to the issuer of a `Platform`.

    In the `TokenSet` that a method returns, `id_token` is empty if a refresh brought none, and `expires_at` is the
    earlier of the answer's `expires_in` and the ID token's `exp`.

    Raises:
        Unreachable: no connection, no answer in time; `CertificateRefused` if TLS could not be verified.
        Refused: an OAuth 2.0 error answer; `code` says which (RFC 6749 section 5.2, RFC 8628 section 3.5).
        Malformed: the answer breaks the protocol.
    """

    def endpoints(self, platform: Platform) -> Endpoints:
        """The issuer's endpoints, from its discovery document; Auth0's usual ones if it has none."""

    def exchange(self, platform: Platform, code: Secret, verifier: Secret, redirect_uri: str) -> TokenSet:
        """Tokens for an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""

    def refresh(self, platform: Platform, refresh_token: Secret) -> TokenSet:
        """Tokens for a refresh token (RFC 6749 section 6)."""

    def revoke(self, platform: Platform, refresh_token: Secret) -> None:
        """Revoke the refresh token and its family (RFC 7009)."""

    def begin_device(self, platform: Platform) -> DeviceCode:
        """Begin a device authorization (RFC 8628 section 3.1)."""

    def poll_device(self, platform: Platform, device_code: Secret) -> TokenSet:
        """Ask once whether the person has finished (RFC 8628 section 3.4)."""
