"""Our errors, as SQLMesh sees them."""

from __future__ import annotations

import inspect
import pickle
import sys
from typing import TYPE_CHECKING

import pytest

from dagctl.domain import errors
from dagctl.domain.errors import DagctlError, ProtectionUnknown

if TYPE_CHECKING:
    import click


def test_an_error_stays_what_it_was(sqlmesh_cli: click.Group) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    from dagctl.adapters.sqlmesh.errors import for_sqlmesh
    from dagctl.domain.errors import Refused

    error = for_sqlmesh(Refused("No.", code="x", hint="Ask."))
    assert isinstance(error, Refused)
    assert isinstance(error, SQLMeshError)
    assert isinstance(error, DagctlError)
    assert (error.message, error.hint, error.code, str(error)) == ("No.", "Ask.", "x", "No.\nAsk.")
    assert for_sqlmesh(error) is error


EVERY_CLASS = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, DagctlError)]


@pytest.mark.parametrize("kind", EVERY_CLASS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_crosses_processes(kind: type[DagctlError], protocol: int, sqlmesh_cli: click.Group) -> None:
    from sqlmesh.utils.errors import SQLMeshError

    from dagctl.adapters.sqlmesh.errors import for_sqlmesh

    fields = {name: "set" for name, value in vars(kind).items() if isinstance(value, str) and name[0] != "_"}
    error = for_sqlmesh(kind("No.", **fields))
    again = pickle.loads(pickle.dumps(error, protocol))
    assert isinstance(again, kind)
    assert isinstance(again, SQLMeshError)
    assert type(again).__name__ == kind.__name__
    assert (vars(again), str(again), again.args) == (vars(error), str(error), error.args)
    assert vars(again).items() >= fields.items()
    assert str(pickle.loads(pickle.dumps(again, protocol))) == str(error)


def test_a_cause_crosses_processes_too(sqlmesh_cli: click.Group) -> None:
    from dagctl.adapters.sqlmesh.errors import for_sqlmesh

    unknown = for_sqlmesh(ProtectionUnknown("No.", environment="dev", cause=errors.Unreachable("Away.", proxied=True)))
    again = pickle.loads(pickle.dumps(unknown))
    assert isinstance(again.cause, errors.Unreachable)
    assert again.cause.proxied
    assert again.hint == unknown.hint
    assert again.hint.startswith("Check HTTPS_PROXY")


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["/bin/sqlmesh", "plan", "prod"], True),
        (["/bin/sqlmesh", "ui"], False),
        (["ipykernel_launcher.py"], False),
        (["/bin/sqlmesh_lsp"], False),
        (["/bin/sqlmesh_cicd", "github", "deploy-production"], False),
    ],
)
def test_only_on_its_command_line_a_command_of_sqlmeshs_is_named(
    argv: list[str], command: bool, sqlmesh_cli: click.Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagctl.adapters.sqlmesh.errors import for_sqlmesh

    monkeypatch.setattr(sys, "argv", argv)
    said = for_sqlmesh(errors.EnvironmentProtected("No.", environment="prod", organization="Acme")).hint or ""
    assert "administrator of Acme" in said
    assert ("sqlmesh plan dev_YOURNAME" in said) is command
    assert ("let CI deploy" in said) is ("cicd" not in argv[0])
