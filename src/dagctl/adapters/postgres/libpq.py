"""What libpq is told beside the credentials, and what its errors mean."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from dagctl import __version__
from dagctl.domain.errors import CertificateRefused, DagctlError, PlatformError, Unreachable
from dagctl.domain.platform import LOOPBACK_HOSTS
from dagctl.domain.state_credentials import StateCredentials
from dagctl.domain.text import printable

SETTINGS: Mapping[str, Any] = {
    "application_name": f"dagctl/{__version__}",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "gssencmode": "disable",
}
"""Seconds where a time is meant. A peer that has gone is noticed after a minute, not after two hours."""

_VERIFYING = ("verify-ca", "verify-full")


def trusting(
    credentials: StateCredentials, *, chosen: bool, loopback_ca: Path, environ: Mapping[str, str]
) -> StateCredentials:
    """`credentials` with the CA to verify the proxy by, and `verify-full` where that needs nobody's help.

    Args:
        chosen: somebody has asked for this very `sslmode`.
        loopback_ca: the CA of a platform on this machine; trusted for loopback hosts only.
        environ: `PGSSLROOTCERT` and `SSL_CERT_FILE` count.
    """
    local = credentials.host in LOOPBACK_HOSTS and loopback_ca.is_file()
    if local and not chosen:
        return evolve(credentials, sslmode="verify-full", sslrootcert=str(loopback_ca))
    if credentials.sslmode not in _VERIFYING:
        return credentials
    return evolve(credentials, sslrootcert=str(loopback_ca) if local else _root_certificates(environ))


def _root_certificates(environ: Mapping[str, str]) -> str | None:
    """The CA file for a verifying mode; None where libpq finds one by itself."""
    if environ.get("PGSSLROOTCERT") or (Path.home() / ".postgresql" / "root.crt").exists():
        return None
    return environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or "system"


def keywords(credentials: StateCredentials) -> dict[str, Any]:
    """`credentials` as libpq's connection keywords."""
    given = {
        "host": credentials.host,
        "port": credentials.port,
        "database": credentials.database,
        "user": credentials.user,
        "password": credentials.password,
        "sslmode": credentials.sslmode,
        "sslrootcert": credentials.sslrootcert,
    }
    return {key: value for key, value in given.items() if value is not None}


def as_mapping(credentials: StateCredentials) -> dict[str, Any]:
    """The settings of SQLMesh's own PostgreSQL connection, with the token of this moment."""
    settings = keywords(evolve(credentials, sslrootcert=None))
    return {"type": "postgres", **settings, "connect_timeout": SETTINGS["connect_timeout"]}


_MEANINGS: tuple[tuple[tuple[str, ...], type[PlatformError], str, str], ...] = (
    (
        ("certificate", "ssl error", "root.crt", "does not support ssl", "tls"),
        CertificateRefused,
        "TLS with the state database's proxy {place} failed",
        "Have SSL_CERT_FILE name the platform's CA, or see DAGCTL_STATE_SSLMODE (now {sslmode}).",
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


def explained(message: str, credentials: StateCredentials) -> DagctlError:
    """What a failed connection means for a person.

    Args:
        message: libpq's own.
    """
    about = {
        "place": f"{credentials.host}:{credentials.port}",
        "database": credentials.database,
        "sslmode": credentials.sslmode,
    }
    said = printable(message.replace(credentials.password, "…") if credentials.password else message, 300)
    said = said.split("FATAL: ")[-1].strip().rstrip(".")
    for words, kind, sentence, cure in _MEANINGS:
        if any(word in said.lower() for word in words):
            return kind(f"{sentence.format(**about)}: {said}.", hint=cure.format(**about))
    return Unreachable(
        f"The state database's proxy {about['place']} cannot be reached: {said}.",
        hint="Is the network up, and the port open to you? See dagctl config current for where it is from.",
    )
