"""The platform's far side on this machine: issuer, management API, PG proxy with TLS, and a real PostgreSQL.

It verifies what the hosted platform verifies. On the loopback interface only, with a CA of its own. In a test::

    with running_sandbox(SandboxOptions(), home=tmp_path) as sandbox:
        client.login("acme", api_url=sandbox.api_url)

It shares no code with the client's HTTP adapter: two sides that share a codec share its bugs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagctl.adapters.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    from dagctl.adapters.sandbox.running import Sandbox, running_sandbox

__all__ = ["Sandbox", "SandboxOptions", "running_sandbox"]


def __getattr__(name: str) -> object:
    if name in ("Sandbox", "running_sandbox"):
        try:
            from dagctl.adapters.sandbox import running
        except ModuleNotFoundError as error:
            from dagctl.domain.errors import MissingExtra

            raise MissingExtra(f"The sandbox needs its extra: there is no {error.name}.", extra="sandbox") from None

        return getattr(running, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
