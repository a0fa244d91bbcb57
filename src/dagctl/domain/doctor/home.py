"""What is wrong with the files of the dagctl home, judging by their metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from dagctl.domain.doctor.chain import Advice, Check, Finding, Mark, ok, warning, wrong
from dagctl.ports.machine import FileSeen, Machine

_GRAVEST_FIRST = (Mark.FAILED, Mark.WARNING)


def look_at_home(machine: Machine) -> Check:
    """Check the files' modes and owners, and look for symbolic links and the leftovers of killed writers."""
    files = machine.files()
    if not files:
        return ok(f"{machine.home()} does not exist yet: the sign-in creates it")
    findings = sorted(_findings(files), key=lambda found: _GRAVEST_FIRST.index(found.state))
    if not findings:
        return ok(_listed(files))
    seen = "; ".join(found.seen for found in findings)
    return Check(findings[0].state, seen, tuple(advice for found in findings for advice in found.advice))


def _findings(files: Sequence[FileSeen]) -> Iterator[Check]:
    strangers = [file for file in files if not file.readable]
    if strangers:
        seen = f"{_names(strangers)} cannot be read, or belongs to somebody else"
        yield wrong(seen, Advice(Finding.FOREIGN, (files[0],)))
    links = [file for file in files if file.link]
    if links:
        yield wrong(f"{_names(links)} is a symbolic link", Advice(Finding.LINKED, tuple(links)))
    kept = [file for file in files if file.exposed and not file.leftover]
    secret, other = [file for file in kept if file.secret], [file for file in kept if not file.secret]
    if secret:
        seen = f"{_names(secret)} holds tokens and is open to other people"
        yield wrong(seen, Advice(Finding.EXPOSED, tuple(secret)))
    if other:
        yield warning(f"{_names(other)} is open to other people", Advice(Finding.EXPOSED, tuple(other)))
    leftovers = [file for file in files if file.leftover]
    if leftovers:
        seen = f"{_names(leftovers)} was left behind by a killed process"
        yield warning(seen, Advice(Finding.LEFT_BEHIND, tuple(leftovers)))


def _names(files: Sequence[FileSeen]) -> str:
    """Up to three of the files, by path and mode."""
    names = [f"{file.path} ({_mode(file)})" if file.exposed else file.path for file in files[:3]]
    more = len(files) - len(names)
    return ", ".join(names) + (f" and {more} more, each of which" if more else "")


def _listed(files: Sequence[FileSeen]) -> str:
    home, *others = files
    top = [file for file in others if PurePath(file.path).parent == PurePath(home.path)]
    names = ", ".join(f"{PurePath(file.path).name} {_mode(file)}".strip() for file in top)
    return f"{home.path} {_mode(home)}: {names or 'empty'}"


def _mode(file: FileSeen) -> str:
    return f"{file.mode:04o}" if file.mode is not None else ""
