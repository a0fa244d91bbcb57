"""Every call of every port is in the log, whoever's adapter it is, and nothing in it that has no business there."""

from __future__ import annotations

import importlib
import logging
import pickle
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from inspect import isclass, signature
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, get_type_hints

import pytest
from attrs import evolve, fields_dict
from tests.domain.conftest import World

import dagctl.ports
from dagctl import _sdk
from dagctl._sdk import Ports
from dagctl.adapters.logged import Logged, logged
from dagctl.adapters.system.clock import SystemClock
from dagctl.domain.errors import DagctlError, Unreachable
from dagctl.domain.values.platform import ApiAccess
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.tokens import TokenSet
from dagctl.ports.storage import Storage
from dagctl.testing import FollowingBrowser, MemoryPlatform, MemoryTokenStore, connected

Lines = Callable[[], list[str]]
Adapter = TypeVar("Adapter")

UNTOLD = {"clock.now", "clock.monotonic"}
VALUES = {"overrides", "observed"}
"""What of `Ports` is no adapter."""


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What has been logged, from DEBUG on: level and message."""
    caplog.set_level(logging.DEBUG, "dagctl")
    return lambda: [f"{record.levelname} {record.getMessage()}" for record in caplog.records if record.name == "dagctl"]


def interfaces() -> dict[str, type]:
    """Every class of every module of `dagctl.ports`, by name."""
    modules = [
        importlib.import_module(f"dagctl.ports.{found.name}") for found in pkgutil.iter_modules(dagctl.ports.__path__)
    ]
    return {name: kind for module in modules for name, kind in vars(module).items() if isclass(kind)}


def methods(interface: type) -> Iterator[str]:
    return (name for name, value in vars(interface).items() if callable(value) and not name.startswith("_"))


def anything(interface: type) -> Any:
    """An adapter that somebody else has written, and that does nothing."""
    return type("Anything", (interface,), {})()


def watched(port: str, adapter: Adapter) -> Adapter:
    """The adapter with its calls logged."""
    return cast("Adapter", Logged(port, adapter))


def given(method: Callable[..., object]) -> list[str]:
    """An argument for each parameter that needs one."""
    return ["x" for parameter in signature(method).parameters.values() if parameter.default is parameter.empty]


def test_every_method_of_every_port_is_logged(world: World, lines: Lines) -> None:
    known = interfaces()
    hints = get_type_hints(Ports, {**vars(_sdk), **known, "Overrides": object, "Connectable": object})
    assert hints.keys() == fields_dict(Ports).keys()
    mine = {name: anything(hint) for name, hint in hints.items() if hint in known.values() and hint is not Storage}
    assert mine.keys() == hints.keys() - VALUES - MADE
    ports = logged(
        evolve(
            world.client._ports,
            **mine,
            storage=Storage(
                evolve(
                    world.client._ports.storage.current,
                    **{name: anything(known[kind]) for name, kind in STORES.items()},
                ),
                anything(known["AccountShelf"]),
            ),
            sqlmesh=lambda: anything(known["SqlmeshProject"]),
            connector=lambda wanted: None,
            libpq=lambda credentials: {},
        )
    )
    reached = {name: (getattr(ports, name), hints[name]) for name in mine}
    reached |= {name: (getattr(ports.storage.current, name), known[kind]) for name, kind in STORES.items()}
    reached |= {"shelf": (ports.storage.others, known["AccountShelf"])}
    reached |= {"sqlmesh": (ports.sqlmesh(), known["SqlmeshProject"])}
    expected = set()
    for name, (adapter, interface) in reached.items():
        for method in methods(interface):
            result = getattr(adapter, method)(*given(getattr(adapter, method)))
            with result or nullcontext():
                expected.add(f"{name}.{method}")
    ports.connector("x")  # type: ignore[arg-type]
    ports.libpq("x")  # type: ignore[arg-type]
    told = {line.split()[1] for line in lines()}
    assert told == (expected | {"connector", "libpq"}) - UNTOLD
    everything = {kind for kind in known.values() if getattr(kind, "_is_protocol", False)} - {Protocol}
    # a visit is looked at below
    assert {interface for _, interface in reached.values()} == everything - {known["Visit"]}


def test_the_ports_that_are_wired_are_those_that_log() -> None:
    ports = connected(signed_in=False)._ports
    stores = ports.storage.current
    adapters = [getattr(ports, name) for name in fields_dict(Ports) if name not in {*VALUES, *MADE}]
    for adapter in (*adapters, stores.settings, stores.tokens, stores.credentials, ports.storage.others):
        assert type(adapter) is Logged


MADE = {"storage", "sqlmesh", "connector", "libpq"}
"""What gives adapters, or is no more than a call."""


STORES = {"settings": "SettingsStore", "tokens": "TokenStore", "credentials": "CredentialStore"}


def test_what_ports_give_is_logged_too(world: World, lines: Lines) -> None:
    client = connected()
    shelf = client._ports.storage.others
    shelf.stores("acme@api.dagctl.io").settings.load()
    told = [line.split()[1] for line in lines()]
    # a sign-in has been through all of them
    assert {"browser.listen", "visit.open", "visit.wait", "visit.show", "tokens.reserved", "tokens.save"} <= set(told)
    assert told[-2:] == ["shelf.stores", "settings.load"]


def test_a_browser_that_comes_with_the_call_is_logged(lines: Lines) -> None:
    platform = MemoryPlatform()
    client = connected(platform, signed_in=False)
    assert "visit.open" not in str(lines())
    client.login("acme", api_url=platform.place.api_url, browser=FollowingBrowser(platform))
    assert f"INFO visit.open host={platform.place.issuer_host} ok in " in "\n".join(lines())


def test_what_leaves_the_process_or_changes_something_is_info(lines: Lines) -> None:
    connected().projects.list()
    levels = {line.split()[1]: line.split()[0] for line in lines()}
    info = {"api.organization", "api.projects", "identity.exchange", "visit.open", "settings.save", "tokens.save"}
    debug = {"settings.load", "tokens.load", "tokens.lock", "browser.listen", "visit.wait"}
    assert {name: level for name, level in levels.items() if name in info | debug} == {
        **dict.fromkeys(info, "INFO"),
        **dict.fromkeys(debug, "DEBUG"),
    }


def test_a_line_has_the_facts_and_the_outcome(lines: Lines) -> None:
    platform = MemoryPlatform()
    client = connected(platform)
    with pytest.raises(DagctlError):
        client.protection.check("prod", project_id="prj_shop")
    platform.api_trouble = Unreachable("The API cannot be reached.")
    with pytest.raises(DagctlError):
        client.protection.check("dev", project_id="prj_shop")
    denied, failed = [line for line in lines() if " api.protection " in line]
    assert denied.startswith(
        "INFO api.protection api_url=https://api.dagctl.io organization_id=org_acme project_id=prj_shop"
        " environment=prod allowed=False ok in "
    )
    assert failed.endswith(" ms: The API cannot be reached.")
    assert " environment=dev Unreachable after " in failed


def test_a_lock_says_how_long_it_took_and_how_long_it_was_held(lines: Lines) -> None:
    tokens = watched("tokens", MemoryTokenStore())
    with tokens.lock():
        pass
    with pytest.raises(ValueError, match="no"), tokens.lock():
        raise ValueError("no secret of ours")
    assert [line.rpartition(" ms")[0].rpartition(" ")[0] for line in lines()] == [
        "DEBUG tokens.lock entered after",
        "DEBUG tokens.lock left after",
        "DEBUG tokens.lock entered after",
        "DEBUG tokens.lock ValueError after",
    ]
    with tokens.lock():  # it has been released
        pass


class Talkative(MemoryTokenStore):
    """A store of somebody who puts everything into their errors."""

    def save(self, tokens: TokenSet) -> None:
        raise ValueError(f"cannot keep {tokens.access_token.reveal()}")


def test_only_errors_of_ours_have_their_words_in_the_log(lines: Lines) -> None:
    tokens = watched("tokens", Talkative())
    with pytest.raises(ValueError, match="s3cr3t"):
        tokens.save(TokenSet("s3cr3t", "i"))
    assert [line.partition(" after")[0] for line in lines()] == ["INFO tokens.save ValueError"]
    assert "s3cr3t" not in str(lines())


@pytest.mark.parametrize("odd", ["a\nINFO forged", "a\x1b[2Jb", "a\u202eb", "a\u2028b", "a\rb", "a\x9bb"])
def test_nothing_from_outside_makes_a_line_or_steers_a_terminal(lines: Lines, odd: str) -> None:
    platform = MemoryPlatform()
    platform.api_trouble = Unreachable(f"It says {odd}.")
    api = watched("api", platform)
    with pytest.raises(Unreachable):
        api.protection(ApiAccess("https://api", "t", odd), odd, odd)
    (line,) = lines()
    assert line.isprintable()


def test_what_looks_like_a_token_is_not_told(lines: Lines) -> None:
    api = watched("api", anything(interfaces()["ApiGateway"]))
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
    api.state_proxy(ApiAccess("https://api", "t", token))
    assert "organization_id=…" in lines()[0]


def test_it_is_the_adapter_in_everything_else(lines: Lines) -> None:
    store = MemoryTokenStore()
    tokens = watched("tokens", store)
    assert isinstance(tokens, MemoryTokenStore)
    assert tokens.writable is True
    tokens.writable = False
    assert store.writable is False
    assert signature(tokens.save) == signature(store.save)
    assert tokens.save.__doc__ == store.save.__doc__
    clock = pickle.loads(pickle.dumps(Logged("clock", SystemClock())))
    assert isinstance(clock, SystemClock)
    clock.sleep(0.0)
    assert lines()[-1].startswith("DEBUG clock.sleep seconds=0.0 ok in ")
    with pytest.raises(AttributeError, match="nonsense"):
        _ = Logged("tokens", store).nonsense


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
def test_it_is_quiet_as_long_as_nobody_listens(caplog: pytest.LogCaptureFixture, level: int) -> None:
    caplog.set_level(level, "dagctl")
    connected()
    assert {record.levelno for record in caplog.records} == ({logging.INFO} if level == logging.INFO else set())


def test_nothing_of_ours_imports_logging_for_it() -> None:
    script = (
        "import sys\n"
        "from dagctl.adapters.logged import Logged\n"
        "Logged('settings', type('Store', (), {'save': lambda self, settings: None})()).save(None)\n"
        "print('logging' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_path_is_told(lines: Lines, tmp_path: Path) -> None:
    files = watched("files", anything(interfaces()["FileSystem"]))
    files.move(tmp_path / "a b", target=tmp_path / "c")
    assert f"INFO files.move source='{tmp_path / 'a b'}' target={tmp_path / 'c'} ok in " in lines()[0]


def test_secrets_are_not_plain(lines: Lines) -> None:
    identity = watched("identity", anything(interfaces()["IdentityProvider"]))
    identity.exchange(
        MemoryPlatform().place, Secret("a-code"), "a-verifier", "http://localhost:8080/callback?code=a-code"
    )
    assert lines() != []
    assert "a-code" not in str(lines())
    assert "a-verifier" not in str(lines())
