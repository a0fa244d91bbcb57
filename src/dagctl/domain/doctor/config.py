"""Whether the SQLMesh project in the working directory keeps its state on the platform."""

from __future__ import annotations

from pathlib import PurePath

from dagctl.domain.doctor.chain import Advice, Check, Finding, Mark, ok, warning, wrong
from dagctl.domain.errors import ConfigProblem, DagctlError
from dagctl.domain.generation.additions import ConfigUsage, usage_of
from dagctl.domain.generation.service import PYTHON_NAME, YAML_NAMES, ConfigGeneration
from dagctl.domain.generation.wiring import wired
from dagctl.domain.services.context import ContextService
from dagctl.domain.values.text import printable
from dagctl.ports.file_system import FileSystem
from dagctl.ports.sqlmesh_project import SqlmeshProject

_HERE = PurePath()


def pinned_in(files: FileSystem) -> str | None:
    """The project that the configuration here pins, and that SQLMesh therefore uses."""
    try:
        usage = usage_of(files.read(_HERE / PYTHON_NAME)) if PYTHON_NAME in files.names(_HERE) else None
    except DagctlError:
        return None  # the check of the configuration names the problem
    return usage.pins[0] if usage is not None and len(usage.pins) == 1 and not usage.unpinned else None


def configurations(files: FileSystem) -> list[str]:
    """The names of SQLMesh's configurations here."""
    names = set(files.names(_HERE))
    return [name for name in (PYTHON_NAME, *YAML_NAMES) if name in names]


def look_at_config(config: ConfigGeneration, contexts: ContextService) -> Check:
    """Check the configuration without running it.

    Raises:
        ProjectConflict: it pins a project that this account cannot use.
        ConfigProblem: SQLMesh would not find it.
        FileProblem: it cannot be read.
    """
    found = configurations(config.files)
    if "dbt_project.yml" in config.files.names(_HERE) and PYTHON_NAME not in found:
        return Check(Mark.SKIPPED, "this is a dbt project: manage it in the web UI")
    if not found:
        return Check(Mark.SKIPPED, "this folder has no SQLMesh configuration")
    if config.sqlmesh is None:
        return Check(Mark.SKIPPED, f"SQLMesh is not installed beside dagctl, so {found[0]} was not checked")
    if len(found) > 1:
        seen = f"SQLMesh allows one configuration per folder, and here are {' and '.join(found)}"
        move = (found[1], str(config.free_backup(_HERE / found[1])))
        return wrong(seen, Advice(Finding.SEVERAL_CONFIGS, move=move))
    if found != [PYTHON_NAME]:
        return _yaml(config, found[0])
    check = _python(config, contexts)
    return _cautioned(check, config.sqlmesh) if check.state is Mark.OK else check


def _python(config: ConfigGeneration, contexts: ContextService) -> Check:
    config.see_that_it_is_found(_HERE)
    usage = usage_of(config.files.read(_HERE / PYTHON_NAME))
    if usage is None:
        return wrong("config.py is not Python", Advice(Finding.NOT_PYTHON))
    if usage.connects:
        return _connecting(usage, contexts)
    if usage.guards:
        return ok("config.py has its own state connection, guarded by check_environment_protection()")
    seen = "config.py does not call get_state_connection(): SQLMesh keeps its state elsewhere"
    return warning(seen, Advice(Finding.NOT_CONNECTED))


def _cautioned(check: Check, sqlmesh: SqlmeshProject) -> Check:
    try:
        cautions = sqlmesh.cautions(_HERE)
    except Exception as error:  # noqa: BLE001 - SQLMesh is installed but broken, in whatever way
        why = printable(f"{type(error).__name__}: {error}")
        return wrong(f"SQLMesh itself does not load ({why})", Advice(Finding.SQLMESH_BROKEN))
    return warning(f"{check.seen}; but: {' '.join(cautions)}") if cautions else check


def _connecting(usage: ConfigUsage, contexts: ContextService) -> Check:
    current = contexts.current()
    for pin in usage.pins:
        contexts.current(pin)
    if len(usage.pins) > 1:
        seen = f"config.py pins several projects: {', '.join(usage.pins)}"
        return warning(seen, Advice(Finding.SEVERAL_PINS))
    if usage.unpinned:
        seen = "config.py uses dagctl and pins no project, so its models use whichever project is current"
        return warning(seen, Advice(Finding.UNPINNED, project=str(current.pin) if current.pin else None))
    return ok(f"config.py uses dagctl{f', pinned to {usage.pins[0]}' if usage.pins else ''}")


def _yaml(config: ConfigGeneration, name: str) -> Check:
    try:
        root = config.yaml.read(config.files.read(_HERE / name), name).root
    except ConfigProblem as error:
        return warning(error.message, Advice(Finding.NOT_YAML))
    own = wired(root, "") if root is not None else None
    gateways = ", ".join(repr(gateway) for gateway in own.replaced) if own else ""
    state = f"gateway {gateways} has its own state_connection" if gateways else "SQLMesh keeps its state elsewhere"
    return warning(f"{name} does not use dagctl: {state}", Advice(Finding.NOT_CONVERTED))
