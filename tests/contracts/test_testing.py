"""The public path to doubles, suites and fixtures."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dagctl import testing
from dagctl.domain.errors import EnvironmentProtected, NotSignedIn
from dagctl.testing import (
    FixedCommandLine,
    MemoryPlatform,
    MemoryTokenStore,
    Person,
    connected,
    elsewhere,
    memory_storage,
)

NEEDS_EXTRA = {"running_sandbox"}
BLOCK = next(node for node in ast.parse(Path(testing.__file__).read_text()).body if isinstance(node, ast.If))
TYPED = [node for node in BLOCK.body if isinstance(node, ast.ImportFrom)]


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    if name in NEEDS_EXTRA:
        pytest.importorskip("starlette", reason="the sandbox extra is not installed")
    assert getattr(testing, name).__doc__


def test_public_names_are_listed_once_in_order_and_completely() -> None:
    assert sorted(set(testing.__all__)) == testing.__all__
    assert dir(testing) == testing.__all__
    declared = {alias.name for node in TYPED for alias in node.names} - {"Dagctl"}
    assert declared | set(testing._FIXTURES) | {"connected"} == set(testing.__all__)  # as type checkers see it


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        testing.nonsense  # noqa: B018


def test_importing_it_loads_neither_pytest_nor_adapters() -> None:
    script = "import sys, dagctl.testing; print('\\n'.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name for name in result.stdout.split() if name.startswith(("dagctl.", "pytest", "_pytest", "urllib3"))}
    assert loaded == {"dagctl.testing"}


def test_doubles_need_no_pytest_and_no_extra() -> None:
    script = """
import sys
for name in ("pytest", "starlette", "uvicorn", "joserfc", "sqlmesh", "psycopg2"):
    sys.modules[name] = None
from dagctl.testing import MemoryPlatform, connected
client = connected(MemoryPlatform())
client.projects.choose("shop")
print(client.state.credentials().endpoint.user)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "acme/shop\n"


DOWNSTREAM = """
from dagctl.testing import TokenStoreContract, MemoryTokenStore, dagctl, dagctl_platform

def test_a_tool(dagctl, dagctl_platform):
    dagctl.projects.choose("shop")
    assert dagctl.state.credentials().endpoint.database == "org_acme_shop"
    dagctl.protection.check("dev")
    assert dagctl_platform.checks == [("prj_shop", "dev")]

class TestMine(TokenStoreContract):
    def make(self):
        return MemoryTokenStore()

    def make_impatient(self):
        return MemoryTokenStore(patience=0.01)

class TestForgetful(TestMine):
    def make(self):
        store = MemoryTokenStore()
        store.save = lambda tokens: None
        return store
"""


def test_somebody_elses_tests(tmp_path: Path) -> None:
    (tmp_path / "test_downstream.py").write_text(DOWNSTREAM)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_downstream.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1, result.stdout
    failed = {line.split("::")[1] for line in result.stdout.splitlines() if line.startswith("FAILED")}
    assert failed == {"TestForgetful"}
    assert "assert None == TokenSet(" in result.stdout  # the suites' assertions show their values


def test_a_client_on_which_nobody_has_signed_in() -> None:
    with pytest.raises(NotSignedIn):
        connected(signed_in=False).session.fresh()


def test_a_client_with_a_port_of_the_callers() -> None:
    tokens, platform = MemoryTokenStore(), MemoryPlatform(elsewhere(), access_lifetime=60, rotate=False)
    client = connected(platform, storage=memory_storage(tokens=tokens))
    assert tokens.load() == client.session.open().tokens
    assert isinstance(client.clock, testing.FixedClock)
    client.clock.advance(3600)
    client.session.fresh()
    assert platform.refreshes == 1


def test_a_client_is_guarded() -> None:
    client = connected(commands=FixedCommandLine("prod"))
    client.projects.choose("shop")
    with pytest.raises(EnvironmentProtected):
        client.protection.check()
    excepted = MemoryPlatform(people=(Person("grace@acme.example", "memory|grace", "org_acme", excepted=True),))
    client = connected(excepted, commands=FixedCommandLine("prod"))
    client.projects.choose("shop")
    client.protection.check()
    assert excepted.checks == [("prj_shop", "prod")]


def test_a_client_touches_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGCTL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGCTL_PROJECT", "another")
    client: Any = connected()
    client.projects.choose("shop")
    assert client.state.credentials().endpoint.user == "acme/shop"
    client.logout()
    assert list(tmp_path.iterdir()) == []
