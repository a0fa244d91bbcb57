"""Our errors as SQLMesh errors: its command line shows those as a message, and any other as a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from sqlmesh.utils.errors import SQLMeshError

from dagctl.adapters.sqlmesh.commands import UI
from dagctl.adapters.sqlmesh.invocation import invocation
from dagctl.domain.errors import DagctlError, EnvironmentProtected
from dagctl.domain.values.text import harmless


def for_sqlmesh(error: DagctlError) -> DagctlError:
    """The same error as an SQLMesh error too, with its cure in the text: SQLMesh shows nothing else."""
    if isinstance(error, SQLMeshError):
        return error
    from dagctl._cures import cure

    copy = _of_both_kinds(type(error), error.message, {**vars(error), "message": harmless(error.message)})
    said = _of_protected(error) if isinstance(error, EnvironmentProtected) and not error.hint else cure(error)
    copy.hint = harmless(said or "") or None
    return copy


def _of_both_kinds(kind: type[DagctlError], message: str, fields: dict[str, object]) -> DagctlError:
    """An error of `kind` that is also an SQLMesh error.

    Unpickling calls this function again: pickle could not find the class, which is created here, by its name.
    """

    def reduced(self: DagctlError) -> tuple[Callable[..., DagctlError], tuple[object, ...]]:
        return _of_both_kinds, (kind, self.message, dict(vars(self)))

    about = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__reduce__": reduced}
    made: DagctlError = type(kind.__name__, (kind, SQLMeshError), about)(message)
    vars(made).update(fields)
    return made


def _of_protected(error: EnvironmentProtected) -> str:
    """The cure in terms of the refused program: in a browser or a notebook, a command is of no use."""
    from dagctl._cures import protected, protected_from_bot

    try:
        found = invocation(sys.argv)
    except Exception:  # noqa: BLE001 - SQLMesh's own parser, on whatever arguments the process has
        found = None
    program = found.program if found is not None and found.words != (UI,) else None
    if program == "sqlmesh_cicd":
        return protected_from_bot(error)
    return protected(error, "sqlmesh plan dev_YOURNAME" if program == "sqlmesh" else "")
