"""The `CommandLine` of a process that runs SQLMesh, or may be about to."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dagctl.adapters.sqlmesh.commands import targets_of
from dagctl.adapters.sqlmesh.invocation import Invocation, invocation
from dagctl.domain.values.targets import PRODUCTION, Targets, sanitized

VARIABLE = "sqlmesh__default_target_environment"
"""SQLMesh reads it in any case."""


_YAML_NAMES = ("config.yml", "config.yaml", "sqlmesh.yml", "sqlmesh.yaml")


class SqlmeshCommandLine:
    """Finds the targets through SQLMesh's own parser and configuration.

    A project of several repositories (`-p a -p b`) takes its default environment from the first; what each
    of them says is remembered for those that are loaded after it.

    Args:
        environ: the environment variables.
        argv: the process's arguments; `sys.argv` where None.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, argv: Sequence[str] | None = None) -> None:
        self._environ = environ
        self._argv = argv

    def targets(self, default: str | None = None) -> Targets:
        """The environments that this process is about to touch."""
        argv = sys.argv if self._argv is None else self._argv
        try:
            found = invocation(argv)
            effective = self._default(default, found)
            if found is not None:
                return targets_of(found, effective, self._pull_request)
        except Exception:  # noqa: BLE001 - whatever keeps us from knowing the target makes it unknown
            effective = default or PRODUCTION
        return Targets.every(effective, _described(argv))

    def _default(self, argument: str | None, found: Invocation | None) -> str:
        """The environment of a command that names none: SQLMesh's precedence, the caller's word last."""
        for value in (self._from_variables(found), self._setting("default_target_environment")):
            if value is not None:
                return str(value) or PRODUCTION
        return _first_repository_default(found, argument) or PRODUCTION

    def _from_variables(self, found: Invocation | None) -> str | None:
        variables = dict(self._environ)
        if found is not None and found.ahead:
            variables |= _dotenv(found) | (self._setting("env_vars") or {})
        values = [value for name, value in variables.items() if name.lower() == VARIABLE]
        return values[-1] if values else None

    def _setting(self, *keys: str) -> Any:
        """A value of the personal configuration, None where there is none."""
        path = _yaml_in(_personal_folder(self._environ))
        return _yaml_value(path, keys) if path is not None else None

    def _pull_request(self) -> str | None:
        """The environment that the CI/CD bot gives to the pull request at hand."""
        try:
            from sqlmesh.integrations.github.cicd.controller import GithubEvent

            about = GithubEvent.from_path(self._environ["GITHUB_EVENT_PATH"]).pull_request_info
        except Exception:  # noqa: BLE001 - an event that cannot be understood tells no environment
            return None
        variable = "sqlmesh__cicd_bot__pr_environment_name"
        named = [value for name, value in self._environ.items() if name.lower() == variable]
        prefix = (named[-1] if named else None) or self._setting("cicd_bot", "pr_environment_name")
        return sanitized(f"{prefix or about.repo}_{about.pr_number}")


def _described(argv: Sequence[str]) -> str:
    name = Path(argv[0]).name if argv and argv[0] else ""
    if name.startswith(("ipykernel", "colab_kernel")) or "ipykernel" in sys.modules:
        return "A notebook"
    return "A Python program" if name in ("", "-c", "-m") else f"The program {name}"


def _personal_folder(environ: Mapping[str, str]) -> Path:
    constants = sys.modules.get("sqlmesh.core.constants")
    if constants is not None:
        return Path(constants.SQLMESH_PATH)
    return Path(environ.get("SQLMESH_HOME") or Path.home() / ".sqlmesh")


def _yaml_in(folder: Path) -> Path | None:
    """The YAML configuration in a folder. SQLMesh is loaded only where there is a candidate."""
    if not any((folder / name).exists() for name in _YAML_NAMES):
        return None
    from sqlmesh.core.config import common

    names = getattr(common, "YAML_CONFIG_FILENAMES", _YAML_NAMES[:2])  # of versions before there were four
    return next((folder / name for name in names if (folder / name).exists()), None)


def _yaml_value(path: Path, keys: Sequence[str]) -> Any:
    from sqlmesh.core.config.loader import load_config_from_yaml

    value: Any = load_config_from_yaml(path)
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _dotenv(found: Invocation) -> dict[str, str]:
    """What SQLMesh is going to load from `.env` files."""
    from dotenv import dotenv_values

    given = found.root.get("dotenv")
    each = [folder / ".env" for folder in _repositories(found)]
    files = [Path(given)] if given and Path(given).is_file() else each
    loaded: dict[str, str] = {}
    for file in files:
        if file.is_file():
            loaded.update({name: value or "" for name, value in dotenv_values(file).items()})
    return loaded


def _repositories(found: Invocation) -> list[Path]:
    """The folders behind `--paths`, in SQLMesh's order."""
    from glob import glob

    given = found.root.get("paths") or [os.getcwd()]
    given = [given] if isinstance(given, str) else given
    return [Path(path).absolute() for pattern in given for path in glob(str(pattern)) or [str(pattern)]]


_defaults: dict[tuple[int, Path], str | None] = {}
"""What a repository's configuration said its default is, by process and folder."""


def _first_repository_default(found: Invocation | None, argument: str | None) -> str | None:
    """The first repository's default while a later one is loaded, otherwise `argument`."""
    repositories = _repositories(found) if found is not None and "paths" in found.root else []
    loading = Path(sys.path[0]).absolute() if sys.path and sys.path[0] else None
    if loading is None or loading not in repositories:
        return argument
    _defaults[os.getpid(), loading] = argument
    first = repositories[0]
    if loading == first:
        return argument
    if (os.getpid(), first) in _defaults:
        return _defaults[os.getpid(), first]
    path = _yaml_in(first)
    said = _yaml_value(path, ["default_target_environment"]) if path else argument
    return str(said) if said is not None else None
