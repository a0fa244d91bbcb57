"""What to do about an error on a terminal: the cures that name options, over the table for everywhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dagctl import _cures
from dagctl.domain import errors
from dagctl.domain.values.text import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagctl.domain.errors import DagctlError


class CommandProblem(errors.DagctlError):
    """A command does not work here, or not in this way.

    Attributes:
        case: a key of the cures below; "" if there is none.
        distribution: the package whose plugin failed; "" if it is not a plugin's failure.
    """

    case: str = ""
    distribution: str = ""


def uninstall(distribution: str) -> str:
    """What to do about a plugin that does not work."""
    return f"Tell its author, or run: pip uninstall {distribution}"


def cure(error: DagctlError) -> str | None:
    """What to do about `error`; None if there is nothing to suggest."""
    return error.hint or _cures.found_in(_ON_A_TERMINAL, error) or _cures.cure(error)


def _sign_in_timed_out(error: errors.SignInTimedOut) -> str | None:
    if not error.timeout:
        return None
    return f"Allow more time with --timeout {2 * error.timeout:g}, or use --no-browser if this machine has no browser."


def _port_taken(error: errors.PortTaken) -> str:
    if error.service:
        return f"End the program that uses it, or choose another port: --{error.service}-port N"
    return (
        "End the program that uses it, or use --no-browser, which needs no port. "
        "(Use --port N only if the platform has registered another redirect URI.)"
    )


def _needs_terminal(error: errors.NeedsTerminal) -> str | None:
    return None if error.in_ci else f"{_cures.cure(error)} Without a terminal, use --device or set BROWSER."


def _file_unusable(error: errors.FileUnusable) -> str | None:
    return "Use another PostgreSQL: --database-url URL" if error.role == "postgres" else None


def _sandbox_problem(error: errors.SandboxProblem) -> str:
    return "Stop it first: dagctl sandbox stop" if error.runs else "Run: dagctl sandbox start"


def _config_problem(error: errors.ConfigProblem) -> str | None:
    if error.case == "below":
        return f"Run this there, or: dagctl config generate -p {quoted(os.path.dirname(error.path) or '.')}"
    return "Name a Python file: -o FILE.py" if error.case == "output" else None


_ON_A_TERMINAL: Mapping[type[DagctlError], _cures.Row] = {
    errors.SignInTimedOut: _sign_in_timed_out,
    errors.DeviceGrantRefused: "Use --no-browser instead: it works over SSH and in containers too.",
    errors.EnvironmentProtected: lambda error: _cures.protected(error, "sqlmesh plan dev_YOURNAME"),
    errors.FileExists: "Use --diff to see what would change, and --force to replace the file and keep a backup.",
    errors.ConfigProblem: _config_problem,
    errors.FileUnusable: _file_unusable,
    errors.SandboxProblem: _sandbox_problem,
    errors.PortTaken: _port_taken,
    errors.NeedsTerminal: _needs_terminal,
    CommandProblem: lambda error: (
        uninstall(error.distribution) if error.distribution and not error.case else _COMMANDS.get(error.case)
    ),
}
_COMMANDS: Mapping[str, str] = {
    "quiet_demo": "Run the demo without --json to see what the command says.",
    "psql_as_json": "Try: dagctl state psql -- --csv",
    "no_psql": (
        "Install PostgreSQL's client (apt install postgresql-client, brew install libpq), or use another program with: "
        "dagctl state url"
    ),
}
