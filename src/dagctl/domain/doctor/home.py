"""What is wrong with the files of the dagctl home, as far as that shows from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from shlex import quote

from dagctl.domain.doctor.chain import Check, Mark, ok, warning
from dagctl.ports.machine import FileSeen, Machine

_GRAVEST_FIRST = (Mark.FAILED, Mark.WARNING)


def look_at_home(surroundings: Machine) -> Check:
    """The files' modes and owners, symbolic links, and what killed writers have left."""
    files = surroundings.files()
    if not files:
        return ok(f"{surroundings.home()} is not there yet: signing in makes it")
    findings = sorted(_findings(files), key=lambda found: _GRAVEST_FIRST.index(found.state))
    if not findings:
        return ok(_listed(files))
    seen = "; ".join(found.seen for found in findings)
    return Check(findings[0].state, seen, "; ".join(found.cure for found in findings if found.cure))


def _findings(files: Sequence[FileSeen]) -> Iterator[Check]:
    home = files[0].path
    strangers = [file for file in files if not file.readable]
    if strangers:
        cure = f'sudo chown -R "$(id -un)" {quote(home)}'
        yield Check(Mark.FAILED, f"{_names(strangers)} cannot be read, or belongs to somebody else", cure)
    links = [file for file in files if file.link]
    if links:
        cure = "put the file itself there: symbolic links are not followed"
        yield Check(Mark.FAILED, f"{_names(links)} is a symbolic link", cure)
    kept = [file for file in files if file.exposed and not file.leftover]
    secret, other = [file for file in kept if file.secret], [file for file in kept if not file.secret]
    if secret:
        yield Check(Mark.FAILED, f"{_names(secret)} holds tokens and is open to other people", _chmod(secret))
    if other:
        yield warning(f"{_names(other)} is open to other people", _chmod(other))
    leftovers = [file for file in files if file.leftover]
    if leftovers:
        cure = f"rm {' '.join(quote(file.path) for file in leftovers)}"
        yield warning(f"{_names(leftovers)} was left by a process that was killed", cure)


def _names(files: Sequence[FileSeen]) -> str:
    """Up to three of them by path and mode."""
    names = [f"{file.path} ({_mode(file)})" if file.exposed else file.path for file in files[:3]]
    more = len(files) - len(names)
    return ", ".join(names) + (f" and {more} more, each of which" if more else "")


def _chmod(files: Sequence[FileSeen]) -> str:
    folders = [quote(file.path) for file in files if file.folder]
    others = [quote(file.path) for file in files if not file.folder]
    commands = [f"chmod {mode} {' '.join(paths)}" for mode, paths in (("700", folders), ("600", others)) if paths]
    return "; ".join(commands)


def _listed(files: Sequence[FileSeen]) -> str:
    home, *others = files
    top = [file for file in others if PurePath(file.path).parent == PurePath(home.path)]
    names = ", ".join(f"{PurePath(file.path).name} {_mode(file)}".strip() for file in top)
    return f"{home.path} {_mode(home)}: {names or 'nothing in it yet'}"


def _mode(file: FileSeen) -> str:
    return f"{file.mode:04o}" if file.mode is not None else ""
