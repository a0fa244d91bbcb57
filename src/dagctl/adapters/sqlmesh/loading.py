"""Finds out which project SQLMesh is loading in this thread, and whether the calling code affects its configuration.

SQLMesh runs all of a `config.py`, whichever of its `Config` objects it uses, and it runs that of every repository of a
project, although only the first one counts. The working directory and `sys.path` do not help: a program may load
several projects in several threads. The call stack tells, together with the text of the file.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import FrameType

from attrs import evolve, frozen

from dagctl.domain.errors import ProjectConflict
from dagctl.domain.values.context import Context

_LOADER = "sqlmesh.core.config.loader"


@frozen(eq=False, repr=False)
class Loading:
    """A `config.py` that SQLMesh is running.

    Attributes:
        file: its path.
        chosen: the name of the object that SQLMesh will use.
        repositories: the folders of its project, in SQLMesh's order.
        line: the current line.
    """

    file: Path
    chosen: str
    repositories: tuple[Path, ...]
    line: int

    @property
    def folder(self) -> Path:
        """The folder of the configuration, where the search for the project's files starts."""
        return self.file.parent

    def decides(self) -> bool:
        """Whether the current line may affect the configuration that SQLMesh uses."""
        if self.repositories and self.folder != self.repositories[0]:
            return False
        try:
            # the time of the last change belongs to the key of the cache: a notebook loads again after an edit
            return self.line not in _passed_over(self.file, self.file.stat().st_mtime_ns, self.chosen)
        except (OSError, SyntaxError, ValueError):
            return True


def loading() -> Loading | None:
    """The `config.py` that makes this call; None if SQLMesh is not loading one."""
    line, here = 0, None
    for frame in callers():
        if frame.f_code.co_name == "<module>":
            line = frame.f_lineno  # the last one before the loader is config.py's own, whichever module it calls from
        elif here is None and runs(frame, _LOADER, "load_config_from_python_module"):
            here = Loading(Path(frame.f_locals["module_path"]), frame.f_locals["config_name"], (), line)
        elif here is not None and runs(frame, _LOADER, "load_configs"):
            return evolve(here, repositories=tuple(frame.f_locals["absolute_paths"]))
    return here  # a caller of the loader's inner function has one repository


_pins: dict[tuple[int, tuple[Path, ...]], tuple[Path, str]] = {}
"""The pins of projects, by process and repositories: the first repository's folder, and its pin."""


def require_one_pin(context: Callable[[], Context]) -> None:
    """Return if all repositories that SQLMesh is loading belong to one project of the platform.

    SQLMesh keeps the state of all of them where it keeps that of the first.

    Args:
        context: returns the context of the calling repository.

    Raises:
        ProjectConflict: two of them are pinned to different projects.
    """
    here = loading()
    if here is None or len(here.repositories) < 2:
        return
    found = context()
    pin = str(found.pin or (found.project.value if found.project else ""))
    key = os.getpid(), here.repositories  # a forked child may load them again, with other pins
    folder, known = _pins.get(key, (here.folder, pin))
    # the first repository starts a new load: its pin replaces the one that an earlier load has left here
    if here.folder in (folder, here.repositories[0]):
        _pins[key] = here.folder, pin
    elif known != pin:
        raise ProjectConflict(
            f"SQLMesh got two projects with separate states: {folder} belongs to {known!r}, "
            f"and {here.folder} to {pin!r}.",
            project=pin,
            folders=(str(folder), str(here.folder)),
        )


def callers() -> Iterator[FrameType]:
    """The frames of this thread's stack from the caller outwards."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def runs(frame: FrameType, module: str, *functions: str) -> bool:
    """Whether it runs one of the module's functions."""
    # by name: this module must not import SQLMesh
    return frame.f_code.co_name in functions and frame.f_globals.get("__name__") == module


@lru_cache(maxsize=8)
def _passed_over(file: Path, changed: int, chosen: str) -> frozenset[int]:
    """The lines of a file's top-level assignments that do not affect the object called `chosen`.

    A doubtful line is not among them: at worst, dagctl asks about one environment too many.
    """
    statements = ast.parse(file.read_bytes()).body  # bytes: the parser reads the file's own coding declaration
    made = _made_of(chosen, statements)
    others = {each for each in statements if made and _assigned(each) and made.isdisjoint(_assigned(each))}
    # several statements may share a line, after a semicolon
    return _lines(others) - _lines(each for each in statements if each not in others)


def _made_of(chosen: str, statements: list[ast.stmt]) -> set[str]:
    """The names that `chosen` depends on, including itself; empty if the file does not assign it.

    A statement that is neither an assignment nor a definition may change every variable that it names.
    """
    uses = [(_assigned(each) or _defined(each), _named(each)) for each in statements]
    fixed = {name for each in statements for name in _defined(each)}
    changes = [(changed or named - fixed, named) for changed, named in uses]  # `gateways.update(…)` changes gateways
    made: set[str] = set()
    more = {chosen} if any(chosen in changed for changed, _ in changes) else set()
    while not more <= made:
        made |= more
        more = {name for changed, named in changes if not made.isdisjoint(changed) for name in named}
    return made


def _assigned(statement: ast.stmt) -> set[str]:
    """The names that a plain assignment sets; empty for any other statement."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    # a target such as `a, b` or `a.b` makes the statement doubtful
    return names if len(names) == len(targets) else set()


def _defined(statement: ast.stmt) -> set[str]:
    """The functions, classes and imports that a statement defines. Unlike data, they do not change."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(each.asname or each.name).partition(".")[0] for each in statement.names}
    return set()


def _named(statement: ast.stmt) -> set[str]:
    return {each.id for each in ast.walk(statement) if isinstance(each, ast.Name)}


def _lines(statements: Iterable[ast.stmt]) -> frozenset[int]:
    return frozenset(line for each in statements for line in range(each.lineno, (each.end_lineno or each.lineno) + 1))
