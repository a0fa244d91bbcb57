"""What several folders of tests share: dagctl as a process, and one sandbox for the whole run."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    import trustme

    from dagctl.adapters.sandbox import Sandbox

Done = subprocess.CompletedProcess[str]
Program = Callable[..., Done]
"""Runs another program than dagctl: its words, and variables as keywords."""


class Run(Protocol):
    """`dagctl ARGS…` as a process."""

    def __call__(
        self, *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str = ""
    ) -> Done: ...


INHERITED = ("PATH", "LANG", "SYSTEMROOT", "COVERAGE_PROCESS_START")
OF_A_MACHINE = re.compile(
    r"DAGCTL_(?!TEST_).*|PG[A-Z]+|SSH_.*|WSL_.*|(WAYLAND_)?DISPLAY|BROWSER|NO_COLOR|FORCE_COLOR|COLUMNS"
    r"|CI|BUILDKITE|GITHUB_ACTIONS|JENKINS_URL|TEAMCITY_VERSION|TF_BUILD|KUBERNETES_SERVICE_HOST|container"
)
"""What dagctl does depends on these. Tests that run it in their own process have none of them, wherever they run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failed one")


def pytest_configure(config: pytest.Config) -> None:
    """No test depends on the machine's variables.

    The sandbox's TLS is asyncio's, which in Python 3.10 forgets to close a transport whose peer has vanished.
    """
    for name in [name for name in os.environ if OF_A_MACHINE.fullmatch(name)]:
        del os.environ[name]
    if sys.version_info < (3, 11):
        config.addinivalue_line("filterwarnings", "ignore:unclosed transport <asyncio.sslproto:ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes and mostly waits begins first, so that two workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """CI installs what every test needs: a skip there is a hole in it."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and item.config.getoption("--no-skips") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --no-skips says that nothing may be: {report.longrepr}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A dagctl home of the test's own."""
    return tmp_path / "home"


@pytest.fixture
def environ(home: Path, tmp_path: Path) -> dict[str, str]:
    """Environment variables of a person on a machine without any of ours."""
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        "HOME": str(tmp_path),
        "DAGCTL_HOME": str(home),
        "PYTHONWARNINGS": "error",
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "100",
    }


@pytest.fixture
def run(environ: Mapping[str, str], tmp_path: Path) -> Run:
    """Run `dagctl ARGS…` as a process: `run("auth", "status", env={…}, stdin="…", cwd=…)`."""

    def run(*args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str = "") -> Done:
        return subprocess.run(
            [sys.executable, "-m", "dagctl", *args],
            env={**environ, **(env or {})},
            cwd=cwd or tmp_path,
            input=stdin,
            text=True,
            capture_output=True,
            timeout=120,
        )

    return run


@pytest.fixture(scope="session")
def certificate_authority() -> trustme.CA:
    """A CA of this run's own."""
    pytest.importorskip("trustme", reason="the sandbox extra is not installed")
    from trustme import CA

    return CA()


@pytest.fixture(scope="session")
def callback_port() -> int:
    """A port for the sign-in's answer, so that tests can run side by side; 8080 is for the tests of just that."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, callback_port: int) -> Iterator[Sandbox]:
    """The platform, for tests that do not change what it is like."""
    from dagctl.adapters.sandbox import SandboxOptions, running_sandbox
    from dagctl.domain.values.platform import REDIRECT_URI

    options = SandboxOptions(redirect_uris=(REDIRECT_URI, f"http://localhost:{callback_port}/callback"))
    with running_sandbox(options, home=tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


def signed(sandbox: Sandbox, **claims: Any) -> str:
    """A token that the sandbox's issuer has really signed; Ada's, where `claims` do not say otherwise."""
    from dagctl.adapters.sandbox.keys import Keys

    now = int(time.time())
    standard = {"iss": f"https://{sandbox.issuer_host}/", "sub": "sandbox|ada", "iat": now, "exp": now + 600}
    return Keys(sandbox.ca_file.parent).sign({**standard, **claims})


@pytest.fixture
def person(environ: dict[str, str], sandbox: Sandbox, callback_port: int) -> Person:
    """A person at a terminal whose machine trusts the sandbox."""
    environ["SSL_CERT_FILE"] = str(sandbox.ca_bundle)
    return Person(sandbox, environ, callback_port)


class Person:
    """Somebody who signs in with `dagctl auth login`."""

    def __init__(self, sandbox: Sandbox, environ: dict[str, str], port: int) -> None:
        self._sandbox = sandbox
        self.environ = environ
        self._port = port

    def browser(self, *options: str) -> str:
        """The value of `BROWSER` that has this person sign in."""
        command = [sys.executable, "-m", "dagctl.adapters.sandbox.person", "%s", "--ca", str(self._sandbox.ca_file)]
        return shlex.join([*command, *options]).replace("'%s'", "%s")

    def signs_in(self, run: Run, *args: str, org: str = "acme", who: tuple[str, ...] = ()) -> Done:
        """`dagctl auth login`, with the page filled in."""
        arguments = (
            "auth",
            "login",
            "--org",
            org,
            "--api-url",
            self._sandbox.api_url,
            "--port",
            str(self._port),
            *args,
        )
        return run(*arguments, env={"BROWSER": self.browser(*who)})
