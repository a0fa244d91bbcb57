"""The platform on this machine: issuer, management API, PG proxy with TLS, and a real PostgreSQL.

It verifies what the hosted platform verifies, and listens on the loopback interface only, with a CA of its own::

    with running_sandbox(home=tmp_path) as sandbox:
        client.login("acme", api_url=sandbox.api_url)

It shares no code with the client's HTTP adapter: two sides that share a codec share its bugs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dagctl.adapters.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    from dagctl.adapters.sandbox.running import Sandbox

__all__ = ["Sandbox", "SandboxOptions", "running_sandbox"]


@contextmanager
def running_sandbox(options: SandboxOptions | None = None, *, home: Path) -> Iterator[Sandbox]:
    """A sandbox for the length of a block.

    It runs in a thread: a client in this process must let go of Python's lock while it waits, which psycopg2 does
    except in `connection.cancel()`.

    Args:
        options: what it is like; None for the defaults.
        home: the dagctl home. The sandbox keeps its things in the folder `sandbox` there, and a client with the same
            home trusts its CA on the loopback interface.

    Raises:
        MissingExtra: its packages are not installed.
        DagctlError: one runs there already, or as `Sandbox.start` does.
    """
    from dagctl.adapters.sandbox.lock import held

    made = __getattr__("Sandbox")
    folder = home / "sandbox"
    with held(folder):
        sandbox = made(options or SandboxOptions(), folder)
        sandbox.start()
        try:
            yield sandbox
        finally:
            sandbox.stop()


def __getattr__(name: str) -> type[Sandbox]:
    if name != "Sandbox":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from dagctl.adapters.sandbox.running import Sandbox
    except ModuleNotFoundError as error:
        from dagctl.domain.errors import MissingExtra

        raise MissingExtra(f"The sandbox needs its extra: there is no {error.name}.", extra="sandbox") from None
    return Sandbox
