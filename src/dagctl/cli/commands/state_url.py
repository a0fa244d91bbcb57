"""Print the state database's address as a libpq URI, for programs that take one.

The token is not in it: an address ends up in shell histories and process lists. Programs on libpq take it from
PGPASSWORD instead:

  PGPASSWORD="$(dagctl auth token)" psql "$(dagctl state url)"
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from dagctl import __version__
from dagctl.cli.app import App
from dagctl.cli.showing import moment, option_insecure

if TYPE_CHECKING:
    from dagctl.domain.values.state import StateCredentials


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--project", metavar="NAME", help="name or ID of the project (default: the current one)")
    parser.add_argument(
        "--password",
        action="store_true",
        help="with the token in it, for programs that take it in no other way; keep it out of command lines",
    )
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    client = app.connect(insecure=args.insecure)
    if args.password:
        client.protection.admitted(client.protection.anything("dagctl state url --password"), args.project)
    credentials = client.state.credentials(args.project)
    url = uri(credentials, with_token=args.password)
    app.show(_record(credentials, url), url)
    if args.password:
        app.say(
            "WARNING: whoever sees this address can act as you until the token expires. Do not put it on a "
            "command line, and do not store it."
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
    given = urlencode({key: value for key, value in options.items() if value is not None}, quote_via=quote)
    user, database = quote(endpoint.user, safe=""), quote(endpoint.database, safe="")
    return f"postgresql://{user}{token}@{host}:{endpoint.port}/{database}?{given}"


def _record(credentials: StateCredentials, url: str) -> dict[str, object]:
    return {
        "url": url,
        "sslrootcert": None,
        **credentials.endpoint.keywords(),
        "expires_at": moment(credentials.expires_at),
    }
