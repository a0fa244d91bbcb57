"""SQLMesh's own view of a project's configuration: loaded both ways, and compared."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from dagctl.adapters.sqlmesh.rehearsal import rehearsal
from dagctl.domain.text import printable
from dagctl.ports.sqlmesh_project import Comparison


class InstalledSqlmesh:
    """The `SqlmeshProject` of the SQLMesh that is installed beside us."""

    def compare(self, source: PurePath, python: str) -> Comparison:
        """Load both from folders of their own, with the project's `.env`, and compare them field by field."""
        with TemporaryDirectory(prefix="dagctl-") as name, _environment_kept():
            place = Path(name)
            before, after = _folder(place / "yaml", Path(source)), _folder(place / "python", Path(source))
            shutil.copyfile(source, before / Path(source).name)
            (after / "config.py").write_text(python, encoding="utf-8")
            try:
                original = _loaded(before)
            except Exception as error:  # noqa: BLE001 - whatever SQLMesh has against the original
                return Comparison(problem=f"SQLMesh does not load it: {printable(str(error))}")
            try:
                converted = _loaded(after)
            except Exception as error:  # noqa: BLE001 - whatever SQLMesh has against the result
                return Comparison((f"SQLMesh does not load the result ({printable(str(error))})",))
            return Comparison(differences(original, converted))

    def cautions(self) -> tuple[str, ...]:
        """What overrides a Python configuration in other ways than a YAML one."""
        from sqlmesh.core.config.common import YAML_CONFIG_FILENAMES
        from sqlmesh.core.config.loader import load_config_from_yaml
        from sqlmesh.core.constants import SQLMESH_PATH

        found = []
        states = sorted(
            name
            for name in os.environ
            if name.upper().startswith("SQLMESH__GATEWAYS__") and "__STATE_CONNECTION__" in name.upper()
        )
        if states:
            found.append(
                f"{', '.join(states)}: a state connection from the environment is ignored from now on; the state "
                "connection is dagctl's. Remove these variables."
            )
        personal = next((path for name in YAML_CONFIG_FILENAMES if (path := SQLMESH_PATH / name).exists()), None)
        try:
            keys = set(load_config_from_yaml(personal)) if personal else set()
        except Exception:  # noqa: BLE001 - SQLMesh will complain about it itself
            keys = set()
        merged = sorted(
            keys & {"gateways", "gateway", "variables", "users", "ignore_patterns", "before_all", "after_all"}
        )
        if merged:
            found.append(
                f"{personal} sets {', '.join(merged)}. SQLMesh lays a personal configuration over a Python project in "
                "another way than over a YAML one (gateways need to be whole, variables replace all others, lists "
                "are added to): look at what `sqlmesh info` says."
            )
        return tuple(found)


def differences(original: Any, converted: Any) -> tuple[str, ...]:
    """The fields in which two SQLMesh configurations differ, the gateways' state connections apart."""
    found = []
    for name in type(original).model_fields:
        before, after = getattr(original, name), getattr(converted, name)
        if name == "gateways":
            before, after = _without_state(before), _without_state(after)
        if before != after and repr(before) != repr(after):
            found.append(name)
    return tuple(sorted(found))


def _without_state(gateways: Any) -> Any:
    if not isinstance(gateways, dict):
        return gateways
    return [(name, gateway.copy(update={"state_connection": None})) for name, gateway in gateways.items()]


def _folder(folder: Path, source: Path) -> Path:
    folder.mkdir()
    dotenv = source.parent / ".env"
    if dotenv.is_file():
        shutil.copyfile(dotenv, folder / ".env")
    return folder


def _loaded(folder: Path) -> Any:
    from sqlmesh.core.config import Config
    from sqlmesh.core.config.loader import load_configs

    with rehearsal(), redirect_stderr(StringIO()):
        modules = set(sys.modules)
        try:
            return load_configs("config", Config, folder, sqlmesh_path=folder / "nobody")[folder]
        finally:
            for name in set(sys.modules) - modules:
                if name == "config":
                    del sys.modules[name]


@contextmanager
def _environment_kept() -> Iterator[None]:
    """SQLMesh loads a project's `.env` into the environment for good."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
