"""Cures for what the doctor finds, in terms of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagctl._cures import login_command
from dagctl.cli.cures import cure as cure_of
from dagctl.domain.doctor.chain import Finding, Mark
from dagctl.domain.values.text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dagctl.domain.doctor.chain import Advice, Check
    from dagctl.ports.machine import FileSeen


def seen(check: Check) -> str:
    """What the doctor saw, with the option or variable behind it."""
    asides = [_ASIDES[advice.finding] for advice in check.advice if advice.finding in _ASIDES]
    return " ".join([check.seen, *(f"({aside})" for aside in asides)])


def cure(check: Check) -> str | None:
    """What to do about it; None if nothing is wrong, or there is nothing to suggest."""
    if check.problem is not None:
        return cure_of(check.problem)
    return "; ".join(map(text, check.advice)) or None if check.state is not Mark.OK else None


def text(advice: Advice) -> str:
    """The cure of one finding."""
    row = _CURES[advice.finding]
    return row if isinstance(row, str) else row(advice)


def _chmod(advice: Advice) -> str:
    folders = [file for file in advice.files if file.folder]
    others = [file for file in advice.files if not file.folder]
    return "; ".join(f"chmod {mode} {_paths(files)}" for mode, files in (("700", folders), ("600", others)) if files)


def _paths(files: Sequence[FileSeen]) -> str:
    return " ".join(quoted(file.path) for file in files)


def _login(advice: Advice) -> str:
    return login_command(advice.organization, advice.api_url)


def _pin(advice: Advice) -> str:
    from dagctl.domain.generation.literals import literal

    return f"Add project={literal(advice.project or 'ORGANIZATION/PROJECT')} to its get_state_connection() calls."


_GENERATE = "Run: dagctl config generate"
_CURES: Mapping[Finding, str | Callable[[Advice], str]] = {
    Finding.FOREIGN: lambda advice: f'sudo chown -R "$(id -un)" {_paths(advice.files)}',
    Finding.LINKED: "replace the link with the file itself: dagctl does not follow links",
    Finding.EXPOSED: _chmod,
    Finding.LEFT_BEHIND: lambda advice: f"rm {_paths(advice.files)}",
    Finding.ANONYMOUS: lambda advice: f"Run: {_login(advice)}",
    Finding.ANONYMOUS_GIVEN: "Set it to an ID token.",
    Finding.NOT_RENEWED: "Run: dagctl auth refresh (it says why)",
    Finding.NOT_RENEWABLE: lambda advice: f"Then run: {_login(advice)}",
    Finding.CLOCK_WRONG: "Turn on time synchronisation (NTP); in WSL: wsl --shutdown, or sudo hwclock -s",
    Finding.API_UNVERIFIED: "Drop -k; to trust a private CA, set SSL_CERT_FILE=CA.pem.",
    Finding.EXPIRING: "Ask the server's operator to renew it.",
    Finding.RENAMED: lambda advice: f"Run: dagctl use-project {quoted(advice.project or '')}",
    Finding.PROXY_UNVERIFIED: "Set DAGCTL_STATE_SSLROOTCERT to its CA.",
    Finding.TLS_OPTIONAL: "Unset DAGCTL_STATE_SSLMODE and pg_proxy_sslmode, or set verify-full.",
    Finding.SEVERAL_CONFIGS: lambda advice: f"mv {' '.join(map(quoted, advice.move or ()))}",
    Finding.NOT_PYTHON: "Run sqlmesh info: it shows the line.",
    Finding.NOT_CONNECTED: f"{_GENERATE} (it shows the lines to add; docs/how-to/convert-config-py.md has the rest)",
    Finding.NOT_CONVERTED: _GENERATE,
    Finding.NOT_YAML: "Fix it, then run: dagctl config generate",
    Finding.SEVERAL_PINS: "One project has one state.",
    Finding.UNPINNED: _pin,
    Finding.SQLMESH_BROKEN: "Run: pip install 'dagctl[sqlmesh]'",
}
_ASIDES = {
    Finding.API_UNVERIFIED: "-k",
    Finding.PROXY_UNVERIFIED: "DAGCTL_STATE_SSLROOTCERT can name its CA",
}
