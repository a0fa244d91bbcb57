"""How a run ends: the exit code of each error, and what people and programs are told about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dagctl.domain.errors import DagctlError, NotSignedIn, ProtectionRefused
from dagctl.domain.values.text import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

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
"""The first class that matches decides."""

OTHERS: Mapping[str, tuple[int, str]] = {
    "usage": (USAGE, "The command line is wrong."),
    "output_unwritable": (FAILED, "The output cannot be written, on a full disk for example."),
    "interrupted": (INTERRUPTED, "Somebody pressed Ctrl-C, or sent SIGINT."),
    "bug": (BUG, "This is a bug in dagctl. The traceback is in the file `log`."),
}
"""The codes of failures that are no `DagctlError`, with their exit codes."""

_FACTS = {
    "ahead": "ahead_seconds",
    "code": "oauth_error",
    "retry_after": "retry_after_seconds",
    "timeout": "timeout_seconds",
    "waited": "waited_seconds",
}
"""Fields that programs know by another name: durations have a unit, and `code` is taken."""


def of(error: BaseException, app: App) -> int:
    """Report how a run ended; returns the exit code."""
    from dagctl.adapters.system.untranslated import translated

    error = translated(error)
    if isinstance(error, DagctlError):
        from dagctl.cli.cures import cure

        kind, facts = type(error), facts_of(error)
        return app.fail(code_of(kind), error.message, exit_code=exit_code_of(kind), hint=cure(error), facts=facts)
    if isinstance(error, KeyboardInterrupt):
        app.say("")  # the terminal has shown ^C
        return app.fail("interrupted", "interrupted.", exit_code=INTERRUPTED)
    return _bug(error, app)


def code_of(kind: type[DagctlError]) -> str:
    """What programs know a kind of error by: the class's name in snake case. A test keeps each as it is."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def exit_code_of(kind: type[DagctlError]) -> int:
    """The exit code of a run that ends with this kind of error."""
    return next(code for known, code in EXIT_CODES if issubclass(kind, known))


def facts_of(error: DagctlError) -> dict[str, object]:
    """An error's fields, for programs; what is unknown is None."""
    return {fact: _fact(fact, getattr(error, name)) for name, fact in fact_names(type(error)).items()}


def fact_names(kind: type[DagctlError]) -> dict[str, str]:
    """The fields of a kind of error, and what programs know each by."""
    ours = [each for each in reversed(kind.__mro__) if issubclass(each, DagctlError)]  # the base's fields come first
    return {name: _FACTS.get(name, name) for each in ours for name in each.__annotations__ if name != "hint"}


def _fact(name: str, value: object) -> object:
    from datetime import timedelta
    from math import ceil
    from pathlib import PurePath

    if isinstance(value, DagctlError):
        return {"code": code_of(type(value)), "message": value.message, **facts_of(value)}
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, float):
        return ceil(value)
    if isinstance(value, str) and name in ("path", "ca_file") and value:
        return PurePath(value)
    return None if value == "" else value


def _bug(error: BaseException, app: App) -> int:
    """Log an unexpected failure, and say where the log is."""
    from traceback import format_exception

    log = logged("".join(format_exception(error)), "bug.log")
    where = f"The log is {log}." if log else "The log could not be written."
    return app.fail("bug", f"this is a bug in dagctl, sorry. {where}", exit_code=BUG, facts={"log": log})


def logged(text: str, name: str) -> str | None:
    """Write a file of this name to the dagctl home; returns its path, or None if that fails."""
    from dagctl.adapters.environment.home import home_directory
    from dagctl.adapters.files.private import write_private

    try:
        path = home_directory() / name
        write_private(path, harmless(text))
    except DagctlError:
        return None
    return str(path)
