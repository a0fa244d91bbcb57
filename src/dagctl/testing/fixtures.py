"""The fixtures, for pytest. One line in the top `conftest.py` makes them known::

    pytest_plugins = ["dagctl.testing.fixtures"]

| fixture | what a test gets |
| --- | --- |
| `dagctl_memory` | a `MemoryPlatform` of the test's own |
| `dagctl_client` | a `dagctl.Dagctl` on it; Ada of Acme has signed in |
| `dagctl_sandbox` | a `SignedInSandbox`: real sockets, TLS and PostgreSQL; Ada of acme has signed in |

A fixture of the same name in your `conftest.py` replaces one. `dagctl_sandbox_options` gives the sandbox's options.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

from dagctl.adapters.memory.browser import FollowingBrowser
from dagctl.adapters.memory.platform import MemoryPlatform
from dagctl.adapters.sandbox import SandboxOptions, running_sandbox
from dagctl.domain.errors import MissingExtra
from dagctl.testing import connected

if TYPE_CHECKING:
    from dagctl._sdk import Dagctl
    from dagctl.adapters.platform_model.model import PlatformModel
    from dagctl.adapters.sandbox import Sandbox


def pytest_configure(config: pytest.Config) -> None:
    """In Python 3.10, asyncio's TLS, which the sandbox uses, forgets to close a transport whose peer has vanished."""
    if sys.version_info < (3, 11):
        config.addinivalue_line("filterwarnings", "ignore:unclosed transport <asyncio.sslproto:ResourceWarning")


@pytest.fixture
def dagctl_memory() -> MemoryPlatform:
    """The platform in memory: two organizations, four people, and a clock that the test moves."""
    return MemoryPlatform()


@pytest.fixture
def dagctl_client(dagctl_memory: MemoryPlatform) -> Dagctl:
    """The production SDK on `dagctl_memory`, signed in as its first person. It touches no file and no network."""
    return connected(dagctl_memory)


@frozen
class SignedInSandbox:
    """A running sandbox on which a person has signed in, as the fixture `dagctl_sandbox` gives it.

    Attributes:
        sandbox: what runs.
        client: the production SDK, signed in as the sandbox's first person.
        home: its dagctl home. `DAGCTL_HOME` names it during the test, so that SQLMesh configurations and child
            processes find the session.
    """

    sandbox: Sandbox
    client: Dagctl
    home: Path

    @property
    def platform(self) -> PlatformModel:
        """The sandbox's rules, which a test may change, and what the sandbox has seen."""
        return self.sandbox.platform

    def connected(self, email: str) -> Dagctl:
        """The SDK of another person, who has signed in, with a home of their own.

        Raises:
            ValueError: there is no such person.
        """
        return _connected(self.sandbox, self.home.with_name(f"{self.home.name}-{email}"), email)


@pytest.fixture
def dagctl_sandbox_options() -> SandboxOptions:
    """What the sandbox is like: `acme`, with the projects `shop` and `web-analytics`. Override it for your own."""
    return SandboxOptions()


@pytest.fixture(scope="session")
def _dagctl_sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[SandboxOptions], Sandbox]]:
    """Gives the running sandbox of some options: one for each process of the test run, on ports that are free."""
    running: list[Sandbox] = []
    with ExitStack() as stack:

        def of(options: SandboxOptions) -> Sandbox:
            if not any(sandbox.options == options for sandbox in running):
                home = tmp_path_factory.mktemp("dagctl-sandbox")
                running.append(stack.enter_context(running_sandbox(options, home=home)))
            return next(sandbox for sandbox in running if sandbox.options == options)

        yield of


@pytest.fixture
def dagctl_sandbox(
    dagctl_sandbox_options: SandboxOptions,
    _dagctl_sandboxes: Callable[[SandboxOptions], Sandbox],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> SignedInSandbox:
    """The sandbox as it was when it started, and the SDK on it.

    Each test gets the rules, people and protection that the options say, counts at zero, empty state databases, and a
    new home. No session outlives its test.
    """
    try:
        sandbox = _dagctl_sandboxes(dagctl_sandbox_options)
    except MissingExtra as error:
        pytest.fail(f"{error.message} Run: pip install 'dagctl[{error.extra}]'", pytrace=False)
    sandbox.reset()
    for name in [name for name in os.environ if name.startswith("DAGCTL_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("dagctl-home")
    monkeypatch.setenv("DAGCTL_HOME", str(home))
    return SignedInSandbox(sandbox, _connected(sandbox, home), home)


def _connected(sandbox: Sandbox, home: Path, email: str | None = None) -> Dagctl:
    from dagctl._wiring import connect
    from dagctl.adapters.sandbox.person import SignInPage

    person = sandbox.platform.known_person(email)
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "sandbox").mkdir()
    shutil.copy(sandbox.ca_file, home / "sandbox")  # a client trusts this CA on the loopback interface
    client = connect(storage=home, browser=FollowingBrowser(SignInPage(sandbox.ca_file), email=email))
    client.login(person.organization_id or "", api_url=sandbox.api_url)
    return client
