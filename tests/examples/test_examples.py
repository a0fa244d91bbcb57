"""The programs in docs/examples, run against the sandbox. `make lint` has two type checkers read them."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import dagctl
from dagctl.errors import NotSignedIn, SignInCancelled

if TYPE_CHECKING:
    from tests.conftest import Person, Run

    from dagctl.adapters.sandbox import Sandbox

Program = Callable[..., "subprocess.CompletedProcess[str]"]
SigningIn = Callable[..., Callable[[str], bool]]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PUBLIC = {"dagctl", "dagctl.errors", "dagctl.types", "dagctl.ports", "dagctl.testing"}


def example(name: str) -> ModuleType:
    """A program as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def signing_in(sandbox: Sandbox) -> SigningIn:
    """A browser whose person signs in."""
    from dagctl.adapters.sandbox.person import sign_in

    def as_somebody(email: str | None = None) -> Callable[[str], bool]:
        page = partial(sign_in, ca_file=sandbox.ca_file, email=email)
        return lambda url: bool(page(url))

    return as_somebody


@pytest.fixture
def trusting(sandbox: Sandbox, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is on a machine that trusts the sandbox."""
    for name in ("HOME", "DAGCTL_HOME"):
        monkeypatch.setenv(name, environ[name])
    monkeypatch.setenv("SSL_CERT_FILE", str(sandbox.ca_bundle))


@pytest.fixture
def program(environ: dict[str, str], person: Person, run: Run, tmp_path: Path) -> Program:
    """Run an example as somebody who has signed in and chosen a project: `program("ci_step", "dev")`."""
    assert person.signs_in(run).returncode == 0
    chosen = run("use-project", "shop")
    assert chosen.returncode == 0, chosen.stderr

    def run_it(name: str, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(EXAMPLES / f"{name}.py"), *args]
        settings = {**environ, **(env or {})}
        return subprocess.run(command, env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    return run_it


def noticing(opened: Event) -> Callable[[str], bool]:
    """A browser whose person does nothing."""

    def opener(url: str) -> bool:
        opened.set()
        return True

    return opener


def waits_at(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


@pytest.mark.usefixtures("trusting")
def test_the_desktop_tool_signs_in(sandbox: Sandbox, callback_port: int, signing_in: SigningIn, tmp_path: Path) -> None:
    shown: list[str] = []
    sign_in = example("desktop").SignIn(tmp_path / "tool", shown.append, signing_in(), callback_port)
    sign_in.start("acme", sandbox.api_url)
    sign_in.wait()
    assert shown[-1] == "Signed in as ada@acme.example."
    assert [project.name for project in sign_in.client.projects.list()]
    assert (tmp_path / "tool" / "auth.json").exists()
    assert not Path(os.environ["DAGCTL_HOME"]).exists()


@pytest.mark.usefixtures("trusting")
def test_the_desktop_tool_cancels(sandbox: Sandbox, callback_port: int, tmp_path: Path) -> None:
    shown: list[str] = []
    opened = Event()
    sign_in = example("desktop").SignIn(tmp_path, shown.append, noticing(opened), callback_port)
    sign_in.start("acme", sandbox.api_url)
    assert opened.wait(60)
    assert waits_at(callback_port)
    sign_in.cancel()
    assert shown[-1] == "Cancelled."
    assert not waits_at(callback_port)
    with pytest.raises(NotSignedIn):
        sign_in.client.session.fresh()


def test_the_service_keeps_people_apart(
    sandbox: Sandbox, callback_port: int, signing_in: SigningIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGCTL_HOME", str(tmp_path / "nobodys"))
    clients = example("service").Clients({"SSL_CERT_FILE": str(sandbox.ca_bundle)})
    for user in ("ada", "grace"):
        page = signing_in(f"{user}@acme.example")
        browser = dagctl.LoopbackBrowser(port=callback_port, opener=page, announce=lambda text: None)
        clients.of(user).login("acme", api_url=sandbox.api_url, browser=browser)
    ask = [clients.of(user).protection.ask("prod", project="shop").allowed for user in ("ada", "grace")]
    assert ask == [False, True]
    assert clients.projects("ada") == clients.projects("grace")
    clients.forget("ada")
    with pytest.raises(NotSignedIn):
        clients.projects("ada")
    assert clients.projects("grace")
    assert list(tmp_path.iterdir()) == []


def test_the_ci_step(program: Program, sandbox: Sandbox, home: Path, tmp_path: Path) -> None:
    stored = (home / "auth.json").read_text()
    tokens = {name: re.search(rf'"{name}": ?"([^"]+)"', stored) for name in ("access_token", "id_token")}
    assert all(tokens.values())
    job = {f"DAGCTL_{name.upper()}": found[1] for name, found in tokens.items() if found} | {
        "DAGCTL_HOME": str(tmp_path / "no-home"),
        "DAGCTL_API_URL": sandbox.api_url,
        "DAGCTL_ORG": "acme",
        "DAGCTL_PROJECT": "shop",
    }
    done = program("ci_step", "dev", env=job)
    assert (done.returncode, done.stdout, done.stderr) == (0, "dev is open.\n", "")
    done = program("ci_step", "prod", env=job)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("::error::The environment 'prod' of project 'shop' is protected from you")
    done = program("ci_step", "dev", env={**job, "DAGCTL_ACCESS_TOKEN": "", "DAGCTL_ID_TOKEN": ""})
    assert (done.returncode, done.stdout) == (2, "::error::Not checked: You are not signed in.\n")
    assert not (tmp_path / "no-home").exists()


def test_the_orchestrator(program: Program) -> None:
    done = program("orchestrator")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"\d+ relations, by psycopg2\nacme/shop by SQLAlchemy\n", done.stdout)


HELD_TO_DEV = f"""
import sys, dagctl
sys.path.insert(0, {str(EXAMPLES)!r})
import orchestrator
connection = orchestrator.state_connection(dagctl.connect())
print(connection.host, connection.sslmode, connection.create_engine_adapter().fetchone("select current_user")[0])
"""


def test_the_orchestrator_in_sqlmesh(program: Program, environ: dict[str, str], run: Run, tmp_path: Path) -> None:
    """`prod` is protected from this person, who means `dev`."""
    settings = {name: value for name, value in environ.items() if name != "PYTHONWARNINGS"}
    command = [sys.executable, "-c", HELD_TO_DEV]
    done = subprocess.run(command, env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[::2] == ["localhost", "acme/shop"]


def test_the_notebook(program: Program) -> None:
    done = program("notebook")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "acme shop"
    assert lines[-2:] == ["dev open", "prod protected: Only deployments from CI may change prod."]


def test_the_asynchronous_program(program: Program) -> None:
    done = program("async_app")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "{'dev': True, 'staging': True, 'prod': False}\n"


@pytest.mark.usefixtures("trusting")
def test_a_task_that_is_cancelled_cancels_the_sign_in(sandbox: Sandbox, callback_port: int, tmp_path: Path) -> None:
    module = example("async_app")
    opened = Event()
    browser = dagctl.LoopbackBrowser(port=callback_port, opener=noticing(opened), announce=lambda text: None)
    client = dagctl.connect(storage=dagctl.memory_storage(), environ={"SSL_CERT_FILE": str(sandbox.ca_bundle)})
    client.login = partial(client.login, api_url=sandbox.api_url)  # type: ignore[method-assign]

    async def give_up() -> None:
        task = asyncio.create_task(module.sign_in(client, browser, "acme"))
        await asyncio.to_thread(opened.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())  # which waits for the thread, too
    assert not waits_at(callback_port)


@pytest.mark.usefixtures("trusting")
def test_an_asynchronous_token(sandbox: Sandbox, callback_port: int, signing_in: SigningIn) -> None:
    client = dagctl.connect(storage=dagctl.memory_storage(), environ={"SSL_CERT_FILE": str(sandbox.ca_bundle)})
    browser = dagctl.LoopbackBrowser(port=callback_port, opener=signing_in(), announce=lambda text: None)
    client.login("acme", api_url=sandbox.api_url, browser=browser)
    assert asyncio.run(example("async_app").token(client)) == client.session.fresh().access_token.reveal()


def test_a_browser_that_was_cancelled_before_listens_no_more(callback_port: int) -> None:
    browser = dagctl.LoopbackBrowser(port=callback_port, opener=lambda url: True, announce=lambda text: None)
    browser.cancel()
    with pytest.raises(SignInCancelled), browser.listen(lambda query: True):
        pytest.fail("it listens")
    assert not waits_at(callback_port)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_uses_public_names_only_and_is_told_of(path: Path) -> None:
    text = path.read_text("utf-8")
    imported = set(re.findall(r"^(?:from|import) (dagctl[.\w]*)", text, re.MULTILINE))
    assert imported <= PUBLIC
    assert f"../examples/{path.name}" in (ROOT / "docs" / "how-to" / "embed-the-sdk.md").read_text("utf-8")


def test_there_are_six() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {"async_app", "ci_step", "desktop", "notebook", "orchestrator", "service"}


def test_the_page_begins_with_a_program(program: Program, environ: dict[str, str], tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "embed-the-sdk.md").read_text("utf-8").partition("\n## ")[0]
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    command = [sys.executable, "-c", block]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "shop prj_shop" in done.stdout


def test_what_the_page_shows_stands_in_the_programs() -> None:
    page = (ROOT / "docs" / "how-to" / "embed-the-sdk.md").read_text("utf-8").partition("## Add commands")[0]
    programs = {path.name: _lines(path.read_text("utf-8")) for path in EXAMPLES.glob("*.py")}
    for part in re.split(r"^(?=## )", page, flags=re.MULTILINE):
        named = re.search(r"\.\./examples/(\w+\.py)", part)
        if named is None:
            continue
        for block in re.findall(r"```python\n(.*?)```", part, re.DOTALL):
            missing = [line for line in _lines(block) if line not in programs[named[1]]]
            assert not missing, (named[1], missing)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
