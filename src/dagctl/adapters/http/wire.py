"""Reads the platform's JSON objects strictly. An error names the path of a missing or mistyped member."""

from __future__ import annotations

import re
from typing import Any, NewType, TypeVar

from attrs import define, field
from cattrs import BaseValidationError, Converter
from cattrs import transform_error as explain

from dagctl.adapters.http.answers import malformed, members
from dagctl.adapters.http.transport import Answer
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.text import printable

T = TypeVar("T")

Identifier = NewType("Identifier", str)
"""Text that is not empty. A whole number is accepted as its digits."""

Token = NewType("Token", str)
"""One or more visible ASCII characters (RFC 6749 appendix A.12; a space would break RFC 6750's header)."""

Name = NewType("Name", str)
"""Text that is safe to show: no terminal control, no line break, no change of direction."""


@define
class NamedWire:
    """An organization or a project in an answer."""

    id: Identifier
    name: Name | None = None


@define
class OnboardingWire:
    """`GET /api/v1/onboarding/status`."""

    onboarded: bool = False
    organization: NamedWire | None = None


@define
class ProxyWire:
    """The PG proxy in an answer."""

    host: str
    port: int = 5432


@define
class EnvironmentInfoWire:
    """`GET /api/v1/env/info`."""

    state_proxy: ProxyWire | None = None


@define
class ResourceMetadataWire:
    """Protected resource metadata (RFC 9728 section 2), with the platform's own member in it."""

    resource: str
    authorization_servers: list[str] = field(factory=list)
    dagctl_client_id: str | None = None


@define
class ProviderMetadataWire:
    """Provider metadata (OpenID Connect Discovery 1.0 section 3)."""

    issuer: str
    authorization_endpoint: str
    device_authorization_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False


@define
class TokenWire:
    """A token answer (RFC 6749 section 5.1)."""

    access_token: Secret
    id_token: Secret | None = None
    refresh_token: Secret | None = None
    token_type: str = "Bearer"  # noqa: S105 - a kind of token
    expires_in: Any = None


@define
class DeviceWire:
    """A device authorization answer (RFC 8628 section 3.2)."""

    device_code: Secret
    user_code: Token
    verification_uri: str
    expires_in: int
    verification_uri_complete: str | None = None
    interval: int = 5


def _text(value: object, _: object) -> str:
    if isinstance(value, str) and not re.search("[\ud800-\udfff]", value):  # half a surrogate pair cannot be encoded
        return value
    raise TypeError("expected a string")


def _name(value: object, _: object) -> str:
    text = _text(value, _)
    # C0 and C1 controls, line and paragraph separators, bidirectional overrides and isolates (UAX 9)
    if re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text):
        raise TypeError("expected a string without control characters")
    return text


def _texts(value: object, _: object) -> list[str]:
    if isinstance(value, list):  # cattrs would take an object for its names
        return [_text(item, _) for item in value]
    raise TypeError("expected a list of strings")


def _identifier(value: object, _: object) -> str:
    if type(value) is int:  # not a bool
        return str(value)
    if isinstance(value, str) and value:
        return _name(value, _)
    raise TypeError("expected a string that is not empty")


def _token(value: object, _: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]+", value):
        return value
    raise TypeError("expected a string of visible characters")


def _exactly(value: object, kind: type[T]) -> T:
    if type(value) is kind:  # Python's true is an int, JSON's is no number
        return value
    raise TypeError("expected true or false" if kind is bool else "expected an integer")


# cattrs by itself converts what does not fit: 1 to "1", "no" to True
_CONVERTER = Converter()
_CONVERTER.register_structure_hook(str, _text)
_CONVERTER.register_structure_hook_func(lambda kind: kind == list[str], _texts)
_CONVERTER.register_structure_hook(Name, _name)
_CONVERTER.register_structure_hook(Identifier, _identifier)
_CONVERTER.register_structure_hook(Token, _token)
_CONVERTER.register_structure_hook(Secret, lambda value, kind: Secret(_token(value, kind)))
_CONVERTER.register_structure_hook(bool, _exactly)
_CONVERTER.register_structure_hook(int, _exactly)


def structure(value: object, kind: type[T], answer: Answer) -> T:
    """`value`, taken from `answer`, as a wire class.

    Raises:
        Malformed: it does not fit. The message says where and how.
    """
    found = members(value, answer)
    try:
        return _CONVERTER.structure(found, kind)
    except BaseValidationError as error:
        complaint = printable(explain(error, format_exception=_complaint)[0].replace(" @ ", " at "))
    raise malformed(answer, f"answers with unexpected JSON: {complaint}")


def _complaint(error: BaseException, _: object) -> str:
    """What is wrong, without the offending value."""
    if isinstance(error, KeyError):
        return "a member is missing"
    said = str(error)
    return said if isinstance(error, TypeError) and said.startswith("expected") else "another shape than expected"
