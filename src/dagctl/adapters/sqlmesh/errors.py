"""Our errors as SQLMesh's: its command line prints those as a message, and any other as a traceback."""

from __future__ import annotations

from sqlmesh.utils.errors import SQLMeshError

from dagctl.domain.errors import DagctlError


def for_sqlmesh(error: DagctlError) -> DagctlError:
    """The same error, as an SQLMesh error too."""
    kind = type(error)
    if isinstance(error, SQLMeshError):
        return error
    both = type(kind.__name__, (kind, SQLMeshError), {"__module__": kind.__module__, "__doc__": kind.__doc__})
    copy: DagctlError = both.__new__(both, *error.args)
    copy.args = error.args
    copy.__dict__.update(error.__dict__)
    return copy
