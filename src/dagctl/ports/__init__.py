"""What the domain asks of the outside world, one module a port.

Each port's docstring is the manual for an adapter: what every method promises, and what it raises. An adapter
subclasses its port. Each name here is fetched from its module when it is first used (PEP 562).
"""

from importlib import import_module

TYPE_CHECKING = False  # as in `dagctl`

if TYPE_CHECKING:  # `X as X` exports X
    from dagctl.ports.api_gateway import ApiGateway as ApiGateway
    from dagctl.ports.browser import Browser as Browser
    from dagctl.ports.browser import Page as Page
    from dagctl.ports.browser import Query as Query
    from dagctl.ports.browser import TypedCode as TypedCode
    from dagctl.ports.browser import Visit as Visit
    from dagctl.ports.clock import Clock as Clock
    from dagctl.ports.command_line import CommandLine as CommandLine
    from dagctl.ports.credential_store import CredentialStore as CredentialStore
    from dagctl.ports.file_system import FileSystem as FileSystem
    from dagctl.ports.identity_provider import DeviceCode as DeviceCode
    from dagctl.ports.identity_provider import Endpoints as Endpoints
    from dagctl.ports.identity_provider import IdentityProvider as IdentityProvider
    from dagctl.ports.machine import FileSeen as FileSeen
    from dagctl.ports.machine import Machine as Machine
    from dagctl.ports.machine import VariableSeen as VariableSeen
    from dagctl.ports.settings_store import SettingsStore as SettingsStore
    from dagctl.ports.sqlmesh_project import Comparison as Comparison
    from dagctl.ports.sqlmesh_project import SqlmeshProject as SqlmeshProject
    from dagctl.ports.state_probe import ProxyTrust as ProxyTrust
    from dagctl.ports.state_probe import StateProbe as StateProbe
    from dagctl.ports.storage import AccountShelf as AccountShelf
    from dagctl.ports.storage import Storage as Storage
    from dagctl.ports.storage import Stores as Stores
    from dagctl.ports.token_store import TokenStore as TokenStore
    from dagctl.ports.yaml_reader import YamlReader as YamlReader

_HOMES = {
    "api_gateway": "ApiGateway",
    "browser": "Browser Page Query TypedCode Visit",
    "clock": "Clock",
    "command_line": "CommandLine",
    "credential_store": "CredentialStore",
    "file_system": "FileSystem",
    "identity_provider": "DeviceCode Endpoints IdentityProvider",
    "machine": "FileSeen Machine VariableSeen",
    "settings_store": "SettingsStore",
    "sqlmesh_project": "Comparison SqlmeshProject",
    "state_probe": "ProxyTrust StateProbe",
    "storage": "AccountShelf Storage Stores",
    "token_store": "TokenStore",
    "yaml_reader": "YamlReader",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
