"""Doubles, contract suites and pytest fixtures for whoever builds on dagctl. A stable path: `dagctl.testing`.

**A signed-in client without files or network.** In your `conftest.py`::

    from dagctl.testing import dagctl, dagctl_platform  # noqa: F401

and in a test::

    def test_my_tool(dagctl, dagctl_platform):
        dagctl.projects.choose("shop")
        dagctl_platform.protect("prj_shop", "prod", "staging")
        my_tool.deploy(dagctl)                      # what the code under test does
        assert dagctl_platform.checks == [("prj_shop", "staging")]

`dagctl_platform` is a `MemoryPlatform`: issuer and API as one object that keeps the hosted platform's rules, with
two organizations (`Tenant`) and four people (`Person`). `dagctl` is a `dagctl.Dagctl`, wired by the production
`dagctl.connect`, on which Ada of `Acme` has signed in. Without pytest, or with something replaced, `connected`
makes the same::

    platform = MemoryPlatform(access_lifetime=60, rotate=False)
    client = connected(platform, storage=memory_storage(tokens=MyTokenStore()))
    platform.clock.advance(3600)
    client.session.fresh()                          # renews; platform.refreshes == 1

What a test may set, and what it can look at, is in the docstrings of `MemoryPlatform` and its bases: lifetimes,
outages (`api_trouble`, `issuer_trouble`), an issuer that errs (`id_claims`), `refreshes`, `revoked_families`, `checks`.
For any other misbehaviour, subclass it: its bases are the platform's rules, which the sandbox goes by too.

**A new adapter.** Subclass the suite of its port, override the factory, and pytest runs it::

    class TestKeyringTokenStore(TokenStoreContract):
        def make(self):
            return KeyringTokenStore(service="test")

**Real sockets.** `running_sandbox` has the whole platform on this machine, TLS and PostgreSQL included; it needs
`pip install 'dagctl[sandbox]'`. The suites and fixtures need pytest. Nothing of either is loaded before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `X as X` says that these are to be imported from here
    from dagctl._sdk import Dagctl
    from dagctl.adapters.contracts.account_shelf import AccountShelfContract as AccountShelfContract
    from dagctl.adapters.contracts.browser import BrowserContract as BrowserContract
    from dagctl.adapters.contracts.clock import ClockContract as ClockContract
    from dagctl.adapters.contracts.command_line import CommandLineContract as CommandLineContract
    from dagctl.adapters.contracts.credential_store import CredentialStoreContract as CredentialStoreContract
    from dagctl.adapters.contracts.file_system import FileSystemContract as FileSystemContract
    from dagctl.adapters.contracts.machine import MachineContract as MachineContract
    from dagctl.adapters.contracts.platform import PlatformContract as PlatformContract
    from dagctl.adapters.contracts.platform import Stage as Stage
    from dagctl.adapters.contracts.proxy_trust import ProxyTrustContract as ProxyTrustContract
    from dagctl.adapters.contracts.settings_store import SettingsStoreContract as SettingsStoreContract
    from dagctl.adapters.contracts.sqlmesh_project import SqlmeshProjectContract as SqlmeshProjectContract
    from dagctl.adapters.contracts.state_probe import StateProbeContract as StateProbeContract
    from dagctl.adapters.contracts.state_probe import StateStage as StateStage
    from dagctl.adapters.contracts.token_store import GivenTokenStoreContract as GivenTokenStoreContract
    from dagctl.adapters.contracts.token_store import TokenStoreContract as TokenStoreContract
    from dagctl.adapters.contracts.yaml_reader import YamlReaderContract as YamlReaderContract
    from dagctl.adapters.memory.browser import FollowingBrowser as FollowingBrowser
    from dagctl.adapters.memory.clock import FixedClock as FixedClock
    from dagctl.adapters.memory.commands import FixedCommandLine as FixedCommandLine
    from dagctl.adapters.memory.files import MemoryFileSystem as MemoryFileSystem
    from dagctl.adapters.memory.platform import MemoryPlatform as MemoryPlatform
    from dagctl.adapters.memory.platform import elsewhere as elsewhere
    from dagctl.adapters.memory.probe import MemoryMachine as MemoryMachine
    from dagctl.adapters.memory.probe import MemoryStateProbe as MemoryStateProbe
    from dagctl.adapters.memory.stores import FailingTokenStore as FailingTokenStore
    from dagctl.adapters.memory.stores import MemoryAccountShelf as MemoryAccountShelf
    from dagctl.adapters.memory.stores import MemoryCredentialStore as MemoryCredentialStore
    from dagctl.adapters.memory.stores import MemorySettingsStore as MemorySettingsStore
    from dagctl.adapters.memory.stores import MemoryTokenStore as MemoryTokenStore
    from dagctl.adapters.memory.stores import NullTokenStore as NullTokenStore
    from dagctl.adapters.memory.stores import memory_storage as memory_storage
    from dagctl.adapters.platform_model.people import Person as Person
    from dagctl.adapters.platform_model.people import Tenant as Tenant
    from dagctl.adapters.sandbox import SandboxOptions as SandboxOptions
    from dagctl.adapters.sandbox import running_sandbox as running_sandbox

    dagctl: Dagctl
    dagctl_platform: MemoryPlatform

_HOMES = {
    "contracts.account_shelf": "AccountShelfContract",
    "contracts.browser": "BrowserContract",
    "contracts.clock": "ClockContract",
    "contracts.command_line": "CommandLineContract",
    "contracts.credential_store": "CredentialStoreContract",
    "contracts.file_system": "FileSystemContract",
    "contracts.machine": "MachineContract",
    "contracts.platform": "PlatformContract Stage",
    "contracts.proxy_trust": "ProxyTrustContract",
    "contracts.settings_store": "SettingsStoreContract",
    "contracts.sqlmesh_project": "SqlmeshProjectContract",
    "contracts.state_probe": "StateProbeContract StateStage",
    "contracts.token_store": "GivenTokenStoreContract TokenStoreContract",
    "contracts.yaml_reader": "YamlReaderContract",
    "memory.browser": "FollowingBrowser",
    "memory.clock": "FixedClock",
    "memory.commands": "FixedCommandLine",
    "memory.files": "MemoryFileSystem",
    "memory.platform": "MemoryPlatform elsewhere",
    "memory.probe": "MemoryMachine MemoryStateProbe",
    "memory.stores": "FailingTokenStore MemoryAccountShelf MemoryCredentialStore MemorySettingsStore MemoryTokenStore"
    " NullTokenStore memory_storage",
    "platform_model.people": "Person Tenant",
    "sandbox": "SandboxOptions running_sandbox",
}
_MODULES = {name: f"dagctl.adapters.{module}" for module, names in _HOMES.items() for name in names.split()}


def connected(platform: MemoryPlatform | None = None, *, signed_in: bool = True, **ports: Any) -> Dagctl:
    """The SDK over doubles.

    Args:
        platform: the far side; a new one where None.
        signed_in: sign its first person in, to their organization.
        ports: ports for `dagctl.connect` instead of the doubles.
    """
    from pathlib import Path

    from dagctl._wiring import connect
    from dagctl.adapters.memory import browser, commands, files, probe, stores
    from dagctl.adapters.memory.platform import MemoryPlatform

    platform = platform or MemoryPlatform()
    proxy = probe.MemoryStateProbe(platform)
    doubles: dict[str, Any] = {
        "storage": stores.memory_storage(),
        "api": platform,
        "identity": platform,
        "browser": browser.FollowingBrowser(platform),
        "files": files.MemoryFileSystem(),
        "clock": platform.clock,
        "commands": commands.FixedCommandLine(),
        "probe": proxy,
        "trust": proxy,
        "machine": probe.MemoryMachine(),
        "environ": {},
        "folder": Path(Path.cwd().anchor),
        "home": "/nowhere",
    }
    client = connect(**{**doubles, **ports})
    if signed_in:
        client.login(platform.people[0].organization_id or "", api_url=platform.place.api_url)
    return client


def _dagctl_platform() -> MemoryPlatform:
    """A platform of the test's own."""
    from dagctl.adapters.memory.platform import MemoryPlatform

    return MemoryPlatform()


def _dagctl(dagctl_platform: MemoryPlatform) -> Dagctl:
    """The SDK over doubles, with Ada of Acme signed in on `dagctl_platform`."""
    return connected(dagctl_platform)


_FIXTURES: dict[str, Callable[..., object]] = {"dagctl": _dagctl, "dagctl_platform": _dagctl_platform}

__all__ = sorted([*_MODULES, *_FIXTURES, "connected"])


def __getattr__(name: str) -> Any:
    if name in _FIXTURES:
        import pytest

        value: Any = pytest.fixture(name=name)(_FIXTURES[name])
    elif name in _MODULES:
        value = getattr(import_module(_MODULES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
