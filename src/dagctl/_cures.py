"""What to do about each error: one table from class to cure.

Errors state facts. Only this module, and the tables that an edge adds (`dagctl.cli.cures`,
`dagctl.adapters.sqlmesh.errors`), name commands, variables and settings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dagctl.domain import errors
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.text import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Row = str | Callable[[Any], str | None] | None


UNVERIFIED = (
    "turns certificate verification off, so anyone on the network path can read your tokens. "
    "To trust a private CA instead, set SSL_CERT_FILE=CA.pem."
)
"""The warning that follows the name of the option or argument."""


def cure(error: DagctlError) -> str | None:
    """What to do about `error`: the hint that an edge has set, else the row of the nearest class; None if neither."""
    return error.hint or found_in(CURES, error)


def found_in(table: Mapping[type[DagctlError], Row], error: DagctlError) -> str | None:
    """The cure in the row of the nearest class of `error`; None if there is no row."""
    row = next((table[kind] for kind in type(error).__mro__ if kind in table), None)
    return row(error) if callable(row) else row


def login_command(organization: str | None = None, api_url: str | None = None) -> str:
    """The command that signs in, with the known values filled in.

    Args:
        api_url: the platform's API; None for the hosted one.
    """
    from dagctl.domain.values.platform import HOSTED_API_URL

    platform = f" --api-url {quoted(api_url)}" if api_url and api_url != HOSTED_API_URL else ""
    return f"dagctl auth login --org {quoted(organization) if organization else 'ORG'}{platform}"


def protected(error: errors.EnvironmentProtected, example: str = "") -> str:
    """Whom to ask, and where to work instead.

    Args:
        example: a command that works in another environment.
    """
    return (
        "Deploy to it the way your team does (usually: merge, and let CI deploy), or ask "
        f"{_administrator(error)} for access. "
        f"For your own work, use another environment{f': {example}' if example else '.'}"
    )


def protected_from_bot(error: errors.EnvironmentProtected) -> str:
    """Whom to ask if the platform refuses CI itself."""
    return f"Ask {_administrator(error)} to give this account access, or deploy with an account that has it."


def _administrator(error: errors.EnvironmentProtected) -> str:
    return f"an administrator of {printable(error.organization or 'your organization')}"


def _not_signed_in(error: errors.NotSignedIn) -> str:
    if error.given_by:
        return f"Set {error.given_by} to valid tokens."
    command = login_command(error.organization, error.api_url)
    return f"Run: {command}" if error.onboarded else f"Finish the onboarding in the web UI, then run: {command}"


_SET_UP = (
    "Check auth0_domain and auth0_client_id in the dagctl home's config.yaml. "
    "If they are right, ask the platform's operator to allow this."
)
_LATER = "Try again in a few minutes."
_BY_CODE: Mapping[str, str] = {
    "access_denied": "If you did not refuse it yourself, ask the platform's operator for access.",
    "invalid_grant": "Start the sign-in again: a code works once, and expires soon.",
    **dict.fromkeys(
        ("login_required", "consent_required", "interaction_required"),
        "Start the sign-in again, and finish the steps on the page.",
    ),
    **dict.fromkeys(("invalid_client", "unauthorized_client", "invalid_scope", "invalid_token"), _SET_UP),
    **dict.fromkeys(("unsupported_grant_type", "unsupported_response_type"), _SET_UP),
    **dict.fromkeys(("server_error", "temporarily_unavailable"), _LATER),
}
"""By error code of RFC 6749 sections 4.1.2.1 and 5.2 and OpenID Connect Core 1.0 section 3.1.2.6."""


def _sign_in_timed_out(error: errors.SignInTimedOut) -> str:
    more = "allow more time" if error.timeout else "use its new code"
    return f"Start the sign-in again, and {more}."


def _organization_refused(error: errors.OrganizationRefused) -> str:
    if error.organization is None:
        return f"Finish the onboarding in the web UI, then run: {login_command(error.wanted, error.api_url)}"
    return (
        f"The next sign-in asks which account to use; if the browser does not ask, use a private window. "
        f"Or run: {login_command(error.organization, error.api_url)}"
    )


def _protection_unknown(error: errors.ProtectionUnknown) -> str:
    if error.outdated:
        return "Upgrade dagctl: pip install --upgrade dagctl"
    if error.cause and (cause := cure(error.cause)):
        return cause
    if not error.environment:
        return "Nothing was changed. Try again."
    project = f" --project {quoted(error.project)}" if error.project else ""
    return f"Nothing was changed. To ask again: dagctl protection check {quoted(error.environment)}{project}"


_LINKS = "Try again in a moment. dagctl doctor checks each link to the state database."


def _unreachable(error: errors.Unreachable) -> str:
    if error.proxied:
        return "Check HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT if the proxy needs a login), ALL_PROXY and NO_PROXY."
    if error.lost:
        return "Run it again: SQLMesh continues from what it has recorded."
    if error.database is None:
        return "Check the network and the address, then try again."
    return f"Check that the network is up and that you can reach the port. {_WHERE}"


_WHERE = "dagctl config current shows where the address comes from."


def _certificate_refused(error: errors.CertificateRefused) -> str:
    if error.ca_file:
        return "Point it to a PEM file of CA certificates."
    if error.sslmode is not None:
        return _state_certificate_refused(error)
    if error.why == "no CA certificates":
        return "Install the ca-certificates package or certifi, or set SSL_CERT_FILE to a PEM file of CA certificates."
    if "expired" in error.why or "not yet valid" in error.why:
        return "Check this machine's clock. If it is right, ask the server's operator to renew the certificate."
    if "mismatch" in error.why:
        return "Check the URL: the certificate is for another host name."
    return "If the certificate comes from your company's own CA, set SSL_CERT_FILE to that CA's PEM file."


def _state_certificate_refused(error: errors.CertificateRefused) -> str:
    now = f"DAGCTL_STATE_SSLMODE (now {error.sslmode})"
    if not error.why:
        return f"Check that this is the state database's proxy. {_WHERE} {now} requires TLS."
    if error.sslmode in ("disable", "allow", "prefer"):
        return f"Unset DAGCTL_STATE_SSLMODE and pg_proxy_sslmode (now {error.sslmode}), or set verify-full."
    return f"Set DAGCTL_STATE_SSLROOTCERT or SSL_CERT_FILE to the PEM file of the platform's CA, or change {now}."


def unverified(hostspec: str) -> str:
    """The warning about a proxy whose certificate comes from no CA that this machine knows."""
    return (
        f"the state database's proxy {hostspec} is not verified: no CA that this machine knows vouches for it. "
        "Set DAGCTL_STATE_SSLROOTCERT to its CA, or accept this with DAGCTL_STATE_SSLMODE=require."
    )


def _not_found(error: errors.NotFound) -> str | None:
    if error.database is None:
        return None
    return "Check the project: dagctl config current shows it; dagctl projects and the web UI list them all."


def _try_later(error: errors.TryLater) -> str:
    when = f"in {error.retry_after:g} seconds" if error.retry_after else "in a few minutes"
    return f"Try again {when}." if error.database is None else "Try again in a moment, or use fewer concurrent_tasks."


def _project_not_found(error: errors.ProjectNotFound) -> str:
    if error.project is None:
        return "Create one in the web UI."
    if error.ids:
        return f"Use an ID: {', '.join(map(printable, error.ids))}"
    if error.near:
        return f"Did you mean {' or '.join(map(printable, error.near))}?"
    return "Run dagctl projects for a list, or dagctl auth list if it belongs to another organization."


def _project_conflict(error: errors.ProjectConflict) -> str:
    if error.folders:
        return "Load only one of them, or pin both to the same project: SQLMesh keeps the state of both in one place."
    if error.source:
        return f"{_undo(error.source)}: models must not run against another project's state."
    if not error.organization:
        return "Run it again."
    organization = quoted(error.organization)
    switch = f"dagctl auth switch {organization}"
    if error.meanwhile:
        return f"Restart it, or switch back: {switch}"
    return f"Run: {switch} (or: {login_command(error.organization)}), or set DAGCTL_ORG={organization} here."


def _setting_unusable(error: errors.SettingUnusable) -> str | None:
    if error.issuer_host:
        settings = f"auth0_domain: {printable(error.issuer_host)} and api_url: {error.api_url}"
        return f"If you trust that issuer, set {settings} in {error.source}, and try again."
    if error.organization or error.api_url:
        command = login_command(error.organization, error.api_url)
        return f"{_undo(error.source)}, or run: {command}" if error.source else f"Run: {command}"
    if error.source is None:
        return None
    if error.source.startswith("-"):
        return f"Give {error.source} another value."
    return f"{_undo(error.source)}, or correct it." if _is_variable(error.source) else f"Correct {error.source}."


def _undo(source: str) -> str:
    return f"Unset {source}" if _is_variable(source) else f"Change {source}"


def _is_variable(source: str) -> bool:
    return re.fullmatch("[A-Z][A-Z_]+", source) is not None


def _account_not_found(error: errors.AccountNotFound) -> str:
    if error.known:
        return f"Use one of {', '.join(map(printable, error.known))}."
    return f"Run: {login_command(error.account)}"


def _file_corrupt(error: errors.FileCorrupt) -> str:
    if error.role == "keyring":
        return "Run: dagctl auth logout"
    if error.role == "tokens":
        return f"Run: {login_command()} (keeps it as auth.json.corrupt), or: dagctl auth logout"
    again = " and sign in again" if error.role == "home" else ""
    return f"Correct {quoted(error.path) if error.path else 'it'}, or move it away{again}."


def _file_unusable(error: errors.FileUnusable) -> str | None:
    if error.given_by:
        return f"Unset {error.given_by} first."
    if error.link:
        return "Replace the link with the file or folder itself."
    if error.role == "sandbox":
        return f"Remove it: {quoted(error.path)}"
    if error.foreign and error.role:
        return "Set DAGCTL_HOME to a folder of your own."
    if error.foreign:
        return "Put a .dagctl.yaml of yours in the project's folder, or set DAGCTL_ORG and DAGCTL_PROJECT."
    if error.role == "token_store":
        return "Tell its author, or set DAGCTL_TOKEN_STORE=file and sign in again."
    if error.role == "keyring":
        return "Unlock it, or set DAGCTL_TOKEN_STORE=file and sign in again."
    if error.role:
        return "Set DAGCTL_HOME to a folder that you can read and write."
    return f"Check that you may read and write {quoted(error.path)}." if error.path else None


_CONFIG: Mapping[str, str] = {
    "absent": "Run this in the folder of a SQLMesh project, or run sqlmesh init first.",
    "several": "SQLMesh allows one configuration per folder: move the others away.",
    "python": "dagctl config generate shows the lines to add to it.",
    "refused": "Fix it until sqlmesh info loads it, then run this again.",
    "shadowed": "Rename the folder.",
    "dbt": "dbt projects are managed entirely in the web UI.",
    "output": "Name a Python file.",
    "differs": "Nothing was changed. This is a bug in dagctl: please report it with that part of the file.",
}


def _needs_terminal(error: errors.NeedsTerminal) -> str:
    instead = "DAGCTL_ACCESS_TOKEN, DAGCTL_ID_TOKEN, DAGCTL_ORG and DAGCTL_PROJECT instead."
    return f"Set {instead}" if error.in_ci else f"Run it on a terminal. In CI, set {instead}"


CURES: Mapping[type[DagctlError], Row] = {
    DagctlError: None,
    errors.NotSignedIn: _not_signed_in,
    errors.SessionEnded: _not_signed_in,
    errors.SignInFailed: lambda error: _BY_CODE.get(error.code) if error.code else "Start the sign-in again.",
    errors.SignInTimedOut: _sign_in_timed_out,
    errors.SignInCancelled: None,
    errors.DeviceGrantRefused: "Sign in through a browser instead.",
    errors.TokenRejected: "Sign in again. If that does not help, tell the platform's operator.",
    errors.TokenOutOfTime: "Check this machine's clock: dagctl doctor compares it with the API's.",
    errors.OrganizationRefused: _organization_refused,
    errors.ProtectionRefused: None,
    errors.EnvironmentProtected: protected,
    errors.ProtectionUnknown: _protection_unknown,
    errors.PlatformError: None,
    errors.Unreachable: _unreachable,
    errors.CertificateRefused: _certificate_refused,
    errors.Refused: lambda error: _BY_CODE.get(error.code or "", None if error.database is None else _LINKS),
    errors.TokenNotAccepted: lambda error: f"Run: {login_command(error.organization, error.api_url)}",
    errors.NotFound: _not_found,
    errors.TryLater: _try_later,
    errors.Malformed: None,
    errors.ClockSkewed: "Correct the clock (turn on time synchronisation; in WSL: sudo hwclock -s), then try again.",
    errors.ProjectError: lambda error: (
        f"Set DAGCTL_PROJECT={quoted(error.project)} instead." if error.project else None
    ),
    errors.NoProject: "Run: dagctl use-project PROJECT (dagctl projects lists them), or set DAGCTL_PROJECT.",
    errors.ProjectNotFound: _project_not_found,
    errors.ProjectConflict: _project_conflict,
    errors.SettingUnusable: _setting_unusable,
    errors.AccountNotFound: _account_not_found,
    errors.FileProblem: None,
    errors.FileCorrupt: _file_corrupt,
    errors.FileUnusable: _file_unusable,
    errors.FileExists: lambda error: f"Move {quoted(error.path)} away, or name another file." if error.path else None,
    errors.FileBusy: "Find the dagctl or sqlmesh process that hangs, and end it.",
    errors.ConfigProblem: lambda error: _CONFIG.get(error.case),
    errors.SandboxProblem: None,
    errors.PortTaken: lambda error: f"End the program that uses port {error.port}.",
    errors.NeedsTerminal: _needs_terminal,
    errors.MissingExtra: lambda error: f"Run: pip install 'dagctl[{error.extra}]'" if error.extra else None,
}
