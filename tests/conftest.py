"""What several folders of tests share: dagctl as a process, and one sandbox for the whole run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dagctl.adapters.sandbox import Sandbox

Run = Callable[..., "subprocess.CompletedProcess[str]"]

INHERITED = ("PATH", "LANG", "SYSTEMROOT", "COVERAGE_PROCESS_START")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failed one")


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
    """Run `dagctl ARGS…` as a process: `run("auth", "status", env={…}, input="…", cwd=…)`."""

    def run(
        *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
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
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The platform, for tests that do not change what it is like."""
    from dagctl.adapters.sandbox import SandboxOptions, running_sandbox

    with running_sandbox(SandboxOptions(), home=tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox
