"""What each SQLMesh command does with environments. A command that is not listed may touch any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dagctl.adapters.sqlmesh.invocation import Invocation
from dagctl.domain.values.targets import PRODUCTION, Targets

Names = Callable[[Mapping[str, Any]], "list[str] | None"]
"""From a command's parameters to environments: "" is the default, None is every environment."""

NO_STATE = frozenset(
    {
        "clean",
        "create_test",
        "dag",
        "dlt_refresh",
        "fetchdf",
        "format",
        "info",
        "init",
        "lint",
        "prompt",
        "rewrite",
        "test",
    }
)
"""`sqlmesh` commands that need no state. (`info` reports whether it can be reached.)"""

SNAPSHOTS = frozenset({"audit", "create_external_models", "evaluate", "render"})
"""`sqlmesh` commands that read models from the state, but no environment."""


def _environment(parameters: Mapping[str, Any]) -> list[str]:
    return [parameters.get("environment") or ""]


def _or_production(parameters: Mapping[str, Any]) -> list[str]:
    return [parameters.get("environment") or PRODUCTION]


def _or_every(parameters: Mapping[str, Any]) -> list[str] | None:
    return [parameters["environment"]] if parameters.get("environment") else None


def _every(parameters: Mapping[str, Any]) -> None:
    return None


def _table_name(parameters: Mapping[str, Any]) -> list[str]:
    """Early versions of the command know no environments."""
    return _environment(parameters) if "environment" in parameters else []


def _table_diff(parameters: Mapping[str, Any]) -> list[str]:
    """Two environments where models are named, two tables otherwise."""
    model, selected = parameters.get("model"), parameters.get("select_model")
    names = str(parameters.get("source_to_target")).split(":")
    refused = bool(model and selected) or len(names) != 2 or "|" in "".join(names)
    return names if (model or selected) and not refused else []


def _state_export(parameters: Mapping[str, Any]) -> list[str] | None:
    if parameters.get("local"):
        return []
    return list(parameters.get("environment") or ()) or None


SQLMESH: Mapping[tuple[str, ...], Names] = {
    ("plan",): _environment,
    ("run",): _environment,
    ("diff",): _environment,
    ("invalidate",): _environment,
    ("check_intervals",): _or_production,
    ("table_name",): _table_name,
    ("table_diff",): _table_diff,
    ("janitor",): _or_every,
    ("destroy",): _every,
    ("environments",): _every,
    ("migrate",): _every,
    ("rollback",): _every,
    ("state", "export"): _state_export,
    ("state", "import"): _every,
}

PULL_REQUEST = "\0pull request"
"""Stands for the environment of the pull request that the bot works on."""

BOT: Mapping[str, list[str]] = {
    "check-required-approvers": [],
    "deploy-production": [PRODUCTION],
    "gen-prod-plan": [PRODUCTION],
    "run-all": [PULL_REQUEST, PRODUCTION],
    "run-tests": [],
    "update-pr-environment": [PULL_REQUEST],
}
"""The commands of `sqlmesh_cicd github`."""


def targets_of(invocation: Invocation, default: str, pull_request: Callable[[], str | None]) -> Targets:
    """The environments that a command touches.

    Args:
        default: the environment of a command that names none.
        pull_request: gives the environment of the pull request at hand; None where there is no telling.
    """
    reason = str(invocation)
    if invocation.program == "sqlmesh_cicd":
        return _of_bot(invocation, default, pull_request)
    if not invocation.words:
        return Targets.none(reason, stateful=False)
    if invocation.program == "sqlmesh_dbt":
        runs = invocation.words == ("run",)
        names = [invocation.parameters.get("env") or ""]
        return Targets.exactly(names, default, reason) if runs else Targets.none(reason, stateful=True)
    return _of_sqlmesh(invocation, default, reason)


def _of_sqlmesh(invocation: Invocation, default: str, reason: str) -> Targets:
    if invocation.words[0] in NO_STATE | SNAPSHOTS:
        return Targets.none(reason, stateful=invocation.words[0] in SNAPSHOTS)
    names_in = SQLMESH.get(invocation.words, _every)
    names = names_in(invocation.parameters)
    if names is None:
        return Targets.every(default, reason)
    return Targets.exactly(names, default, reason) if names else Targets.none(reason, stateful=True)


def _of_bot(invocation: Invocation, default: str, pull_request: Callable[[], str | None]) -> Targets:
    reason = str(invocation)
    if len(invocation.words) < 2:
        return Targets.none(reason, stateful=False)
    names = BOT.get(invocation.words[-1])
    if names is None:
        return Targets.every(default, reason)
    its_own = pull_request() if PULL_REQUEST in names else None
    if PULL_REQUEST in names and its_own is None:
        return Targets.every(default, reason)
    chosen = [its_own or "" if name == PULL_REQUEST else name for name in names]
    return Targets.exactly(chosen, default, reason) if chosen else Targets.none(reason, stateful=True)
