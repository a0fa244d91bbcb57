"""The dagctl home on disk, inspected from outside."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from dagctl.adapters.environment.heeded import heeded, heeded_in_dotenv
from dagctl.adapters.files.private import LEFTOVER, is_own
from dagctl.domain.errors import FileProblem
from dagctl.ports.machine import FileSeen, Machine, VariableSeen

_OURS = (".auth.lock", "auth.json", "auth.json.corrupt", "config.yaml", "accounts", "credentials")
_SECRET = ("auth.json", "auth.json.corrupt")


@frozen(eq=False)
class LocalMachine(Machine):
    """The `Machine` of this machine.

    Args:
        folder: the project's.
    """

    _home: Path | None
    _environ: Mapping[str, str] = field(repr=False)
    _folder: Path

    def home(self) -> str:
        return str(self._home or "nowhere")

    def files(self) -> tuple[FileSeen, ...]:
        # only the names that dagctl uses: the sandbox keeps its own files there
        if self._home is None or not os.path.lexists(self._home):
            return ()
        return (_seen(self._home, follow=True), *_within(self._home))

    def variables(self) -> tuple[VariableSeen, ...]:
        names = sorted(heeded(name for name, value in self._environ.items() if value))
        try:
            dotenv = heeded_in_dotenv(self._folder, self._environ)
        except FileProblem:  # SQLMesh reports it
            dotenv = {}
        others = {name: said for name, said in dotenv.items() if said.value != self._environ.get(name)}
        return (*map(VariableSeen, names), *(VariableSeen(name, str(others[name].file)) for name in sorted(others)))


def _within(folder: Path) -> Iterator[FileSeen]:
    for path in _entries(folder):
        leftover = LEFTOVER.fullmatch(path.name) is not None
        if not leftover and path.name not in _OURS:
            continue
        secret = leftover or path.name in _SECRET
        yield _seen(path, secret=secret, leftover=leftover)
        if path.name == "credentials":
            for entry in _entries(path):
                yield _seen(entry, secret=True, leftover=LEFTOVER.fullmatch(entry.name) is not None)
        elif path.name == "accounts":
            for account in _entries(path):
                yield _seen(account)
                yield from _within(account)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _seen(path: Path, *, secret: bool = False, leftover: bool = False, follow: bool = False) -> FileSeen:
    try:
        found = path.stat() if follow else path.lstat()
    except OSError:
        return FileSeen(str(path), secret, readable=False, leftover=leftover)
    posix, link = os.name == "posix", stat.S_ISLNK(found.st_mode)
    folder = stat.S_ISDIR(found.st_mode)
    access = os.R_OK | (os.X_OK | os.W_OK if folder else 0)
    return FileSeen(
        str(path),
        secret,
        folder=folder,
        link=link,
        mode=stat.S_IMODE(found.st_mode) if posix and not link else None,
        readable=link or (os.access(path, access) and is_own(found)),
        leftover=leftover,
    )
