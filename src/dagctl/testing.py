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
two organizations and four people. `dagctl` is a `dagctl.Dagctl`, wired by the production `dagctl.connect`, on which
Ada of `Acme` has signed in. Without pytest, or with something replaced, `connected` makes the same::

    platform = MemoryPlatform(access_lifetime=60, rotate=False)
    client = connected(platform, storage=memory_storage(tokens=MyTokenStore()))
    platform.clock.advance(3600)
    client.session.fresh()                          # renews; platform.refreshes == 1

What a test may set, and what it can look at, is in the docstrings of `MemoryPlatform` and `MemoryIssuer`: lifetimes,
outages (`api_trouble`, `issuer_trouble`), an issuer that errs (`id_claims`), `refreshes`, `revoked_families`, `checks`.

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

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl
    from dagctl.adapters.contracts import (
        AccountShelfContract,
        BrowserContract,
        ClockContract,
        CredentialStoreContract,
        FileSystemContract,
        GivenTokenStoreContract,
        PlatformContract,
        SettingsStoreContract,
        Stage,
        StateProbeContract,
        StateStage,
        TokenStoreContract,
    )
    from dagctl.adapters.memory.browser import FollowingBrowser
    from dagctl.adapters.memory.clock import FixedClock
    from dagctl.adapters.memory.commands import FixedCommandLine
    from dagctl.adapters.memory.files import MemoryFileSystem
    from dagctl.adapters.memory.grants import Person
    from dagctl.adapters.memory.issuer import MemoryIssuer
    from dagctl.adapters.memory.platform import MemoryPlatform, Tenant, elsewhere
    from dagctl.adapters.memory.probe import MemoryMachine, MemoryStateProbe
    from dagctl.adapters.memory.stores import (
        FailingTokenStore,
        MemoryAccountShelf,
        MemoryCredentialStore,
        MemorySettingsStore,
        MemoryTokenStore,
        NullTokenStore,
        memory_storage,
    )
    from dagctl.adapters.sandbox import SandboxOptions, running_sandbox

    dagctl: Dagctl
    dagctl_platform: MemoryPlatform

_MEMORY, _CONTRACTS = "dagctl.adapters.memory", "dagctl.adapters.contracts"
_HOMES = {
    "BrowserContract": _CONTRACTS,
    "ClockContract": _CONTRACTS,
    "AccountShelfContract": _CONTRACTS,
    "SettingsStoreContract": _CONTRACTS,
    "CredentialStoreContract": _CONTRACTS,
    "FailingTokenStore": f"{_MEMORY}.stores",
    "FileSystemContract": _CONTRACTS,
    "FixedClock": f"{_MEMORY}.clock",
    "FixedCommandLine": f"{_MEMORY}.commands",
    "FollowingBrowser": f"{_MEMORY}.browser",
    "GivenTokenStoreContract": _CONTRACTS,
    "MemoryAccountShelf": f"{_MEMORY}.stores",
    "MemorySettingsStore": f"{_MEMORY}.stores",
    "MemoryCredentialStore": f"{_MEMORY}.stores",
    "MemoryFileSystem": f"{_MEMORY}.files",
    "MemoryIssuer": f"{_MEMORY}.issuer",
    "MemoryPlatform": f"{_MEMORY}.platform",
    "MemoryStateProbe": f"{_MEMORY}.probe",
    "MemoryMachine": f"{_MEMORY}.probe",
    "MemoryTokenStore": f"{_MEMORY}.stores",
    "NullTokenStore": f"{_MEMORY}.stores",
    "Person": f"{_MEMORY}.grants",
    "PlatformContract": _CONTRACTS,
    "SandboxOptions": "dagctl.adapters.sandbox",
    "Stage": _CONTRACTS,
    "StateProbeContract": _CONTRACTS,
    "StateStage": _CONTRACTS,
    "Tenant": f"{_MEMORY}.platform",
    "TokenStoreContract": _CONTRACTS,
    "elsewhere": f"{_MEMORY}.platform",
    "memory_storage": f"{_MEMORY}.stores",
    "running_sandbox": "dagctl.adapters.sandbox",
}

__all__ = [
    "AccountShelfContract",
    "BrowserContract",
    "ClockContract",
    "CredentialStoreContract",
    "FailingTokenStore",
    "FileSystemContract",
    "FixedClock",
    "FixedCommandLine",
    "FollowingBrowser",
    "GivenTokenStoreContract",
    "MemoryAccountShelf",
    "MemoryCredentialStore",
    "MemoryFileSystem",
    "MemoryIssuer",
    "MemoryMachine",
    "MemoryPlatform",
    "MemorySettingsStore",
    "MemoryStateProbe",
    "MemoryTokenStore",
    "NullTokenStore",
    "Person",
    "PlatformContract",
    "SandboxOptions",
    "SettingsStoreContract",
    "Stage",
    "StateProbeContract",
    "StateStage",
    "Tenant",
    "TokenStoreContract",
    "connected",
    "dagctl",
    "dagctl_platform",
    "elsewhere",
    "memory_storage",
    "running_sandbox",
]


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


def __getattr__(name: str) -> Any:
    if name in _FIXTURES:
        import pytest

        value: Any = pytest.fixture(name=name)(_FIXTURES[name])
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
