"""Which environments each SQLMesh command may change. A command that is not listed may change any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dagctl.adapters.sqlmesh.invocation import Invocation
from dagctl.domain.values.targets import PRODUCTION

Names = Callable[[Mapping[str, Any]], "list[str] | None"]
"""Maps a command's parameters to environments: "" is the default, None is every environment."""

NOBODY = frozenset(
    {
        "audit",
        "clean",
        "create_external_models",
        "create_test",
        "dag",
        "dlt_refresh",
        "environments",
        "evaluate",
        "fetchdf",
        "format",
        "info",
        "init",
        "lint",
        "prompt",
        "render",
        "rewrite",
        "table_diff",
        "test",
    }
)
"""`sqlmesh` commands that change no environment: they read the state at most. `table_diff` compares data in the
warehouse."""

UI = "ui"
"""The `sqlmesh` command in which people choose environments later, in the browser."""


def _environment(parameters: Mapping[str, Any]) -> list[str]:
    return [parameters.get("environment") or ""]


def _if_named(parameters: Mapping[str, Any]) -> list[str]:
    """Without a name it only reads: production, or the default environment."""
    return [parameters["environment"]] if parameters.get("environment") else []


def _or_every(parameters: Mapping[str, Any]) -> list[str] | None:
    return _if_named(parameters) or None


def _every(parameters: Mapping[str, Any]) -> None:
    return None


def _state_export(parameters: Mapping[str, Any]) -> list[str]:
    return [] if parameters.get("local") else [name for name in parameters.get("environment") or () if name]


SQLMESH: Mapping[tuple[str, ...], Names] = {
    ("plan",): _environment,
    ("run",): _environment,
    ("diff",): _environment,
    ("invalidate",): _environment,
    ("check_intervals",): _if_named,
    ("table_name",): _if_named,
    ("janitor",): _or_every,
    ("destroy",): _every,
    ("migrate",): _every,
    ("rollback",): _every,
    ("state", "export"): _state_export,
    ("state", "import"): _every,
}

PULL_REQUEST = "\0pull request"
"""Stands for the environment of the bot's pull request."""

BOT: Mapping[str, list[str]] = {
    "check-required-approvers": [],
    "deploy-production": [PRODUCTION],
    "gen-prod-plan": [],
    "run-all": [PULL_REQUEST],
    "run-tests": [],
    "update-pr-environment": [PULL_REQUEST],
}
"""The commands of `sqlmesh_cicd github`. For most pull requests, `run-all` only shows what production would become; if
it deploys one, the gate asks."""


def names_of(invocation: Invocation, pull_request: Callable[[], str | None]) -> list[str] | None:
    """The environments that a command may change, as it spells them: "" is the default, None is every environment.

    Args:
        pull_request: returns the environment of the current pull request; None if it cannot tell.
    """
    if invocation.program == "sqlmesh_cicd":
        return _of_bot(invocation.words, pull_request)
    if not invocation.words:
        return []
    if invocation.program == "sqlmesh_dbt":
        listing = invocation.words[0] in ("list", "ls")
        return [] if listing else [invocation.parameters.get("env") or ""]
    if invocation.words[0] in NOBODY:
        return []
    return SQLMESH.get(invocation.words, _every)(invocation.parameters)


def _of_bot(words: tuple[str, ...], pull_request: Callable[[], str | None]) -> list[str] | None:
    names = BOT.get(words[-1]) if len(words) > 1 else []  # `github` alone prints its help
    if names != [PULL_REQUEST]:
        return names
    its_own = pull_request()
    return None if its_own is None else [its_own]
