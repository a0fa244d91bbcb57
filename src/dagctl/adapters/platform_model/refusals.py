"""How the platform refuses; memory and sandbox each translate it."""

from __future__ import annotations

from enum import Enum


class Refusal(Exception):
    """The platform refuses; the message is a sentence."""

    @property
    def phrase(self) -> str:
        """The sentence, to be a part of another."""
        said = str(self)
        return said[0].lower() + said[1:].rstrip(".")


class OAuthError(Refusal):
    """An OAuth 2.0 error answer (RFC 6749 section 5.2, RFC 8628 section 3.5). It repeats nothing from the request.

    Attributes:
        code: its `error`; the message is its `error_description`.
    """

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class Kind(Enum):
    """The reason for a refusal; the value is its HTTP status."""

    BAD_REQUEST = 400
    NOT_ACCEPTED = 401
    REFUSED = 403
    NOT_FOUND = 404


class ApiRefusal(Refusal):
    """The management API or the PG proxy refuses."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class NotOurs(Exception):
    """The signer did not sign the token."""
