"""The `CommandLine` of a process that runs SQLMesh, or may do so later."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dagctl.adapters.environment.heeded import dotenv
from dagctl.adapters.sqlmesh.commands import UI, names_of
from dagctl.adapters.sqlmesh.invocation import Invocation, described, invocation, tool
from dagctl.adapters.sqlmesh.loading import loading
from dagctl.domain.values.targets import PRODUCTION, EnvironmentName, Targets
from dagctl.ports.command_line import CommandLine

VARIABLE = "sqlmesh__default_target_environment"

_YAML_NAMES = ("config.yml", "config.yaml", "sqlmesh.yml", "sqlmesh.yaml")


class SqlmeshCommandLine(CommandLine):
    """Finds the targets with SQLMesh's own parser and configuration.

    A call that does not affect the configuration that SQLMesh uses (another `Config` object of the file, a repository
    after the first) says nothing about the default environment.

    Args:
        environ: the environment variables; None for this process's.
        argv: the process's arguments; None for `sys.argv`.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, argv: Sequence[str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._argv = argv

    def targets(self, default: str | None = None) -> Targets:
        argv = sys.argv if self._argv is None else self._argv
        try:
            found = invocation(argv)
            effective = self._default(default, found)
            if found is None:
                return _of_program(argv, default, effective)
            return self._of_command(found, effective)
        except Exception:  # noqa: BLE001 - whatever goes wrong, the target is unknown
            return Targets.every(default or PRODUCTION, described(argv))

    def _of_command(self, found: Invocation, default: str) -> Targets:
        reason = str(found)
        if found.words == (UI,):
            return Targets.of_program(None, default, reason)
        names = names_of(found, self._pull_request)
        # a command that does name its environment is asked about, whichever `Config` makes this call
        if (names is None or "" in names) and not _decides():
            names = []
        return Targets.every(default, reason) if names is None else Targets.exactly(names, default, reason)

    def _default(self, argument: str | None, found: Invocation | None) -> str:
        """The environment of a command that names none, in SQLMesh's precedence, with the caller's argument last."""
        for value in (self._from_variables(found), self._setting("default_target_environment"), argument):
            if value is not None:
                return str(value) or PRODUCTION
        return PRODUCTION

    def _from_variables(self, found: Invocation | None) -> str | None:
        variables = dict(self._environ)
        if found is not None and found.ahead:
            # SQLMesh will set these before it loads the configuration, the personal `env_vars` last
            files = dotenv(_repositories(found), found.root.get("dotenv"))
            variables |= {name: said.value for name, said in files.items()} | (self._setting("env_vars") or {})
        return _last(VARIABLE, variables)

    def _setting(self, *keys: str) -> Any:
        """A value of the personal configuration; None if it is not set."""
        value = _personal(self._environ)
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def _pull_request(self) -> str | None:
        """The environment that the CI/CD bot uses for the current pull request."""
        try:
            from sqlmesh.integrations.github.cicd.controller import GithubEvent

            about = GithubEvent.from_path(self._environ["GITHUB_EVENT_PATH"]).pull_request_info
        except Exception:  # noqa: BLE001 - whatever is wrong with the event, the environment is unknown
            return None
        named = _last("sqlmesh__cicd_bot__pr_environment_name", self._environ)
        prefix = named or self._setting("cicd_bot", "pr_environment_name")
        return EnvironmentName(f"{prefix or about.repo}_{about.pr_number}")


def _last(variable: str, variables: Mapping[str, str]) -> str | None:
    """The value of a variable that SQLMesh reads in upper and lower case: the last one overwrites the others."""
    values = [value for name, value in variables.items() if name.lower() == variable]
    return values[-1] if values else None


def _of_program(argv: Sequence[str], fallback: str | None, default: str) -> Targets:
    chooser = tool(argv)
    if chooser is not None:
        return Targets.of_program(None, default, chooser)
    return Targets.of_program(fallback if _decides() else None, default, described(argv))


def _decides() -> bool:
    here = loading()
    return here is None or here.decides()


def _personal(environ: Mapping[str, str]) -> Any:
    """The personal configuration. SQLMesh is imported only if a file for it exists."""
    constants = sys.modules.get("sqlmesh.core.constants")
    folder = Path(constants.SQLMESH_PATH if constants else environ.get("SQLMESH_HOME") or Path.home() / ".sqlmesh")
    if not any((folder / name).exists() for name in _YAML_NAMES):
        return None
    from sqlmesh.core.config.loader import load_config_from_yaml

    from dagctl.adapters.sqlmesh.personal import personal_file

    path = personal_file()
    return load_config_from_yaml(path) if path else None


def _repositories(found: Invocation) -> list[Path]:
    """The folders that `--paths` names, in SQLMesh's order."""
    from glob import glob

    given = found.root.get("paths") or [os.getcwd()]
    given = [given] if isinstance(given, str) else given
    return [Path(path).absolute() for pattern in given for path in glob(str(pattern)) or [str(pattern)]]
