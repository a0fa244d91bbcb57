"""The stores and files on disk pass the suites that their doubles pass; browsers and clock do elsewhere."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePath

import pytest

from dagctl.adapters.environment.tokens import EnvironmentTokenStore
from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.machine import LocalMachine
from dagctl.adapters.files.project_files import ProjectFiles
from dagctl.adapters.files.settings import FileSettingsStore
from dagctl.adapters.files.shelf import FileAccountShelf
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.postgres.trust import LocalProxyTrust
from dagctl.adapters.sqlmesh.project import InstalledSqlmesh
from dagctl.adapters.sqlmesh.targets import SqlmeshCommandLine
from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.settings_store import SettingsStore
from dagctl.ports.storage import AccountShelf
from dagctl.ports.token_store import TokenStore
from dagctl.testing import (
    AccountShelfContract,
    CommandLineContract,
    CredentialStoreContract,
    FileSystemContract,
    GivenTokenStoreContract,
    MachineContract,
    ProxyTrustContract,
    SettingsStoreContract,
    SqlmeshProjectContract,
    TokenStoreContract,
    YamlReaderContract,
)


class TestFileTokenStore(TokenStoreContract):
    def make(self) -> FileTokenStore:
        return FileTokenStore(self.folder)

    def make_impatient(self) -> FileTokenStore:
        return FileTokenStore(self.folder, patience=0.01)

    def again(self, store: TokenStore) -> FileTokenStore:
        return FileTokenStore(self.folder)


class TestEnvironmentTokenStore(GivenTokenStoreContract):
    def make(self) -> EnvironmentTokenStore:
        return EnvironmentTokenStore(
            {"DAGCTL_ACCESS_TOKEN": "secret-access-token", "DAGCTL_ID_TOKEN": "secret-id-token"}
        )


class TestProjectFiles(FileSystemContract):
    def make(self) -> ProjectFiles:
        return ProjectFiles()

    def put(self, files: object, path: PurePath, content: bytes | None, *, mode: int) -> None:
        if content is None:
            Path(path).symlink_to("nowhere")
        else:
            Path(path).write_bytes(content)
            Path(path).chmod(mode)

    def mode(self, files: object, path: PurePath) -> int:
        return stat.S_IMODE(Path(path).stat().st_mode)


class TestLocalMachine(MachineContract):
    def make(self, files: Mapping[str, int], variables: Mapping[str, str]) -> LocalMachine:
        home = self.folder / "home"
        for name, mode in files.items():
            home.mkdir(mode=0o700, exist_ok=True)
            (home / name).touch(mode)
            (home / name).chmod(mode)
        return LocalMachine(home, variables, self.folder)


class TestLocalProxyTrust(ProxyTrustContract):
    def make(self, *, trusting: bool) -> LocalProxyTrust:
        ca = self.folder / "sandbox" / "ca.pem"
        if trusting:
            ca.parent.mkdir()
            ca.touch()
        return LocalProxyTrust(self.folder, {})


class TestRuamelReader(YamlReaderContract):
    def make(self) -> RuamelReader:
        return RuamelReader()


class TestSqlmeshCommandLine(CommandLineContract):
    def make(self, *environments: str | None) -> SqlmeshCommandLine:
        pytest.importorskip("sqlmesh", reason="the sqlmesh extra is not installed")
        if None in environments:
            argv = ["tool.py"]
        else:
            argv = ["sqlmesh", "plan", *filter(None, environments)] if environments else ["sqlmesh", "info"]
        return SqlmeshCommandLine({"SQLMESH_HOME": str(self.folder)}, argv)


class TestInstalledSqlmesh(SqlmeshProjectContract):
    def make(self) -> InstalledSqlmesh:
        pytest.importorskip("sqlmesh", reason="the sqlmesh extra is not installed")
        return InstalledSqlmesh()


class TestFileContextStore(SettingsStoreContract):
    def make(self) -> FileSettingsStore:
        return FileSettingsStore(self.folder)

    def again(self, store: SettingsStore) -> FileSettingsStore:
        return FileSettingsStore(self.folder)


class TestFileContextShelf(AccountShelfContract):
    def make(self) -> FileAccountShelf:
        return FileAccountShelf(self.folder, FileTokenStore)

    def again(self, shelf: AccountShelf) -> FileAccountShelf:
        return FileAccountShelf(self.folder, FileTokenStore)


class TestFileCredentialStore(CredentialStoreContract):
    def make(self) -> FileCredentialStore:
        return FileCredentialStore(self.folder)

    def expiry(self, store: CredentialStore, org: str, project: str) -> datetime | None:
        """What another tool finds: under the published client's name, where that is one pair's alone."""
        assert isinstance(store, FileCredentialStore)
        path = store._path(org, project)
        if f"{org}{project}".isalnum() and len(project) < 60:
            assert path == self.folder / "credentials" / f"{org}_{project}.json"
        kept = json.loads(path.read_text())["expires_at"] if path.exists() else None
        return datetime.fromisoformat(kept) if kept else None
