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
class OrganizationWire:
    """An organization in an answer."""

    id: Identifier
    name: Name | None = None


@define
class OnboardingWire:
    """`GET /api/v1/onboarding/status`."""

    onboarded: bool = False
    organization: OrganizationWire | None = None


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
class ProjectWire:
    """A project in an answer."""

    id: Identifier
    name: Name | None = None


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
    if isinstance(value, str) and not re.search("[\ud800-\udfff]", value):
        return value
    raise TypeError("expected a string")


def _name(value: object, _: object) -> str:
    text = _text(value, _)
    if re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text):
        raise TypeError("expected a string without control characters")
    return text


def _texts(value: object, _: object) -> list[str]:
    if isinstance(value, list):  # cattrs would take an object for its names
        return [_text(item, _) for item in value]
    raise TypeError("expected a list of strings")


def _identifier(value: object, _: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return _name(value, _)
    raise TypeError("expected a string that is not empty")


def _token(value: object, _: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]+", value):
        return value
    raise TypeError("expected a string of visible characters")


def _boolean(value: object, _: object) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError("expected true or false")


def _integer(value: object, _: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError("expected an integer")


def _converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook_func(lambda kind: kind == list[str], _texts)
    converter.register_structure_hook(Name, _name)
    converter.register_structure_hook(Identifier, _identifier)
    converter.register_structure_hook(Token, _token)
    converter.register_structure_hook(Secret, lambda value, kind: Secret(_token(value, kind)))
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook(int, _integer)
    return converter


_CONVERTER = _converter()


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
