"""The doubles pass the suites that the real adapters pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from urllib.parse import urlencode

from dagctl.adapters.contracts.platform import Stage
from dagctl.adapters.memory.probe import CA
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.browser import Browser, Query
from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.machine import FileSeen
from dagctl.testing import (
    AccountShelfContract,
    BrowserContract,
    ClockContract,
    CommandLineContract,
    CredentialStoreContract,
    FileSystemContract,
    FixedClock,
    FixedCommandLine,
    FollowingBrowser,
    GivenTokenStoreContract,
    MachineContract,
    MemoryAccountShelf,
    MemoryCredentialStore,
    MemoryFileSystem,
    MemoryMachine,
    MemoryPlatform,
    MemorySettingsStore,
    MemoryStateProbe,
    MemoryTokenStore,
    PlatformContract,
    ProxyTrustContract,
    SettingsStoreContract,
    TokenStoreContract,
    elsewhere,
)


class TestMemoryTokenStore(TokenStoreContract):
    def make(self) -> MemoryTokenStore:
        return MemoryTokenStore()

    def make_impatient(self) -> MemoryTokenStore:
        return MemoryTokenStore(patience=0.01)


class TestGivenMemoryTokenStore(GivenTokenStoreContract):
    def make(self) -> MemoryTokenStore:
        return MemoryTokenStore(TokenSet("secret-access-token", "secret-id-token"), writable=False)


class TestMemoryContextShelf(AccountShelfContract):
    def make(self) -> MemoryAccountShelf:
        return MemoryAccountShelf()


class TestMemoryContextStore(SettingsStoreContract):
    def make(self) -> MemorySettingsStore:
        return MemorySettingsStore()


class TestMemoryCredentialStore(CredentialStoreContract):
    def make(self) -> MemoryCredentialStore:
        return MemoryCredentialStore()

    def expiry(self, store: CredentialStore, org: str, project: str) -> datetime | None:
        assert isinstance(store, MemoryCredentialStore)
        kept = store.kept.get((org, project))
        return kept.expires_at if kept else None


class TestFixedClock(ClockContract):
    def make(self) -> FixedClock:
        return FixedClock()


class TestFixedCommandLine(CommandLineContract):
    def make(self, *environments: str | None) -> FixedCommandLine:
        return FixedCommandLine(*environments)


class TestMemoryMachine(MachineContract):
    def make(self, files: Mapping[str, int], variables: Mapping[str, str]) -> MemoryMachine:
        home = FileSeen("/home/.dagctl", folder=True, mode=0o700)
        seen = [FileSeen(f"{home.path}/{name}", name == "auth.json", mode=mode) for name, mode in files.items()]
        names = sorted(name for name, value in variables.items() if value)
        return MemoryMachine((home, *seen) if seen else (), tuple(names), home.path)


class TestMemoryProxyTrust(ProxyTrustContract):
    def make(self, *, trusting: bool) -> MemoryStateProbe:
        return MemoryStateProbe(MemoryPlatform(), trusted=CA if trusting else None)


class TestMemoryFileSystem(FileSystemContract):
    def make(self) -> MemoryFileSystem:
        return MemoryFileSystem(folder=self.root.as_posix())

    def put(self, files: object, path: PurePath, content: bytes | None, *, mode: int) -> None:
        assert isinstance(files, MemoryFileSystem)
        files.put(path, content, mode=mode)

    def mode(self, files: object, path: PurePath) -> int:
        assert isinstance(files, MemoryFileSystem)
        return files.mode(path)


class _AnsweringPage:
    """A sign-in page that sends everybody back with the same answer."""

    def __init__(self, answer: Query) -> None:
        self.answer = answer

    def authorize(self, url: str, **whom: object) -> str:
        return f"http://localhost:8080/callback?{urlencode(self.answer)}"


class TestFollowingBrowser(BrowserContract):
    def make(self, callbacks: Sequence[Query]) -> FollowingBrowser:
        if not callbacks:
            return FollowingBrowser(_AnsweringPage({}), idle=True)
        return FollowingBrowser(_AnsweringPage(callbacks[-1]), forgeries=callbacks[:-1])

    def seen(self, browser: Browser) -> str:
        assert isinstance(browser, FollowingBrowser)
        return f"{browser.pages[-1].title} {browser.pages[-1].text}"


class TestMemoryPlatform(PlatformContract):
    def make(self) -> Stage:
        platform = MemoryPlatform(elsewhere())
        acme = platform.tenants[0]
        return Stage(
            place=platform.place,
            api=platform,
            identity=platform,
            clock=platform.clock,
            redirect_uri=platform.redirect_uris[0],
            authorize=platform.authorize,
            finish_device=platform.finish_device,
            organization=acme.organization,
            projects=acme.projects,
            protected=("prj_shop", "prod"),
            open=("prj_shop", "dev"),
            unguarded="prj_web",
        )
