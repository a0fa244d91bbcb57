"""Doubles of everything that dagctl connects to, contract suites for adapters, and pytest fixtures. A stable path.

**Fixtures.** One line in the top `conftest.py` makes them known by name::

    pytest_plugins = ["dagctl.testing.fixtures"]

`dagctl_memory` is the platform in memory, `dagctl_client` a signed-in SDK on it, `dagctl_sandbox` a platform with real
sockets, TLS and PostgreSQL; see `dagctl.testing.fixtures`::

    def test_my_tool(dagctl_client, dagctl_memory):
        dagctl_client.projects.choose("shop")
        dagctl_memory.protect("shop", "prod", "staging")
        my_tool.deploy(dagctl_client)               # what the code under test does
        assert dagctl_memory.checks == [("prj_shop", "staging")]

**Without pytest**, or with something replaced, `connected` makes the same client::

    platform = MemoryPlatform(access_lifetime=60, rotate=False)
    client = connected(platform, storage=memory_storage(tokens=MyTokenStore()))
    platform.clock.advance(3600)
    client.session.fresh()                          # renews; platform.refreshes == 1

A `MemoryPlatform` keeps the hosted platform's rules, with two organizations (`Tenant`) and four people (`Person`). Its
clock is a `FixedClock`, which the client shares and the test moves. A name that does not exist is an error everywhere:
of a project, an environment, a person, an organization, an attribute.

**Trouble.** Each `…_trouble` takes an error that every call raises, a `Slow`, or a list of outcomes for the next calls:
`api_trouble` and `issuer_trouble` of a `MemoryPlatform`; `reach_trouble`, `secure_trouble` and `enter_trouble` of a
`MemoryStateProbe`; `trouble` and `save_trouble` of a `MemoryTokenStore`. In a `FollowingBrowser` the person declines
(`deny`), or never comes back (`idle`). For any other misbehaviour, subclass `MemoryPlatform` and override a rule.

**A new adapter.** Subclass the suite of its port and say how to make one; pytest runs the rest::

    class TestKeyringTokenStore(TokenStoreContract):
        def make(self):
            return KeyringTokenStore(service="test")

The suites need pytest, and `running_sandbox` needs `pip install 'dagctl[sandbox]'`. Nothing loads before you use it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:  # `X as X` exports X
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import TypedDict, Unpack

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
    from dagctl.adapters.memory.browser import SignInPage as SignInPage
    from dagctl.adapters.memory.clock import FixedClock as FixedClock
    from dagctl.adapters.memory.commands import FixedCommandLine as FixedCommandLine
    from dagctl.adapters.memory.files import MemoryFileSystem as MemoryFileSystem
    from dagctl.adapters.memory.platform import MemoryPlatform as MemoryPlatform
    from dagctl.adapters.memory.platform import elsewhere as elsewhere
    from dagctl.adapters.memory.probe import MemoryMachine as MemoryMachine
    from dagctl.adapters.memory.probe import MemoryStateProbe as MemoryStateProbe
    from dagctl.adapters.memory.stores import MemoryAccountShelf as MemoryAccountShelf
    from dagctl.adapters.memory.stores import MemoryCredentialStore as MemoryCredentialStore
    from dagctl.adapters.memory.stores import MemorySettingsStore as MemorySettingsStore
    from dagctl.adapters.memory.stores import MemoryTokenStore as MemoryTokenStore
    from dagctl.adapters.memory.stores import NullTokenStore as NullTokenStore
    from dagctl.adapters.memory.stores import memory_storage as memory_storage
    from dagctl.adapters.memory.trouble import Slow as Slow
    from dagctl.adapters.platform_model.people import Person as Person
    from dagctl.adapters.platform_model.people import Tenant as Tenant
    from dagctl.adapters.sandbox import Sandbox as Sandbox
    from dagctl.adapters.sandbox import SandboxOptions as SandboxOptions
    from dagctl.adapters.sandbox import running_sandbox as running_sandbox
    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.browser import Browser
    from dagctl.ports.clock import Clock
    from dagctl.ports.command_line import CommandLine
    from dagctl.ports.file_system import FileSystem
    from dagctl.ports.identity_provider import IdentityProvider
    from dagctl.ports.machine import Machine
    from dagctl.ports.sqlmesh_project import SqlmeshProject
    from dagctl.ports.state_probe import ProxyTrust, StateProbe
    from dagctl.ports.storage import Storage

    class Replaced(TypedDict, total=False):
        """Keywords of `dagctl.connect`."""

        environ: Mapping[str, str] | None
        folder: Path | str | None
        organization: str | None
        storage: Path | str | Storage | None
        api: ApiGateway
        identity: IdentityProvider
        browser: Browser
        clock: Clock
        commands: CommandLine
        files: FileSystem
        sqlmesh: SqlmeshProject
        probe: StateProbe
        trust: ProxyTrust
        machine: Machine


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
    "memory.browser": "FollowingBrowser SignInPage",
    "memory.clock": "FixedClock",
    "memory.commands": "FixedCommandLine",
    "memory.files": "MemoryFileSystem",
    "memory.platform": "MemoryPlatform elsewhere",
    "memory.probe": "MemoryMachine MemoryStateProbe",
    "memory.stores": "MemoryAccountShelf MemoryCredentialStore MemorySettingsStore MemoryTokenStore NullTokenStore"
    " memory_storage",
    "memory.trouble": "Slow",
    "platform_model.people": "Person Tenant",
    "sandbox": "Sandbox SandboxOptions running_sandbox",
}
_MODULES = {name: f"dagctl.adapters.{module}" for module, names in _HOMES.items() for name in names.split()}


def connected(
    platform: MemoryPlatform | None = None,
    *,
    signed_in: bool = True,
    email: str | None = None,
    **ports: Unpack[Replaced],
) -> Dagctl:
    """The SDK over doubles.

    Args:
        platform: the platform; None for a new one.
        signed_in: sign a person in, to their organization.
        email: who signs in; None for the platform's first person.
        ports: keywords of `dagctl.connect` that replace the doubles.

    Raises:
        ValueError: there is no such person.
    """
    from pathlib import Path

    from dagctl._wiring import connect
    from dagctl.adapters.memory import browser, commands, files, probe, stores
    from dagctl.adapters.memory.platform import MemoryPlatform

    platform = platform or MemoryPlatform()
    person = platform.known_person(email)
    proxy = probe.MemoryStateProbe(platform)
    doubles: dict[str, Any] = {
        "storage": stores.memory_storage(),
        "api": platform,
        "identity": platform,
        "browser": browser.FollowingBrowser(platform, email=email),
        "files": files.MemoryFileSystem(),
        "clock": platform.clock,
        "commands": commands.FixedCommandLine(),
        "probe": proxy,
        "trust": proxy,
        "machine": probe.MemoryMachine(),
        "environ": {},
        "folder": Path(Path.cwd().anchor),
    }
    client = connect(**{**doubles, **ports})
    if signed_in:
        client.login(person.organization_id or "", api_url=platform.place.api_url)
    return client


__all__ = sorted([*_MODULES, "connected"])


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dagctl.domain.errors import MissingExtra

    try:
        value = getattr(import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "pytest":
            raise
        return _absent(name, "pytest")
    except MissingExtra as error:
        return _absent(name, f"dagctl[{error.extra}]")
    globals()[name] = value
    return value


def _absent(name: str, package: str) -> type:
    """A class in place of one whose package is missing: `dir` and `help` show it, and any use is an ImportError."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise ImportError(f"{name} needs {package}. Run: pip install '{package}'")

    return type(name, (), {"__doc__": f"Needs {package}.", "__init_subclass__": refuse, "__new__": refuse})


def __dir__() -> list[str]:
    return __all__
