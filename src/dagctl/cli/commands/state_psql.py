"""Open psql on the state database, as you, with a fresh token.

Transactions are read-only unless you give --write. With --write dagctl cannot know what you are going to change, so
prod has to be open to you. psql itself gets the arguments after --:

  dagctl state psql -- -c "select * from sqlmesh._environments"
"""

from __future__ import annotations

import os
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from dagctl._cures import unverified
from dagctl.adapters.postgres.libpq import SETTINGS
from dagctl.cli.app import App
from dagctl.cli.cures import CommandProblem
from dagctl.cli.showing import option_insecure

if TYPE_CHECKING:
    from dagctl.domain.values.state import StateCredentials

READ_ONLY = "-c default_transaction_read_only=on"


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("arguments", nargs="*", metavar="-- ARG", help="arguments for psql itself")
    parser.add_argument("--project", metavar="NAME", help="name or ID of the project (default: the current one)")
    parser.add_argument("--write", action="store_true", help="let transactions write; prod has to be open to you")
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    if app.as_json:
        raise CommandProblem("psql prints its own output, which is not JSON.", case="psql_as_json")
    program = shutil.which("psql")
    if program is None:
        raise CommandProblem("psql is not on the PATH.", case="no_psql")
    client = app.connect(insecure=args.insecure)
    if args.write:
        client.protection.admitted(client.protection.anything("dagctl state psql --write"), args.project)
    credentials = client.state.credentials(args.project)
    endpoint = client.state.trust.tried(credentials.endpoint)
    if endpoint.taken_on_trust:
        app.say(f"dagctl: {unverified(endpoint.hostspec)}")
    # libpq's variables are for another database: psql gets none of them
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PG")}
    environ = {**kept, **variables(evolve(credentials, endpoint=endpoint), write=args.write)}
    return _become(program, args.arguments, environ)


def variables(credentials: StateCredentials, *, write: bool) -> dict[str, str]:
    """libpq's environment variables for a connection.

    The token is in one of them. Only the same user can read a process's environment, but everybody can read its
    arguments; and nobody would remove a file once psql has replaced this process.
    """
    settings = {**SETTINGS, **credentials.endpoint.keywords()}
    found = {variable: str(settings[name]) for name, variable in _VARIABLES.items()}
    found["PGPASSWORD"] = credentials.password.reveal()
    if not write:
        found["PGOPTIONS"] = READ_ONLY
    return found


_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "database": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "sslcert": "PGSSLCERT",
    "sslcertmode": "PGSSLCERTMODE",
    "sslcrl": "PGSSLCRL",
}
"""The settings whose default in libpq is different, or is in `~/.postgresql`."""


def _become(program: str, arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Replace this process with `program`, so that its exit code is this process's."""
    command = [program, *arguments]
    if os.name == "posix":
        os.execve(program, command, dict(environ))  # noqa: S606 - there is no shell in between
    import subprocess  # on Windows a shell does not wait for a process that replaces another

    return subprocess.call(command, env=dict(environ))  # noqa: S603 - there is no shell in between
