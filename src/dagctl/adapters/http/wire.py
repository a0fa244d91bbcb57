"""JSON from the platform, taken apart strictly: what is missing or of another type is named by its path."""

from __future__ import annotations

import json
import re
from typing import Any, NewType, TypeVar
from urllib.parse import urlsplit

from attrs import define, field
from cattrs import BaseValidationError, Converter
from cattrs import transform_error as explain

from dagctl.adapters.http.transport import Answer
from dagctl.domain.errors import Malformed, Refused
from dagctl.domain.text import printable

T = TypeVar("T")

Identifier = NewType("Identifier", str)
"""Text that is not empty; a whole number is taken too, for its digits."""

Token = NewType("Token", str)
"""One or more visible ASCII characters (RFC 6749 appendix A.12; a space would break RFC 6750's header)."""


@define
class OrganizationWire:
    """An organization in an answer."""

    id: Identifier
    name: str | None = None


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
    name: str | None = None


@define
class ProtectionWire:
    """`GET /api/v1/environment-protections/check`."""

    allowed: bool
    environment: str | None = None
    project_id: Identifier | None = None


@define
class ResourceMetadataWire:
    """Protected resource metadata (RFC 9728 section 2), and our own member in it."""

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

    access_token: Token = field(repr=False)
    id_token: Token | None = field(default=None, repr=False)
    refresh_token: Token | None = field(default=None, repr=False)
    token_type: str = "Bearer"  # noqa: S105 - a kind of token
    expires_in: Any = None


@define
class DeviceWire:
    """A device authorization answer (RFC 8628 section 3.2)."""

    device_code: Token = field(repr=False)
    user_code: Token
    verification_uri: str
    expires_in: int
    verification_uri_complete: str | None = None
    interval: int = 5


def _text(value: object, _: object) -> str:
    if isinstance(value, str) and not re.search("[\ud800-\udfff]", value):
        return value
    raise TypeError("expected a string")


def _identifier(value: object, _: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return _text(value, _)
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
    converter.register_structure_hook(Identifier, _identifier)
    converter.register_structure_hook(Token, _token)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook(int, _integer)
    return converter


_CONVERTER = _converter()


def document(answer: Answer) -> Any:
    """The JSON value in an answer's body (RFC 8259).

    Raises:
        Malformed: there is none, or one of its objects has a member twice.
    """
    try:
        return json.loads(answer.body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Malformed(f"{answer.where} answers with something that is not JSON.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate member")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def structure(value: object, kind: type[T], answer: Answer) -> T:
    """`value`, taken from `answer`, as a wire class.

    Raises:
        Malformed: it does not fit; the message says where and how.
    """
    if not isinstance(value, dict):
        raise Malformed(f"{answer.where} answers with something that is not a JSON object.")
    try:
        return _CONVERTER.structure(value, kind)
    except BaseValidationError as error:
        complaint = printable(explain(error, format_exception=_complaint)[0].replace(" @ ", " at "))
    raise Malformed(f"{answer.where} answers with unexpected JSON: {complaint}.")


def _complaint(error: BaseException, _: object) -> str:
    """What is wrong, without the value that is."""
    if isinstance(error, KeyError):
        return "a member is missing"
    said = str(error)
    return said if isinstance(error, TypeError) and said.startswith("expected") else "another shape than expected"


def https_host(url: str) -> str | None:
    """Host, and port where there is one, of an https URL that is fit to be shown and opened; None for any other."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        return None
    fit = re.fullmatch(r"[!-~]+", url) and not re.search(r"[\\<>\"^`{|}]", url) and "@" not in parts.netloc
    return parts.netloc.lower() if whole and fit else None


def words(value: object, answer: Answer) -> str:
    """The server's own words, fit to be shown: one short line, and nothing secret that it may have repeated."""
    if not isinstance(value, str):
        return ""
    for secret in answer.secrets:
        value = value.replace(secret, "…")
    return printable(value)


def refusal(answer: Answer) -> Refused:
    """An answer whose status says no, with the server's own words where it has some."""
    try:
        body = document(answer)
    except Malformed:
        body = None
    members = body if isinstance(body, dict) else {}
    said = [words(members.get(name), answer).rstrip(".") for name in ("error_description", "message", "error")]
    why = next((f": {phrase}" for phrase in said if phrase), "")
    return Refused(
        f"{answer.where} answers with HTTP status {answer.status}{why}.",
        status=answer.status,
        code=words(members.get("error"), answer) or None,
    )
