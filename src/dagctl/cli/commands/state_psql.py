"""Open psql on the state database, as you, with a fresh token.

Transactions are read-only unless --write is given. Looking is no more than what every plan does; with --write
nobody knows what you are going to change, so prod has to be open to you. What follows -- is for psql itself:

  dagctl state psql -- -c "select * from sqlmesh._environments"
"""

from __future__ import annotations

import os
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dagctl.adapters.postgres.libpq import SETTINGS
from dagctl.cli.app import App
from dagctl.cli.cures import CommandProblem
from dagctl.cli.showing import option_insecure

if TYPE_CHECKING:
    from dagctl.domain.values.state import StateCredentials

READ_ONLY = "-c default_transaction_read_only=on"
ELSEWHERE = frozenset({"PGHOSTADDR", "PGSERVICE"})
"""Stronger than PGHOST: they would have psql send the token to another server."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("arguments", nargs="*", metavar="-- ARG", help="what psql itself is to be given")
    parser.add_argument("--project", metavar="NAME", help="name or ID of the project (default: the current one)")
    parser.add_argument("--write", action="store_true", help="let transactions write, where prod is open to you")
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    if app.as_json:
        raise CommandProblem("psql prints by itself, not as JSON.", case="psql as JSON")
    program = shutil.which("psql")
    if program is None:
        raise CommandProblem("There is no psql on this machine's PATH.", case="no psql")
    client = app.connect(insecure=args.insecure)
    if args.write:
        client.protection.admitted(client.protection.anything("dagctl state psql --write"), args.project)
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environ = {**kept, **variables(client.state.credentials(args.project), os.environ, write=args.write)}
    return _become(program, args.arguments, environ)


def variables(credentials: StateCredentials, environ: Mapping[str, str], *, write: bool) -> dict[str, str]:
    """libpq's environment variables for a connection.

    The token is in one of them, too: only the same person can read a process's environment, whereas everybody can
    read its arguments; a file would be left behind once psql has taken this process's place.
    """
    settings = {**credentials.endpoint.keywords(), **{name: SETTINGS[name] for name in _VARIABLES if name in SETTINGS}}
    found = {_VARIABLES[name]: str(value) for name, value in settings.items()}
    found["PGPASSWORD"] = credentials.password.reveal()
    if not write:
        found["PGOPTIONS"] = f"{environ.get('PGOPTIONS', '')} {READ_ONLY}".strip()
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
}


def _become(program: str, arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `program` in the place of this process; its exit code is this process's."""
    command = [program, *arguments]
    if os.name == "posix":
        os.execve(program, command, dict(environ))  # noqa: S606 - there is no shell in between
    import subprocess  # elsewhere a shell would not wait for what has taken our place

    return subprocess.call(command, env=dict(environ))  # noqa: S603 - there is no shell in between
