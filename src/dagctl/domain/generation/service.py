"""Converting a project's configuration, safely: nothing is touched until the new file is known to be right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import PurePath

from attrs import field, frozen

from dagctl.domain.errors import ConfigProblem, FileExists
from dagctl.domain.generation.emitter import Origin, module_of
from dagctl.domain.generation.notes import state_warnings
from dagctl.domain.values.document import YamlDocument
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
        was = str(self.output) if self.existing is not None else "/dev/null"
        return "".join(unified_diff(before, after, was, str(self.output)))


@frozen
class ConfigGeneration:
    """Converts.

    Attributes:
        sqlmesh: SQLMesh's own view; None where SQLMesh is not installed.
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
        if target.name in YAML_NAMES:
            raise ConfigProblem(f"{target} is the name of a YAML configuration.", hint="Name a Python file: -o FILE.py")
        backup = self.free_backup(source)
        moves = target == folder / PYTHON_NAME
        document = self._document(source)
        module = module_of(document, _origin(source, target, backup, project, moves=moves))
        return Conversion(
            source=source,
            output=target,
            text=module.text,
            existing=self.files.read(target) if self.files.exists(target) else None,
            backup=backup,
            moves=moves,
            warnings=(*state_warnings(document, module), *(self.sqlmesh.cautions(folder) if self.sqlmesh else ())),
        )

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
        put_away = self.files.move if conversion.moves else self.files.copy
        with self._written(conversion):
            put_away(conversion.source, conversion.backup)
        return warnings

    @contextmanager
    def _written(self, conversion: Conversion) -> Iterator[None]:
        """The new file in place, for good only if the block succeeds."""
        if not conversion.changes:
            yield
            return
        kept = self.free_backup(conversion.output) if conversion.existing is not None else None
        if kept is not None:
            self.files.copy(conversion.output, kept)
        try:
            self.files.write(conversion.output, conversion.text, replace=kept is not None)
        except BaseException:
            if kept is not None:
                self.files.remove(kept)
            raise
        try:
            yield
        except BaseException:
            self.files.remove(conversion.output)
            if kept is not None:
                self.files.move(kept, conversion.output)
            raise

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

    def _document(self, source: PurePath) -> YamlDocument:
        text = self.files.read(source)
        document = self.yaml.read(text, str(source))
        if self.sqlmesh is not None and "{" in text:
            self.sqlmesh.check_jinja(text, str(source), rendered=document.root is None)
        return document

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

    def free_backup(self, path: PurePath) -> PurePath:
        """A name for a backup that takes no other's place."""
        candidate, number = path.with_name(f"{path.name}.bak"), 0
        while self.files.exists(candidate):
            number += 1
            candidate = path.with_name(f"{path.name}.bak.{number}")
        return candidate


def _origin(source: PurePath, target: PurePath, backup: PurePath, project: str, *, moves: bool) -> Origin:
    if moves:
        kept = f"{source.name}, which is kept as {backup.name}"
        again = f"To make it anew, move {backup.name} back and run `dagctl config generate --force`."
        return Origin(kept, again, project)
    return Origin(source.name, f"To make it anew, run `dagctl config generate -o {target.name} --force`.", project)
