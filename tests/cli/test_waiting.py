"""What a person at a terminal sees while something takes its time."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from dagctl import Dagctl
from dagctl.cli import waiting
from dagctl.cli.app import App
from dagctl.cli.main import main
from dagctl.testing import connected

Waiting = Callable[[str], AbstractContextManager[object]]

LINE = "Waiting for api.dagctl.io ..."


class Terminal(io.StringIO):
    """A terminal, and when something is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        count = super().write(text)
        if text:
            self.written.set()
        return count


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)


def wired(err: io.StringIO, *args: str) -> Waiting | None:
    """What a command's SDK is given to tell what it waits for."""
    given: list[dict[str, Any]] = []

    def remember(**ports: Any) -> Dagctl:
        given.append(ports)
        return connected(signed_in=False)

    main(args, app=App(connect=remember, out=io.StringIO(), err=err))
    (ports,) = given
    waiting: Waiting | None = ports.get("waiting")
    return waiting


def test_a_person_sees_it_and_then_it_is_gone() -> None:
    terminal = Terminal()
    show = wired(terminal, "config", "current")
    assert show is not None
    terminal.written.clear()
    before = terminal.getvalue()

    with show("api.dagctl.io"):
        assert terminal.written.wait(60)
        assert terminal.getvalue() == f"{before}{LINE}"
    assert terminal.getvalue() == f"{before}{LINE}\r{' ' * len(LINE)}\r"


def test_what_ends_in_an_error_is_gone_too() -> None:
    terminal = Terminal()
    show = wired(terminal, "config", "current")
    assert show is not None

    def interrupted() -> None:
        with show("api.dagctl.io"):
            assert terminal.written.wait(60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert terminal.getvalue().endswith("\r")


def test_what_is_quick_is_not_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 3600.0)
    terminal = Terminal()
    show = wired(terminal, "config", "current")
    assert show is not None
    before = terminal.getvalue()

    with show("api.dagctl.io"):
        pass
    assert terminal.getvalue() == before


def test_programs_see_nothing_of_it() -> None:
    assert wired(io.StringIO(), "config", "current") is None
    assert wired(Terminal(), "config", "current", "--json") is None


def test_the_wiring_hands_it_to_the_transport(tmp_path: Path) -> None:
    from dagctl._wiring import connect
    from dagctl.domain.errors import Unreachable
    from dagctl.domain.values.platform import ApiAccess

    shown: list[str] = []

    def remember(host: str) -> nullcontext[None]:
        shown.append(host)
        return nullcontext()

    client = connect(storage=tmp_path, environ={}, folder=tmp_path, waiting=remember)
    with pytest.raises(Unreachable):
        client.projects.api.projects(ApiAccess("https://localhost:1", "token"))
    assert shown == ["localhost:1"]
