"""Print the state database's address as a libpq URI, for programs that take one.

The token is not in it, because addresses end up in shell histories and process lists. Programs that use libpq take the
token from PGPASSWORD instead:

  PGPASSWORD="$(dagctl auth token)" psql "$(dagctl state url)"
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, TypedDict
from urllib.parse import quote, urlencode

from dagctl import __version__
from dagctl.cli import records
from dagctl.cli.app import App
from dagctl.cli.showing import option_insecure

if TYPE_CHECKING:
    from dagctl.domain.values.state import StateCredentials


class Data(TypedDict):
    """The state database's address."""

    url: Annotated[str, "the libpq URI; with `--password`, the token is in it"]
    pg_proxy: Annotated[records.Address, "where the state database is"]
    database: Annotated[str, "its name"]
    database_user: Annotated[str, "the user to connect as. The password is an access token"]
    sslmode: Annotated[str, "libpq's `sslmode`"]
    sslrootcert: Annotated[
        PurePath | None,
        "a PEM file with the CA certificates to verify the proxy with; null if there is none",
    ]
    expires_at: Annotated[datetime | None, "when the token expires; null if it does not say"]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--project", metavar="NAME", help="name or ID of the project (default: the current one)")
    parser.add_argument(
        "--password",
        action="store_true",
        help="include the token, for programs that take it in no other way; keep it out of command lines",
    )
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    client = app.connect(insecure=args.insecure)
    if args.password:
        client.protection.admitted(client.protection.anything("dagctl state url --password"), args.project)
    credentials = client.state.credentials(args.project)
    endpoint, url = credentials.endpoint, uri(credentials, with_token=args.password)
    record = Data(
        url=url,
        pg_proxy=records.Address(host=endpoint.host, port=endpoint.port),
        database=endpoint.database,
        database_user=endpoint.user,
        sslmode=endpoint.sslmode,
        sslrootcert=PurePath(endpoint.sslrootcert) if endpoint.sslrootcert else None,
        expires_at=credentials.expires_at,
    )
    app.show(record, url)
    if args.password:
        app.warn(
            "token_shown",
            "anybody who sees this address can act as you until the token expires. Keep it out of command lines, "
            "and do not store it.",
        )
    return 0


def uri(credentials: StateCredentials, *, with_token: bool) -> str:
    """The address (PostgreSQL documentation, "Connection URIs")."""
    endpoint = credentials.endpoint
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    token = f":{quote(credentials.password.reveal(), safe='')}" if with_token else ""
    options = {
        "sslmode": endpoint.sslmode,
        "sslrootcert": endpoint.sslrootcert,
        "application_name": f"dagctl/{__version__}",
    }
    # libpq decodes percent signs only: a blank must not become a plus
    given = urlencode({key: value for key, value in options.items() if value is not None}, quote_via=quote)
    user, database = quote(endpoint.user, safe=""), quote(endpoint.database, safe="")
    return f"postgresql://{user}{token}@{host}:{endpoint.port}/{database}?{given}"
