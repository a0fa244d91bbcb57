"""The settings that libpq gets besides the credentials, and what its errors mean."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import Lock
from types import MappingProxyType
from typing import Any

from dagctl import __version__
from dagctl.domain.errors import (
    CertificateRefused,
    DagctlError,
    MissingExtra,
    NotFound,
    Refused,
    TokenNotAccepted,
    TryLater,
    Unreachable,
)
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.state import StateCredentials
from dagctl.domain.values.text import printable

NOWHERE = f"{os.devnull}/none"
"""No file can have this name. An empty name would not do: libpq then takes what it finds in `~/.postgresql`."""

_EMPTY = """
    hostaddr passfile client_encoding options sslkey sslpassword sslcrldir sslkeylogfile ssl_max_protocol_version
    requirepeer gsslib replication oauth_issuer oauth_client_id oauth_client_secret oauth_scope
""".split()  # noqa: SIM905 - one a line would be long
"""In a connection string, an empty value counts as set."""

SETTINGS: Mapping[str, Any] = {
    "application_name": f"dagctl/{__version__}",
    "fallback_application_name": f"dagctl/{__version__}",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds; keepalives do not help while sent data awaits acknowledgement
    "gssencmode": "disable",  # by default, libpq looks for a Kerberos ticket before each connection
    # libpq's own defaults: spelled out, they keep out variables, a service's settings and `~/.postgresql`
    **dict.fromkeys(_EMPTY, ""),
    **dict.fromkeys(("sslcert", "sslrootcert", "sslcrl"), NOWHERE),
    "channel_binding": "prefer",
    "sslnegotiation": "postgres",
    "sslcompression": 0,
    "sslcertmode": "disable",
    "sslsni": 1,
    "ssl_min_protocol_version": "TLSv1.2",
    **dict.fromkeys(("min_protocol_version", "max_protocol_version"), "3.0"),
    "require_auth": "!gss,!sspi",  # an empty list would forbid every method
    "krbsrvname": "postgres",
    "gssdelegation": 0,
    "target_session_attrs": "any",
    "load_balance_hosts": "disable",
}
"""Every keyword of libpq besides those of the credentials; times in seconds unless a comment says otherwise.

With them, a dead peer is noticed after a minute instead of two hours.
"""


def keywords(credentials: StateCredentials, chosen: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """The keywords for `psycopg2.connect`.

    Args:
        chosen: override `SETTINGS`, but not the credentials.
    """
    known = {key: value for key, value in SETTINGS.items() if _is_keyword(key)}
    return {**known, **chosen, **credentials.endpoint.keywords(), "password": credentials.password.reveal()}


def portable(credentials: StateCredentials) -> dict[str, Any]:
    """The keywords for psycopg, psycopg2 and SQLAlchemy: those that each installed libpq knows.

    Raises:
        MissingExtra: no driver is installed, so the keywords of its libpq are unknown.
    """
    try:
        import psycopg
    except ImportError:  # not installed, or it finds no libpq
        known = None
    else:
        known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    try:
        given = keywords(credentials)
    except ImportError:
        if known is None:
            text = "The state database needs psycopg2 or psycopg, and neither is installed here."
            raise MissingExtra(text, extra="sqlmesh") from None
        given = {**SETTINGS, **credentials.endpoint.keywords(), "password": credentials.password.reveal()}
    given["dbname"] = given.pop("database")  # libpq's own name; only psycopg2 translates the other one
    return given if known is None else {key: value for key, value in given.items() if key in known}


@cache
def _is_keyword(name: str) -> bool:
    """Whether the installed libpq knows the keyword: each version adds some, and refuses those that it lacks."""
    import psycopg2.extensions

    try:
        psycopg2.extensions.parse_dsn(f"{name}=''")
    except psycopg2.ProgrammingError:
        return False
    return True


def entered(credentials: StateCredentials, chosen: Mapping[str, Any] = MappingProxyType({}), **factories: Any) -> Any:
    """A psycopg2 connection that libpq's variables and files cannot influence.

    Args:
        chosen: as in `keywords`.
        factories: psycopg2's own.

    Raises:
        DagctlError: the connection fails; the message never contains the password.
    """
    import psycopg2

    from dagctl.adapters.postgres.wire import answering

    # libpq would spend the whole timeout on each address in turn. With `hostaddr` it connects to that one, and still
    # verifies the certificate for `host`.
    where = {"hostaddr": answering(credentials.endpoint, float(SETTINGS["connect_timeout"])), **chosen}

    def connected() -> Any:
        return psycopg2.connect(**keywords(credentials, where), **factories)

    try:
        try:
            return connected()
        except psycopg2.OperationalError as error:
            # known by its words: psycopg2 gives no code for an error before the connection
            if not (os.environ.get("PGSERVICE") and _NO_SERVICE.search(str(error))):
                raise
        with _without_service():
            return connected()
    except psycopg2.OperationalError as error:
        raise explained(str(error), credentials) from None


_NO_SERVICE = re.compile("definition of service|service file")
_SERVICE = Lock()


@contextmanager
def _without_service() -> Iterator[None]:
    """Set aside a PGSERVICE for which libpq finds no service: no keyword keeps libpq from looking.

    Another thread that connects meanwhile could not have used it either.
    """
    with _SERVICE:
        service = os.environ.pop("PGSERVICE", None)
        try:
            yield
        finally:
            if service is not None:
                os.environ["PGSERVICE"] = service


def as_mapping(credentials: StateCredentials) -> dict[str, Any]:
    """The settings of SQLMesh's own PostgreSQL connection, with the current token."""
    known = credentials.endpoint.declared.keywords()
    password = credentials.password.reveal()
    return {"type": "postgres", **known, "password": password, "connect_timeout": SETTINGS["connect_timeout"]}


_NO_TLS = "The state database's proxy {hostspec} offers no TLS"

_MEANINGS: tuple[tuple[tuple[str, ...], type[DagctlError], str], ...] = (
    (
        ("tls connections only", "ssl connection is required", "no encryption", "ssl off"),
        CertificateRefused,
        "The state database's proxy {hostspec} accepts only TLS",
    ),
    (
        ("invalid response to ssl negotiation", "expected authentication request"),
        Unreachable,
        "{hostspec} is not a PostgreSQL server",
    ),
    (("does not support ssl",), CertificateRefused, _NO_TLS),
    (
        ("certificate", "ssl error", "root.crt", "tls"),
        CertificateRefused,
        "TLS with the state database's proxy {hostspec} failed",
    ),
    (
        ("does not exist", "no such database", "unknown database"),
        NotFound,
        "The proxy {hostspec} has no state database {database} for you",
    ),
    (
        ("password", "authentication", "token", "no pg_hba.conf", "not permitted", "permission denied"),
        TokenNotAccepted,
        "The state database's proxy {hostspec} refused your token",
    ),
    (
        ("too many", "remaining connection slots"),
        TryLater,
        "The state database at {hostspec} accepts no more connections at the moment",
    ),
)
"""Words in libpq's message (lower-case), the error and its sentence. The first match counts."""


_SEVERITY = re.compile(r"\w+:  ")
"""FATAL in the server's language and two spaces: libpq starts only the server's own messages like this."""
_NAME = re.compile(r'"[^"]*"')
_REASON = re.compile(r"failed: (.+)")
"""libpq prints a line for each address that it tried, and further lines with advice."""


def explained(message: str, credentials: StateCredentials) -> DagctlError:
    """The error for a failed connection.

    Args:
        message: libpq's own message.
    """
    known = _without(credentials.password, message)
    # the last address counts: libpq tries IPv6 first, which many networks do not have
    tried = _REASON.findall(known) or known.strip().splitlines()[:1] or ["no reason is given"]
    answer = _SEVERITY.match(tried[-1])
    said = printable(tried[-1][answer.end() if answer else 0 :], 300).rstrip(".")
    # without quoted names: a database may be called "token"
    kind, sentence = _meaning(_NAME.sub("", said.lower()), answered=answer is not None)
    endpoint = credentials.endpoint
    facts: dict[str, object] = {"host": endpoint.hostspec, "database": endpoint.database}
    if kind is CertificateRefused:
        facts |= {"sslmode": endpoint.sslmode, "why": "" if sentence is _NO_TLS else said}
    return kind(f"{sentence.format(hostspec=endpoint.hostspec, database=endpoint.database)}: {said}.", **facts)


def _without(password: Secret, message: str) -> str:
    """`message` without any word that contains a part of the password, since a proxy may cut it."""
    if not password:
        return message
    whole = password.reveal()

    def hidden(word: re.Match[str]) -> str:
        text = word[0]
        return "…" if any(text[at : at + _PART] in whole for at in range(len(text) - _PART + 1)) else text

    return re.sub(rf"[\w.~+/=-]{{{_PART},}}", hidden, message.replace(whole, "…"))


_PART = 8
"""Fewer characters of a token than this give nothing away."""


def _meaning(heard: str, *, answered: bool) -> tuple[type[DagctlError], str]:
    for words, kind, sentence in _MEANINGS:
        if any(word in heard for word in words):
            return kind, sentence
    if answered:
        return Refused, "The state database's proxy {hostspec} refused the connection"
    return Unreachable, "The state database's proxy {hostspec} cannot be reached"
