"""What libpq is told beside the credentials, and what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dagctl import __version__
from dagctl.domain.errors import (
    CertificateRefused,
    DagctlError,
    NotFound,
    Refused,
    SettingUnusable,
    TokenNotAccepted,
    TryLater,
    Unreachable,
)
from dagctl.domain.values.state import StateCredentials
from dagctl.domain.values.text import printable

SETTINGS: Mapping[str, Any] = {
    "application_name": f"dagctl/{__version__}",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds; keepalives notice nothing while something sent is under way
    "gssencmode": "disable",
    "hostaddr": "",  # else PGHOSTADDR, or that of a PGSERVICE, would lead the token to another server
}
"""Seconds where a time is meant. A peer that has gone is noticed after a minute, not after two hours."""


def keywords(credentials: StateCredentials, chosen: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """What psycopg2 is given to connect.

    Args:
        chosen: stronger than the settings of every connection of ours; who enters where is known better here.
    """
    return {**SETTINGS, **chosen, **credentials.endpoint.keywords(), "password": credentials.password.reveal()}


def as_mapping(credentials: StateCredentials) -> dict[str, Any]:
    """The settings of SQLMesh's own PostgreSQL connection, with the token of this moment."""
    known = credentials.endpoint.declared.keywords()
    password = credentials.password.reveal()
    return {"type": "postgres", **known, "password": password, "connect_timeout": SETTINGS["connect_timeout"]}


_NO_TLS = "The state database's proxy {place} offers no TLS"

_MEANINGS: tuple[tuple[tuple[str, ...], type[DagctlError], str], ...] = (
    (
        ("tls connections only", "ssl connection is required", "no encryption", "ssl off"),
        CertificateRefused,
        "The state database's proxy {place} takes TLS only",
    ),
    (
        ("invalid response to ssl negotiation", "expected authentication request"),
        Unreachable,
        "What listens at {place} is no PostgreSQL",
    ),
    (("does not support ssl",), CertificateRefused, _NO_TLS),
    (
        ("certificate", "ssl error", "root.crt", "tls"),
        CertificateRefused,
        "TLS with the state database's proxy {place} failed",
    ),
    (
        ("definition of service", "service file"),
        SettingUnusable,
        "PGSERVICE keeps libpq from the state database's proxy {place}",
    ),
    (
        ("does not exist", "no such database", "unknown database"),
        NotFound,
        "The proxy {place} has no state database {database} for you",
    ),
    (
        ("password", "authentication", "token", "no pg_hba.conf", "not permitted", "permission denied"),
        TokenNotAccepted,
        "The state database's proxy {place} refused your token",
    ),
    (
        ("too many", "remaining connection slots"),
        TryLater,
        "The state database at {place} takes no more connections now",
    ),
)
"""Words in libpq's message (lower-case), the error and its sentence; the first that fits counts."""


_SEVERITY = re.compile(r"\w+:  ")
"""FATAL in the server's language, and two spaces: so libpq begins what the server itself says, and nothing else."""
_NAME = re.compile(r'"[^"]*"')
_REASON = re.compile(r"failed: (.+)")
"""libpq has a line for each address that it has tried, and more lines with advice."""


def explained(message: str, credentials: StateCredentials) -> DagctlError:
    """What a failed connection means for a person.

    Args:
        message: libpq's own.
    """
    known = message.replace(credentials.password.reveal(), "…") if credentials.password else message
    tried = _REASON.findall(known) or known.strip().splitlines()[:1] or ["no reason is given"]
    answer = _SEVERITY.match(tried[-1])
    said = printable(tried[-1][answer.end() if answer else 0 :], 300).rstrip(".")
    kind, sentence = _meaning(_NAME.sub("", said.lower()), answered=answer is not None)
    endpoint = credentials.endpoint
    facts: dict[str, object] = {"host": endpoint.place, "database": endpoint.database}
    if kind is CertificateRefused:
        facts |= {"sslmode": endpoint.sslmode, "why": "" if sentence is _NO_TLS else said}
    elif kind is SettingUnusable:
        facts = {"source": "PGSERVICE"}
    return kind(f"{sentence.format(place=endpoint.place, database=endpoint.database)}: {said}.", **facts)


def _meaning(heard: str, *, answered: bool) -> tuple[type[DagctlError], str]:
    for words, kind, sentence in _MEANINGS:
        if any(word in heard for word in words):
            return kind, sentence
    if answered:
        return Refused, "The state database's proxy {place} turned the connection down"
    return Unreachable, "The state database's proxy {place} cannot be reached"
