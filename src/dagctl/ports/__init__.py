"""What the domain asks of the outside world, one module a port.

Each port's docstring is the manual for an adapter: what every method promises, and what it raises. An adapter
subclasses its port. Each name here is fetched from its module when it is first used (PEP 562).
"""

from importlib import import_module

TYPE_CHECKING = False  # as in `dagctl`

if TYPE_CHECKING:
    from dagctl.ports.api_gateway import ApiGateway
    from dagctl.ports.browser import Browser, Page, Query, TypedCode, Visit
    from dagctl.ports.clock import Clock
    from dagctl.ports.command_line import CommandLine
    from dagctl.ports.credential_store import CredentialStore
    from dagctl.ports.file_system import FileSystem
    from dagctl.ports.identity_provider import DeviceCode, Endpoints, IdentityProvider
    from dagctl.ports.machine import FileSeen, Machine, VariableSeen
    from dagctl.ports.settings_store import SettingsStore
    from dagctl.ports.sqlmesh_project import Comparison, SqlmeshProject
    from dagctl.ports.state_probe import ProxyTrust, StateProbe
    from dagctl.ports.storage import AccountShelf, Storage, Stores
    from dagctl.ports.token_store import TokenStore
    from dagctl.ports.yaml_reader import YamlReader

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

__all__ = [
    "AccountShelf",
    "ApiGateway",
    "Browser",
    "Clock",
    "CommandLine",
    "Comparison",
    "CredentialStore",
    "DeviceCode",
    "Endpoints",
    "FileSeen",
    "FileSystem",
    "IdentityProvider",
    "Machine",
    "Page",
    "ProxyTrust",
    "Query",
    "SettingsStore",
    "SqlmeshProject",
    "StateProbe",
    "Storage",
    "Stores",
    "TokenStore",
    "TypedCode",
    "VariableSeen",
    "Visit",
    "YamlReader",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
