"""`dagctl protection check`."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dagctl.cli.app import App
from dagctl.cli.main import main
from dagctl.domain.errors import NotSignedIn, Unreachable
from dagctl.domain.values.targets import Verdict

if TYPE_CHECKING:
    from tests.domain.services.protection.conftest import Answer, Guarded


def run(guarded: Guarded, *argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    connect: Any = lambda **_: SimpleNamespace(protection=guarded.service)  # noqa: E731
    code = main(["protection", "check", *argv], app=App(connect=connect, out=out, err=err))
    return code, out.getvalue(), err.getvalue()


def answer(environment: str) -> Answer:
    answers: dict[str, Answer] = {
        "dev": Verdict(True),
        "prod": Verdict(False, "Only release managers."),
        "staging": Unreachable("No connection to api.example.com."),
    }
    return answers[environment]


@pytest.mark.parametrize(
    ("environments", "code"),
    [(["dev"], 0), (["prod"], 3), (["dev", "prod"], 3), (["staging", "dev"], 3), (["DEV"], 0)],
)
def test_the_exit_code_tells_whether_all_are_open(environments: list[str], code: int, guarded: Guarded) -> None:
    guarded.api.answer = answer
    assert run(guarded, *environments)[0] == code
    assert guarded.api.environments == [name.lower() for name in environments]


def test_a_line_for_each(guarded: Guarded) -> None:
    guarded.api.answer = answer
    _, out, err = run(guarded, "dev", "prod", "staging")
    lines = out.splitlines()
    assert lines[0].split() == ["dev", "open"]
    assert lines[1].split(maxsplit=2) == ["prod", "protected", "Only release managers."]
    assert lines[2].split(maxsplit=2)[:2] == ["staging", "unknown"]
    assert "No connection to api.example.com." in lines[2]
    assert err == ""


def test_as_json(guarded: Guarded) -> None:
    guarded.api.answer = answer
    _, out, _ = run(guarded, "--json", "dev", "prod")
    assert json.loads(out)["data"]["environments"] == [
        {"environment": "dev", "verdict": "open", "reason": None},
        {"environment": "prod", "verdict": "protected", "reason": "Only release managers."},
    ]


def test_signed_out(guarded: Guarded) -> None:
    guarded.tokens.trouble = NotSignedIn("You are not signed in.", hint="Run: dagctl auth login --org ORG")
    code, out, err = run(guarded, "prod")
    assert (code, out) == (4, "")
    assert "dagctl auth login" in err


def test_nothing_is_remembered(guarded: Guarded) -> None:
    run(guarded, "dev")
    run(guarded, "dev")
    assert guarded.api.environments == ["dev", "dev"]
