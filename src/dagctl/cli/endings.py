"""How a run ends: what each error means as an exit code, and how it is put to the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagctl.domain.errors import DagctlError, NotSignedIn, ProtectionRefused
from dagctl.domain.values.text import harmless

if TYPE_CHECKING:
    from dagctl.cli.app import App

DONE = 0
FAILED = 1
USAGE = 2
PROTECTED = 3
SIGNED_OUT = 4
BUG = 70
INTERRUPTED = 130

EXIT_CODES: tuple[tuple[type[DagctlError], int], ...] = (
    (ProtectionRefused, PROTECTED),
    (NotSignedIn, SIGNED_OUT),
    (DagctlError, FAILED),
)
"""The first class that fits decides."""


def of(error: BaseException, app: App) -> int:
    """Put the way that a run ended to the person; returns the exit code."""
    from dagctl.adapters.system.untranslated import translated

    error = translated(error)
    if isinstance(error, DagctlError):
        return _expected(error, app)
    if isinstance(error, KeyboardInterrupt):
        app.say("\ndagctl: interrupted.")
        return INTERRUPTED
    return _bug(error, app)


def _expected(error: DagctlError, app: App) -> int:
    from dagctl.cli.cures import cure

    app.say(f"dagctl: {error.message}")
    advice = cure(error)
    if advice:
        app.say(f"  {advice}")
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def _bug(error: BaseException, app: App) -> int:
    """Put an unexpected failure into a log, and say where that is."""
    from traceback import format_exception

    where = logged("".join(format_exception(error)), "bug.log")
    app.say(f"dagctl: this is a bug in dagctl, sorry. {where}")
    return BUG


def logged(text: str, name: str) -> str:
    """Write a file of this name in the dagctl home; returns a sentence that says where it is."""
    from dagctl.adapters.environment.home import home_directory
    from dagctl.adapters.files.private import write_private

    place = "nowhere: it could not be written"
    try:
        log = home_directory() / name
        write_private(log, harmless(text))
        place = str(log)
    except DagctlError:
        pass
    return f"The log is {place}."
