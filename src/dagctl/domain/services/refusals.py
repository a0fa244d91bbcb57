"""What a refused sign-in means for the person, and what to do about it."""

from __future__ import annotations

from dagctl.domain.errors import DagctlError, Refused, SignInFailed, SignInTimedOut, TryLater
from dagctl.domain.values.platform import Platform
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import without_tokens
from dagctl.ports.identity_provider import DeviceCode

_LATER = "Try again in a few minutes."
SET_UP = (
    "Check auth0_domain and auth0_client_id in config.yaml of the dagctl home. "
    "Where they are right, whoever runs the platform has to allow this."
)
_CURES = {
    "access_denied": "If it was not you who refused, ask whoever runs the platform for access.",
    "invalid_grant": "Begin again: an answer to a sign-in serves once, and not for long.",
    **dict.fromkeys(
        ("login_required", "consent_required", "interaction_required"),
        "Begin again, and finish what the page asks for.",
    ),
    **dict.fromkeys(("invalid_client", "unauthorized_client", "invalid_scope", "invalid_token"), SET_UP),
    **dict.fromkeys(("unsupported_grant_type", "unsupported_response_type"), SET_UP),
    **dict.fromkeys(("server_error", "temporarily_unavailable"), _LATER),
}
"""By error code of RFC 6749 sections 4.1.2.1 and 5.2 and OpenID Connect Core 1.0 section 3.1.2.6."""

NO_GRANT = ("unauthorized_client", "unsupported_grant_type")
"""What an issuer answers whose client is not to sign in this way."""


def of_authorization(error: str, description: str) -> SignInFailed:
    """The issuer's answer to an authorization request says no (RFC 6749 section 4.1.2.1)."""
    words, code = (printable(without_tokens(text)).rstrip(".") for text in (description, error))
    why = f"{words} ({code})" if words and code else words or code or "it does not say why"
    return SignInFailed(f"The issuer refused the sign-in: {why}.", hint=_CURES.get(error))


def with_cure(error: Refused) -> Refused:
    """A refusal of the issuer's, with what to do about it where that can be told."""
    later = _LATER if isinstance(error, TryLater) else None
    error.hint = error.hint or _CURES.get(error.code or "", later)
    return error


def without_device(platform: Platform) -> SignInFailed:
    """The issuer has no device grant for this client."""
    return SignInFailed(
        f"The issuer {platform.issuer_host} does not let this client sign in with a device code.",
        hint="Use --no-browser instead: it works over SSH and in containers too.",
    )


def of_poll(platform: Platform, error: Refused) -> DagctlError:
    """A poll for a device's tokens ends in something else than waiting (RFC 8628 section 3.5)."""
    if error.code in NO_GRANT:
        return without_device(platform)
    cured = with_cure(error)
    if error.code is None:
        return cured  # it is not the sign-in that was refused
    return SignInFailed(f"The sign-in was refused: {error.message}", hint=cured.hint)


def too_late(device: DeviceCode, timeout: float | None) -> SignInTimedOut:
    """Nobody finished in time: before the code expired, or before a shorter patience ended."""
    if timeout is not None and timeout < device.expires_in:
        return SignInTimedOut(
            f"The sign-in was not finished within {timeout:g} seconds.", hint="Try again: --timeout S gives more time."
        )
    return SignInTimedOut(
        "The device code expired before the sign-in was finished.", hint="Begin again: each sign-in has its own code."
    )
