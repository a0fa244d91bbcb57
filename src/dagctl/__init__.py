"""Connects a SQLMesh project on a laptop to a hosted, managed state database.

Importing it reads no file, does not touch the network and loads almost nothing: each name is imported when it is first
used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers know it by its name; to import typing would cost a fifth of `dagctl --version`

__version__ = "0.5.0"

if TYPE_CHECKING:  # `X as X` exports X
    from dagctl import errors as errors
    from dagctl import ports as ports
    from dagctl import sqlmesh as sqlmesh
    from dagctl import testing as testing
    from dagctl import types as types
    from dagctl._functions import check_environment_protection as check_environment_protection
    from dagctl._functions import get_fresh_token as get_fresh_token
    from dagctl._functions import get_state_connection as get_state_connection
    from dagctl._sdk import Dagctl as Dagctl
    from dagctl._wiring import connect as connect
    from dagctl.adapters.memory.stores import memory_storage as memory_storage
    from dagctl.adapters.system.loopback import LoopbackBrowser as LoopbackBrowser
    from dagctl.domain.errors import DagctlError as DagctlError
    from dagctl.domain.errors import NotSignedIn as NotSignedIn
    from dagctl.domain.errors import PlatformError as PlatformError
    from dagctl.domain.errors import ProjectError as ProjectError
    from dagctl.domain.errors import ProtectionRefused as ProtectionRefused
    from dagctl.domain.errors import SignInFailed as SignInFailed

_HOMES = {
    "Dagctl": "dagctl._sdk",
    "DagctlError": "dagctl.domain.errors",
    "LoopbackBrowser": "dagctl.adapters.system.loopback",
    "NotSignedIn": "dagctl.domain.errors",
    "PlatformError": "dagctl.domain.errors",
    "ProjectError": "dagctl.domain.errors",
    "ProtectionRefused": "dagctl.domain.errors",
    "SignInFailed": "dagctl.domain.errors",
    "check_environment_protection": "dagctl._functions",
    "connect": "dagctl._wiring",
    "get_fresh_token": "dagctl._functions",
    "get_state_connection": "dagctl._functions",
    "memory_storage": "dagctl.adapters.memory.stores",
}
_SUBMODULES = ("errors", "ports", "sqlmesh", "testing", "types")

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES])
