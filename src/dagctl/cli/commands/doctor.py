"""Check each link between this machine and the state database, and say how to fix a broken one.

The doctor repairs nothing and writes nothing, except that it renews tokens that are about to expire. It skips the links
behind a broken one. Exits with 0 if nothing failed, with 4 if you are not signed in and nothing else failed, and with 1
otherwise.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Annotated, TypedDict

from dagctl.cli.app import App, width
from dagctl.cli.doctor_cures import cure, seen
from dagctl.cli.endings import DONE, FAILED, SIGNED_OUT, code_of
from dagctl.cli.showing import BAD, GOOD, marked, option_insecure
from dagctl.domain.doctor.chain import Check, Mark
from dagctl.domain.errors import DagctlError, NotSignedIn

configure = option_insecure


class Link(TypedDict):
    """A link."""

    link: Annotated[str, "its name"]
    state: Annotated[str, "`ok`, `warning` or `failed`; `skipped` if a link that it depends on is broken"]
    message: Annotated[str, "what the doctor saw"]
    hint: Annotated[str | None, "what to do about it; null if nothing is wrong, or nothing is known to help"]
    code: Annotated[str | None, "the code of the error (see below) that the link failed with; null if it raised none"]


class Data(TypedDict):
    """What the doctor found."""

    checks: Annotated[list[Link], "the links, in their order from this machine to the state database"]


_WORDS = {Mark.OK: "ok", Mark.WARNING: "warn", Mark.FAILED: "FAIL", Mark.SKIPPED: "skip"}
_COLOURS = {Mark.OK: GOOD, Mark.WARNING: "33", Mark.FAILED: BAD, Mark.SKIPPED: "2"}
_WIDTH = len("SQLMesh config")
_INDENT = _WIDTH + 8


def run(args: Namespace, app: App) -> int:
    """Show each check when it is done."""
    done, room = [], width(app.out) if app.out.isatty() else None
    paint = marked(app.out, {f"()({_WORDS[state]:<4})": colour for state, colour in _COLOURS.items()})
    for check in _checks(app, args.insecure):
        done.append(check)
        if not app.as_json:
            app.put(_line(check, room), paint)
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


def _line(check: Check, room: int | None) -> str:
    """A check for people, wrapped to the columns of a terminal. A cure stays on one line, so that it can be copied."""
    words = seen(check)
    if room is not None:
        lines = wrap(words, max(room - _INDENT, 40), break_long_words=False, break_on_hyphens=False)
        words = f"\n{'':{_INDENT}}".join(lines)
    line = f"{_WORDS[check.state]:<4}  {check.link:<{_WIDTH}}  {words}"
    advice = cure(check)
    return f"{line}\n{'':{_INDENT}}-> {advice}" if advice else line


def _exit_code(checks: Sequence[Check]) -> int:
    failed = [check for check in checks if check.state is Mark.FAILED]
    if not failed:
        return DONE
    return SIGNED_OUT if all(isinstance(check.problem, NotSignedIn) for check in failed) else FAILED
