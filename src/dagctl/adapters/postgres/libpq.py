"""What libpq is told beside the credentials, and what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from dagctl import __version__
from dagctl.domain.errors import CertificateRefused, DagctlError, PlatformError, Unreachable
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


def keywords(credentials: StateCredentials) -> dict[str, Any]:
    """`credentials` as libpq's connection keywords."""
    endpoint = credentials.endpoint
    given = {
        "host": endpoint.host,
        "port": endpoint.port,
        "database": endpoint.database,
        "user": endpoint.user,
        "password": credentials.password.reveal(),
        "sslmode": endpoint.sslmode,
        "sslrootcert": endpoint.sslrootcert,
    }
    return {key: value for key, value in given.items() if value is not None}


def as_mapping(credentials: StateCredentials) -> dict[str, Any]:
    """The settings of SQLMesh's own PostgreSQL connection, with the token of this moment."""
    endpoint = evolve(credentials.endpoint, sslmode=credentials.endpoint.declared_sslmode, sslrootcert=None)
    settings = keywords(evolve(credentials, endpoint=endpoint))
    return {"type": "postgres", **settings, "connect_timeout": SETTINGS["connect_timeout"]}


CA_CURE = (
    "Have the first that is there of PGSSLROOTCERT, ~/.postgresql/root.crt and SSL_CERT_FILE name the platform's CA, "
    "or see DAGCTL_STATE_SSLMODE (now {sslmode})."
)

_MEANINGS: tuple[tuple[tuple[str, ...], type[PlatformError], str, str], ...] = (
    (
        ("tls connections only", "ssl connection is required", "no encryption", "ssl off"),
        CertificateRefused,
        "The state database's proxy {place} takes TLS only",
        "Unset DAGCTL_STATE_SSLMODE and pg_proxy_sslmode (now {sslmode}), or set verify-full.",
    ),
    (
        ("invalid response to ssl negotiation", "expected authentication request"),
        Unreachable,
        "What listens at {place} is no PostgreSQL",
        "See dagctl config current for where the address is from.",
    ),
    (
        ("does not support ssl",),
        CertificateRefused,
        "The state database's proxy {place} offers no TLS",
        "Is that the proxy? See dagctl config current for its address, and DAGCTL_STATE_SSLMODE (now {sslmode}).",
    ),
    (
        ("certificate", "ssl error", "root.crt", "tls"),
        CertificateRefused,
        "TLS with the state database's proxy {place} failed",
        CA_CURE,
    ),
    (
        ("definition of service", "service file"),
        PlatformError,
        "PGSERVICE keeps libpq from the state database's proxy {place}",
        "Unset PGSERVICE.",
    ),
    (
        ("does not exist", "no such database", "unknown database"),
        PlatformError,
        "The proxy {place} has no state database {database} for you",
        "Is the project set up? See dagctl config current, dagctl projects, and the web UI.",
    ),
    (
        ("password", "authentication", "token", "no pg_hba.conf", "not permitted", "permission denied"),
        PlatformError,
        "The state database's proxy {place} refused your token",
        "Run: dagctl auth login --org ORG",
    ),
    (
        ("too many", "remaining connection slots"),
        PlatformError,
        "The state database at {place} takes no more connections now",
        "Try again in a moment, or use fewer concurrent_tasks.",
    ),
)
"""Words in libpq's message (lower-case), the error, its sentence and its cure; the first that fits counts."""


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
    about = {
        "place": credentials.endpoint.place,
        "database": credentials.endpoint.database,
        "sslmode": credentials.endpoint.sslmode,
    }
    known = message.replace(credentials.password.reveal(), "…") if credentials.password else message
    tried = _REASON.findall(known) or known.strip().splitlines()[:1] or ["no reason is given"]
    answer = _SEVERITY.match(tried[-1])
    said = printable(tried[-1][answer.end() if answer else 0 :], 300).rstrip(".")
    heard = _NAME.sub("", said.lower())
    for words, kind, sentence, cure in _MEANINGS:
        if any(word in heard for word in words):
            return kind(f"{sentence.format(**about)}: {said}.", hint=cure.format(**about))
    if answer:
        return PlatformError(
            f"The state database's proxy {about['place']} turned the connection down: {said}.",
            hint="Try again in a moment; dagctl doctor looks at each link.",
        )
    return Unreachable(
        f"The state database's proxy {about['place']} cannot be reached: {said}.",
        hint="Is the network up, and the port open to you? See dagctl config current for where it is from.",
    )
