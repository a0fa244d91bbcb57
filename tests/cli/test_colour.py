"""Colour for what people scan, where a terminal shows it or FORCE_COLOR asks for it. Diffs: tests/domain/generation."""

from __future__ import annotations

import io

import pytest

from dagctl.cli.app import App
from dagctl.cli.main import main
from dagctl.testing import MemoryPlatform, connected

GREEN, RED, PLAIN = "\033[32m", "\033[1;31m", "\033[0m"

LISTED = [
    (("auth", "status"), f"{GREEN}yes{PLAIN}"),
    (("auth", "list"), f"{GREEN}*{PLAIN}"),
    (("projects",), f"{GREEN}*{PLAIN}"),
    (("protection", "check", "dev", "prod"), f"dev   {GREEN}open{PLAIN}"),
    (("protection", "check", "dev", "prod"), f"prod  {RED}protected{PLAIN}"),
    (("doctor",), f"{GREEN}ok  {PLAIN}"),
]


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def shown(args: tuple[str, ...], out: io.StringIO) -> str:
    """What a command puts on stdout; Ada is signed in, and may not change prod of her project."""
    platform = MemoryPlatform()
    platform.protect("prj_shop", "prod")
    client = connected(platform)
    client.projects.choose("shop")
    main(args, app=App(connect=lambda **ports: client, out=out, err=io.StringIO()))
    return out.getvalue()


@pytest.mark.parametrize(("args", "coloured"), LISTED, ids=str)
@pytest.mark.parametrize(
    ("variables", "out", "colour"),
    [
        ({"TERM": "xterm"}, Terminal, True),
        ({"TERM": "dumb"}, Terminal, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, Terminal, False),
        ({}, io.StringIO, False),
        ({"FORCE_COLOR": "1"}, io.StringIO, True),
        ({"FORCE_COLOR": "0"}, io.StringIO, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, io.StringIO, False),
    ],
    ids=str,
)
def test_colour(
    args: tuple[str, ...],
    coloured: str,
    variables: dict[str, str],
    out: type[io.StringIO],
    colour: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    text = shown(args, out())
    assert text
    assert ("\033" in text) is (coloured in text) is colour


@pytest.mark.parametrize("args", [args for args, _ in LISTED], ids=str)
def test_json_has_no_colour(args: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\033" not in shown((*args, "--json"), io.StringIO())
