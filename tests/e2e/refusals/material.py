"""Token material: made, remembered, and searched for in everything that can be seen."""

from __future__ import annotations

import base64
import json
import re
import secrets
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from attrs import define, field

LENGTH = 16
"""So many characters in a row of a secret are a leak, wherever in the secret they stand."""

ABSENT = object()
"""Stands for a member that is left out."""


@define
class Material:
    """The secrets of one test.

    Attributes:
        names: what each piece of `LENGTH` characters belongs to.
    """

    names: dict[str, str] = field(factory=dict)

    def note(self, name: str, secret: str) -> str:
        """Remember a secret; its parts of base64url are secrets too."""
        for part in re.findall(r"[A-Za-z0-9_-]+", secret):
            self.names |= dict.fromkeys(_pieces(part), name)
        return secret

    def new(self, name: str) -> str:
        """A secret that nobody knows yet."""
        return self.note(name, secrets.token_urlsafe(32))

    def jwt(self, name: str, claims: object, header: object = None, signature: str | None = None) -> str:
        """A JWT, signed by nobody; claims and header may be text that is encoded as it stands."""
        parts = [_segment({"alg": "RS256", "typ": "JWT"} if header is None else header), _segment(claims)]
        parts.append(secrets.token_hex(48) if signature is None else signature)
        return self.note(name, ".".join(parts))

    def found_in(self, text: str) -> set[str]:
        """The names of the secrets of which `text` holds a piece, also percent-encoded."""
        seen = {*_pieces(text), *_pieces(unquote(text))}
        return {self.names[piece] for piece in self.names.keys() & seen}

    def kinds(self) -> set[str]:
        """The names of all secrets."""
        return set(self.names.values())


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + LENGTH] for start in range(len(text) - LENGTH + 1))


def _segment(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(present(value)).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def present(value: Any) -> Any:
    """`value` without the members that are `ABSENT`."""
    return (
        {name: member for name, member in value.items() if member is not ABSENT} if isinstance(value, dict) else value
    )


def told_by(error: BaseException | None) -> str:
    """All that an error and those before it tell: to people, to debuggers, to whoever logs it."""
    told = [] if error is None else traceback.format_exception(error)
    while error is not None:
        told += [str(error), repr(error), repr(error.args), repr(vars(error)), repr(getattr(error, "__notes__", ""))]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(told)
