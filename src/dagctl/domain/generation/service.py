"""Converting a project's configuration, safely: nothing is touched until the new file is known to be right."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import PurePath

from attrs import field, frozen

from dagctl.domain.errors import ConfigProblem, FileExists
from dagctl.domain.generation.emitter import module_of
from dagctl.ports.file_system import FileSystem
from dagctl.ports.sqlmesh_project import SqlmeshProject
from dagctl.ports.yaml_reader import YamlReader

YAML_NAMES = ("config.yaml", "config.yml", "sqlmesh.yaml", "sqlmesh.yml")
PYTHON_NAME = "config.py"


@frozen
class Conversion:
    """What a conversion would do.

    Attributes:
        source: the YAML file.
        output: the Python file.
        text: what is to be in it.
        existing: what is in it now; None where it is not there.
        backup: what the YAML file is kept as.
        moves: the YAML file is moved there, not copied: SQLMesh takes one configuration a folder.
        warnings: sentences for people.
    """

    source: PurePath
    output: PurePath
    text: str = field(repr=False)
    existing: str | None = field(repr=False)
    backup: PurePath
    moves: bool
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the Python file would change."""
        return self.text != self.existing

    def diff(self) -> str:
        """How the Python file would change, as a unified diff."""
        before = (self.existing or "").splitlines(keepends=True)
        after = self.text.splitlines(keepends=True)
        return "".join(unified_diff(before, after, str(self.output), str(self.output)))


@frozen
class ConfigGeneration:
    """Converts.

    Attributes:
        project: SQLMesh's own view; None where SQLMesh is not installed.
    """

    files: FileSystem
    yaml: YamlReader
    sqlmesh: SqlmeshProject | None = None

    def plan(self, folder: PurePath, *, project: str, output: PurePath | None = None) -> Conversion:
        """What converting the configuration in `folder` would do. Writes nothing.

        Args:
            project: the dagctl project to pin.
            output: the Python file; `config.py` in the folder where None.

        Raises:
            ConfigProblem: there is nothing to convert, or it cannot be converted.
            FileProblem: a file cannot be read.
        """
        source = self._source(folder)
        target = folder / (output or PYTHON_NAME)
        moves = target == folder / PYTHON_NAME
        backup = self._free(source)
        document = self.yaml.read(self.files.read(source), str(source))
        module = module_of(document, project=project, source=source.name, backup=backup.name)
        existing = self.files.read(target) if self.files.exists(target) else None
        warnings = (*_state_moves(module.replaced), *(self.sqlmesh.cautions() if self.sqlmesh else ()))
        return Conversion(source, target, module.text, existing, backup, moves, warnings)

    def apply(self, conversion: Conversion, *, force: bool = False) -> tuple[str, ...]:
        """Do it: compare, write the new file, put the original away. On any failure the folder is as it was.

        Args:
            force: replace a Python file that is there already; it is kept as a backup too.

        Returns:
            Warnings that came up.

        Raises:
            FileExists: the Python file is there already and `force` is false.
            ConfigProblem: SQLMesh loads something else from the new file.
            FileProblem: a file cannot be written.
        """
        if conversion.existing is not None and not force:
            raise FileExists(
                f"{conversion.output} is there already.",
                hint="Look at what would change with --diff; replace it with --force (it is kept as a backup).",
            )
        warnings = self._verify(conversion)
        done: list[tuple[PurePath, PurePath]] = []
        try:
            if conversion.existing is not None and conversion.changes:
                kept = self._free(conversion.output)
                self.files.copy(conversion.output, kept)
                done.append((kept, conversion.output))
            self.files.write(conversion.output, conversion.text, replace=force)
            put_away = self.files.move if conversion.moves else self.files.copy
            put_away(conversion.source, conversion.backup)
        except BaseException:
            self._undo(conversion, done)
            raise
        return warnings

    def _undo(self, conversion: Conversion, copies: list[tuple[PurePath, PurePath]]) -> None:
        if self.files.exists(conversion.output):
            if conversion.existing is None:
                self.files.remove(conversion.output)
            else:
                self.files.write(conversion.output, conversion.existing, replace=True)
        for kept, _ in copies:
            self.files.remove(kept)

    def _verify(self, conversion: Conversion) -> tuple[str, ...]:
        if self.sqlmesh is None:
            return ("SQLMesh is not installed here, so the result was not compared with the original.",)
        found = self.sqlmesh.compare(conversion.source, conversion.text)
        if found.differences:
            raise ConfigProblem(
                f"{conversion.source} would not be the same in Python: {', '.join(found.differences)}.",
                hint="Nothing was changed. This is a bug in dagctl: please report it with that part of the file.",
            )
        if found.problem:
            return (f"The result was not compared with {conversion.source}: {found.problem}",)
        return ()

    def _source(self, folder: PurePath) -> PurePath:
        if self.files.exists(folder / "dbt_project.yml"):
            raise ConfigProblem(
                f"{folder / 'dbt_project.yml'} makes this a dbt project, which needs no conversion.",
                hint="dbt projects are managed entirely in the web UI.",
            )
        found = [folder / name for name in YAML_NAMES if self.files.exists(folder / name)]
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(path.name for path in found)
            raise ConfigProblem(f"There are several configurations: {names}.", hint="SQLMesh takes one: remove others.")
        if self.files.exists(folder / PYTHON_NAME):
            raise ConfigProblem(
                f"{folder / PYTHON_NAME} is Python already, and there is no config.yaml to convert.",
                hint="Use get_state_connection() in it, or move config.yaml.bak back to convert that anew.",
            )
        raise ConfigProblem(
            "There is no config.yaml here.", hint="Run this in the folder of a SQLMesh project, or sqlmesh init first."
        )

    def _free(self, path: PurePath) -> PurePath:
        """A name for a backup that takes no other's place."""
        candidate, number = path.with_name(f"{path.name}.bak"), 0
        while self.files.exists(candidate):
            number += 1
            candidate = path.with_name(f"{path.name}.bak.{number}")
        return candidate


def _state_moves(replaced: tuple[str, ...]) -> tuple[str, ...]:
    if not replaced:
        return ()
    names = ", ".join(repr(name) if name else "the gateway" for name in replaced)
    told = [
        f"The state connection of {names} gives way to dagctl's. To carry the state over, run "
        "`sqlmesh state export -o state.json` with the old configuration and `sqlmesh state import -i state.json` "
        "with the new one."
    ]
    if len(replaced) > 1:
        told.append(
            f"The gateways {names} each had a state connection; from now on they share one state database. If they "
            "were isolated systems, make a dagctl project for each."
        )
    return tuple(told)
