"""Check each link between this machine and the state database, and say how to fix a broken one.

The doctor repairs nothing and writes nothing, except that it renews tokens that are about to expire. It skips the links
behind a broken one. Exits with 0 if nothing failed, with 4 if you are not signed in and nothing else failed, and with 1
otherwise.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypedDict

from dagctl.cli.app import App
from dagctl.cli.doctor_cures import cure, seen
from dagctl.cli.endings import DONE, FAILED, SIGNED_OUT, code_of
from dagctl.cli.showing import coloured, option_insecure
from dagctl.domain.doctor.chain import Check, Mark
from dagctl.domain.errors import DagctlError, NotSignedIn


class Link(TypedDict):
    """A link.

    Attributes:
        link: its name.
        state: `ok`, `warning` or `failed`; `skipped` if a link that it depends on is broken.
        message: what the doctor saw.
        hint: what to do about it; null if nothing is wrong, or nothing is known to help.
        code: the code of the error (see below) that the link failed with; null if it raised none.
    """

    link: str
    state: str
    message: str
    hint: str | None
    code: str | None


class Data(TypedDict):
    """What the doctor found.

    Attributes:
        checks: the links, in their order from this machine to the state database.
    """

    checks: list[Link]


_WORDS = {Mark.OK: "ok", Mark.WARNING: "warn", Mark.FAILED: "FAIL", Mark.SKIPPED: "skip"}
_COLOURS = {Mark.OK: "32", Mark.WARNING: "33", Mark.FAILED: "1;31", Mark.SKIPPED: "2"}
_WIDTH = len("SQLMesh config")
_INDENT = _WIDTH + 8


def configure(parser: ArgumentParser) -> None:
    option_insecure(parser)


def run(args: Namespace, app: App) -> int:
    """Show each check when it is done."""
    done, width = [], _columns() if app.out.isatty() else None
    for check in _checks(app, args.insecure):
        done.append(check)
        if not app.as_json:
            app.put(_line(check, width), partial(_painted, check.state) if coloured(app.out) else str)
    if app.as_json:
        app.show(Data(checks=[_record(check) for check in done]), "")
    return _exit_code(done)


def _checks(app: App, insecure: bool) -> Iterator[Check]:
    try:
        doctor = app.connect(insecure=insecure).doctor
    except DagctlError as error:
        from dagctl.domain.doctor.checkup import broken

        yield from broken(error)
    else:
        yield from doctor.checks()


def _record(check: Check) -> Link:
    return Link(
        link=check.link,
        state=check.state.value,
        message=seen(check),
        hint=cure(check),
        code=code_of(type(check.problem)) if check.problem else None,
    )


def _painted(state: Mark, line: str) -> str:
    """A line whose first word is coloured."""
    return f"\033[{_COLOURS[state]}m{line[:4]}\033[0m{line[4:]}"


def _line(check: Check, width: int | None) -> str:
    """A check for people, wrapped if the terminal has a `width`. A cure stays on one line, so that it can be copied."""
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
