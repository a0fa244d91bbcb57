"""Which project SQLMesh is loading in this thread, and whether what calls us is part of the configuration it takes.

All of a `config.py` is run, whichever of its `Config` objects SQLMesh takes, and so is that of every repository of
a project, although only the first one's counts. The working directory and `sys.path` say little about it: a program
may load several projects, in several threads. The call stack says it, and the file's own text the rest.
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


@frozen
class Loading:
    """A `config.py` that is being run.

    Attributes:
        file: its path.
        chosen: the name of the object that SQLMesh is going to take from it.
        repositories: the folders of the project that it belongs to, in SQLMesh's order.
        line: the line that is being run.
    """

    file: Path
    chosen: str
    repositories: tuple[Path, ...]
    line: int

    @property
    def folder(self) -> Path:
        """The folder of the configuration: what belongs to the project is looked for from here."""
        return self.file.parent

    def decides(self) -> bool:
        """Whether what is being run may become part of the configuration that SQLMesh takes."""
        if self.repositories and self.folder != self.repositories[0]:
            return False
        try:
            return self.line not in _passed_over(self.file, self.file.stat().st_mtime_ns, self.chosen)
        except (OSError, SyntaxError, ValueError):
            return True


def loading() -> Loading | None:
    """The `config.py` that this call comes from; None where SQLMesh is not loading one."""
    line, here = 0, None
    for frame in _callers():
        if frame.f_code.co_name == "<module>":
            line = frame.f_lineno
        elif here is None and _is_loader(frame, "load_config_from_python_module"):
            here = Loading(Path(frame.f_locals["module_path"]), frame.f_locals["config_name"], (), line)
        elif here is not None and _is_loader(frame, "load_configs"):
            return evolve(here, repositories=tuple(frame.f_locals["absolute_paths"]))
    return here


_pins: dict[tuple[int, tuple[Path, ...]], tuple[Path, str]] = {}
"""What the repositories of a project have pinned, by process and project: the first one's folder, and its pin."""


def require_one_pin(context: Callable[[], Context]) -> None:
    """Return if the repositories of the project that is being loaded belong to one project of the platform.

    SQLMesh keeps the state of all of them where the first one's is.

    Args:
        context: gives the context of the repository that this call comes from.

    Raises:
        ProjectConflict: two of them are pinned to different projects.
    """
    here = loading()
    if here is None or len(here.repositories) < 2:
        return
    found = context()
    pin = str(found.pin or (found.project.value if found.project else ""))
    key = os.getpid(), here.repositories
    folder, known = _pins.get(key, (here.folder, pin))
    if here.folder in (folder, here.repositories[0]):
        _pins[key] = here.folder, pin
    elif known != pin:
        raise ProjectConflict(
            f"SQLMesh was given two projects whose states are apart: {folder} belongs to {known!r}, "
            f"and {here.folder} to {pin!r}.",
            project=pin,
            folders=(str(folder), str(here.folder)),
        )


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_loader(frame: FrameType, function: str) -> bool:
    return frame.f_code.co_name == function and frame.f_globals.get("__name__") == _LOADER


@lru_cache(maxsize=8)
def _passed_over(file: Path, changed: int, chosen: str) -> frozenset[int]:
    """The lines of assignments at the top of a file that the object called `chosen` is not made of.

    Where it is not plain to see, a line is not among them: at worst an environment too many is asked about.
    """
    statements = ast.parse(file.read_bytes()).body
    made = _made_of(chosen, statements)
    others = {each for each in statements if made and _assigned(each) and made.isdisjoint(_assigned(each))}
    return _lines(others) - _lines(each for each in statements if each not in others)


def _made_of(chosen: str, statements: list[ast.stmt]) -> set[str]:
    """The names that `chosen` depends on, itself among them; empty where the file assigns no such name."""
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
    """The names that a plain assignment gives values to; empty for everything else."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    return names if len(names) == len(targets) else set()


def _defined(statement: ast.stmt) -> set[str]:
    """The functions, classes and imports that a statement brings: they are not data, and stay as they are."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(each.asname or each.name).partition(".")[0] for each in statement.names}
    return set()


def _named(statement: ast.stmt) -> set[str]:
    return {each.id for each in ast.walk(statement) if isinstance(each, ast.Name)}


def _lines(statements: Iterable[ast.stmt]) -> frozenset[int]:
    return frozenset(line for each in statements for line in range(each.lineno, (each.end_lineno or each.lineno) + 1))
