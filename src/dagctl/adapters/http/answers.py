"""Reads the parts of an answer that need no wire class: its JSON, the server's words in a refusal, a verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote_plus, urlsplit

from dagctl.adapters.http.transport import Answer
from dagctl.domain.errors import Malformed, NotFound, PlatformError, Refused, TryLater
from dagctl.domain.values.targets import Verdict, sanitized
from dagctl.domain.values.text import printable
from dagctl.domain.values.tokens import without_tokens

P = ParamSpec("P")
T = TypeVar("T")

_TELLING = 16
"""A fragment of a token of at least this many characters gives something away."""


def malformed(answer: Answer, how: str) -> Malformed:
    """The error for an answer that breaks the protocol.

    Args:
        how: completes a sentence whose subject is the server.
    """
    return Malformed(f"{answer.where} {how}.", host=answer.host)


def sealed(read: Callable[P, T]) -> Callable[P, T]:
    """Make `read` raise without the frames below it: their variables hold the answer, which may contain tokens."""

    @wraps(read)
    def reading(*args: P.args, **options: P.kwargs) -> T:
        try:
            return read(*args, **options)
        except PlatformError as error:
            raise error.with_traceback(None) from None

    return reading


def document(answer: Answer) -> Any:
    """The JSON value in an answer's body.

    Raises:
        Malformed: the body is not JSON, or an object repeats a member.
    """
    try:
        # RFC 8259: UTF-8, no NaN or Infinity (section 6), and no name twice (section 4: readers disagree about it)
        return json.loads(answer.body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise malformed(answer, "answers with something that is not JSON") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(name: str) -> None:
    raise ValueError


def members(value: object, answer: Answer) -> dict[str, Any]:
    """The members of `value`, taken from `answer`.

    Raises:
        Malformed: it is not a JSON object.
    """
    if not isinstance(value, dict):
        raise malformed(answer, "answers with something that is not a JSON object")
    return value


def verdict(found: Mapping[str, Any], answer: Answer, project_id: str, environment: str | None) -> Verdict:
    """The verdict in an answer to `GET /api/v1/environment-protections/check`.

    This checks the members by hand: every plan waits for it, and importing cattrs takes longer than the request.

    Raises:
        Malformed: the answer does not fit the question.
    """
    allowed, named, project = found.get("allowed"), found.get("environment"), found.get("project_id")
    if not isinstance(allowed, bool):
        raise malformed(answer, "answers with unexpected JSON: expected true or false at $.allowed")
    if named is not None and not isinstance(named, str):
        raise malformed(answer, "answers with unexpected JSON: expected a string at $.environment")
    if environment is not None and named is not None and sanitized(named) != sanitized(environment):
        raise malformed(answer, f"answers for another environment than {environment!r}")
    if project is not None and (isinstance(project, bool) or str(project) != project_id):
        raise malformed(answer, f"answers for another project than {project_id!r}")
    return Verdict(allowed=allowed)


def https_host(url: str) -> str | None:
    """The host (with any port) of an https URL that is safe to show and open; None for any other URL."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        return None
    # `urlsplit` accepts URLs that browsers read differently, such as "https://issuer.test\@evil.test"
    fit = re.fullmatch(r"[!-~]+", url) and not re.search(r"[\\<>\"^`{|}]", url) and "@" not in parts.netloc
    return parts.netloc.lower() if whole and fit else None


def words(value: object, answer: Answer) -> str:
    """The server's own words as one short line, without any secret that the server may have echoed."""
    if not isinstance(value, str):
        return ""
    for secret in (hidden.reveal() for hidden in answer.secrets):
        parts = [part for part in secret.split(".") if len(part) >= _TELLING]  # a part of a JWT is telling, too
        for form in (secret, quote_plus(secret), *parts):
            value = value.replace(form, "…")
    return printable(without_tokens(value))


def told(answer: Answer) -> dict[str, Any]:
    """The members of a body that may be anything; none if it is not a JSON object."""
    with suppress(Malformed):
        return members(document(answer), answer)
    return {}


def refusal(answer: Answer) -> Refused:
    """The error for a status that says no, with the server's own words if it sent any."""
    found = told(answer)
    said = [words(found.get(name), answer).rstrip(".") for name in ("error_description", "message", "error")]
    why = next((f": {phrase}" for phrase in said if phrase), "")
    kind = _KINDS.get(answer.status, TryLater if answer.status >= 500 else Refused)
    wait = {"retry_after": answer.retry_after} if kind is TryLater else {}
    sentence = f"{answer.where} answers with HTTP status {answer.status}{why}."
    return kind(sentence, host=answer.host, code=words(found.get("error"), answer) or None, **wait)


_KINDS: Mapping[int, type[Refused]] = {404: NotFound, 405: NotFound, 429: TryLater}
