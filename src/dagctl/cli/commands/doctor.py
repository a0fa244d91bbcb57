"""Look at each link between this machine and the state database, and name the cure where one is broken.

Repairs nothing and writes nothing; only a session that is due for renewal is renewed. A link behind a broken one is
skipped. Exits with 0 when nothing failed, with 4 when all that is wrong is that you are not signed in, else with 1.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from functools import partial

from dagctl.cli.app import App
from dagctl.cli.doctor_cures import cure, seen
from dagctl.cli.endings import DONE, FAILED, SIGNED_OUT
from dagctl.cli.showing import coloured, option_insecure
from dagctl.domain.doctor.chain import Check, Mark
from dagctl.domain.errors import DagctlError, NotSignedIn

_WORDS = {Mark.OK: "ok", Mark.WARNING: "warn", Mark.FAILED: "FAIL", Mark.SKIPPED: "skip"}
_COLOURS = {Mark.OK: "32", Mark.WARNING: "33", Mark.FAILED: "1;31", Mark.SKIPPED: "2"}
_WIDTH = len("SQLMesh config")
_INDENT = _WIDTH + 8


def configure(parser: ArgumentParser) -> None:
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    """Show each check as it is done."""
    done, width = [], _columns() if app.out.isatty() else None
    for check in _checks(app, args.insecure):
        done.append(check)
        if not app.as_json:
            app.put(_line(check, width), partial(_painted, check.state) if coloured(app.out) else str)
    if app.as_json:
        app.show([_record(check) for check in done], "")
    return _exit_code(done)


def _checks(app: App, insecure: bool) -> Iterator[Check]:
    try:
        doctor = app.connect(insecure=insecure).doctor
    except DagctlError as error:
        from dagctl.domain.doctor.checkup import broken

        yield from broken(error)
    else:
        yield from doctor.checks()


def _record(check: Check) -> dict[str, str | None]:
    return {"link": check.link, "state": check.state.value, "seen": seen(check), "cure": cure(check)}


def _painted(state: Mark, line: str) -> str:
    """A line whose first word has its colour."""
    return f"\033[{_COLOURS[state]}m{line[:4]}\033[0m{line[4:]}"


def _line(check: Check, width: int | None) -> str:
    """A check for people: on a terminal of `width` columns, its lines are aligned. Cures are there to be copied."""
    words = seen(check) if width is None else _wrapped(seen(check), width - _INDENT)
    line = f"{_WORDS[check.state]:<4}  {check.link:<{_WIDTH}}  {words}"
    advice = cure(check)
    return f"{line}\n{'':{_INDENT}}-> {advice}" if advice else line


def _wrapped(text: str, width: int) -> str:
    from textwrap import wrap

    lines = wrap(text, max(width, 40), break_long_words=False, break_on_hyphens=False)
    return f"\n{'':{_INDENT}}".join(lines)


def _columns() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns


def _exit_code(checks: Sequence[Check]) -> int:
    failed = [check for check in checks if check.state is Mark.FAILED]
    if not failed:
        return DONE
    return SIGNED_OUT if all(isinstance(check.problem, NotSignedIn) for check in failed) else FAILED
