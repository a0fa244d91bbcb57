"""Converts a project's configuration safely: it changes no file until the new one is known to be right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import PurePath

from attrs import field, frozen

from dagctl.domain.errors import ConfigProblem, FileExists, FileProblem
from dagctl.domain.generation.additions import Addition, additions_to
from dagctl.domain.generation.emitter import Provenance, module_of
from dagctl.domain.generation.states import KeptState
from dagctl.domain.values.document import Live, YamlDocument, scalars
from dagctl.domain.values.text import quoted
from dagctl.ports.file_system import FileSystem
from dagctl.ports.sqlmesh_project import SqlmeshProject
from dagctl.ports.yaml_reader import YamlReader

YAML_NAMES = ("config.yaml", "config.yml", "sqlmesh.yaml", "sqlmesh.yml")
PYTHON_NAME = "config.py"
_DEPTH = 16
"""How many folders up to look for a configuration, in order to name it in a message."""


@frozen
class Conversion:
    """What a conversion would do.

    Attributes:
        source: the YAML file.
        output: the Python file.
        text: its new text.
        existing: its text now; None if it does not exist.
        backup: the name under which to keep the YAML file.
        moves: move the YAML file there, rather than copy it: SQLMesh allows one configuration per folder.
        states: where the state has been until now; None if Jinja decides that.
        warnings: sentences for people.
    """

    source: PurePath
    output: PurePath
    text: str = field(repr=False)
    existing: str | None = field(repr=False)
    backup: PurePath
    moves: bool
    states: tuple[KeptState, ...] | None = ()
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the Python file would change."""
        return self.text != self.existing

    @property
    def apart(self) -> bool:
        """Whether the gateways kept their states in different databases on purpose, and will now share one."""
        states = self.states or ()
        return any(state.own for state in states) and len({state.where for state in states}) > 1

    def diff(self) -> str:
        """How the Python file would change, as a unified diff."""
        before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (self.existing or "", self.text))
        was = str(self.output) if self.existing is not None else "/dev/null"
        return "".join(unified_diff(before, after, was, str(self.output)))


@frozen
class ConfigGeneration:
    """Converts configurations.

    Attributes:
        sqlmesh: SQLMesh's own view; None if SQLMesh is not installed.
    """

    files: FileSystem
    yaml: YamlReader
    sqlmesh: SqlmeshProject | None = None

    def plan(self, folder: PurePath, *, project: str, output: PurePath | None = None) -> Conversion:
        """What a conversion of the configuration in `folder` would do. Writes nothing.

        Args:
            project: the dagctl project to pin.
            output: the Python file; None for `config.py` in the folder.

        Raises:
            ConfigProblem: there is nothing to convert, or it cannot be converted.
            FileProblem: a file cannot be read.
        """
        source = self._source(folder)
        target = folder / (output or PYTHON_NAME)
        if target.name in YAML_NAMES:
            raise _problem("output", target, f"{target} is the name of a YAML configuration.")
        backup = self.free_backup(source)
        moves = target == folder / PYTHON_NAME
        if moves:
            self.see_that_it_is_found(folder)
        document = self._document(source)
        module = module_of(document, _origin(source, target, backup, project, moves=moves))
        if module.wiring is None:
            self._see_that_jinja_decides(document, source)
        return Conversion(
            source=source,
            output=target,
            text=module.text,
            existing=self.files.read(target) if self.files.exists(target) else None,
            backup=backup,
            moves=moves,
            states=module.wiring.states if module.wiring is not None else None,
            warnings=self.sqlmesh.cautions(folder) if self.sqlmesh else (),
        )

    def additions(self, folder: PurePath, *, project: str) -> tuple[Addition, ...] | None:
        """What the `config.py` in `folder` lacks to keep its state on the platform; None unless it is the only config.

        Raises:
            ConfigProblem: it is not Python.
            FileProblem: it cannot be read.
        """
        names = set(self.files.names(folder))
        if PYTHON_NAME not in names or "dbt_project.yml" in names or names.intersection(YAML_NAMES):
            return None
        path = folder / PYTHON_NAME
        found = additions_to(self.files.read(path), project)
        if found is None:
            raise ConfigProblem(f"{path} is not Python.", path=str(path))
        return found

    def apply(self, conversion: Conversion, *, force: bool = False) -> tuple[str, ...]:
        """Convert: compare, write the new file, put the original away. After any failure the folder is as before.

        Args:
            force: replace an existing Python file, and keep it as a backup too.

        Returns:
            Warnings that came up.

        Raises:
            FileExists: the Python file already exists, and `force` is false.
            ConfigProblem: SQLMesh loads something else from the new file.
            FileProblem: a file cannot be written.
        """
        if conversion.existing is not None and not force:
            raise FileExists(f"{conversion.output} already exists.", path=str(conversion.output))
        warnings = self._verify(conversion)  # loads the text, not the file: nothing has changed yet
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
            self.files.copy(conversion.output, kept)  # a move would leave a moment without a configuration
        try:
            self.files.write(conversion.output, conversion.text, replace=kept is not None)
        except BaseException:
            if kept is not None:
                self.files.remove(kept)
            raise
        try:
            yield
        except BaseException:  # Ctrl-C too
            self.files.remove(conversion.output)
            if kept is not None:
                self.files.move(kept, conversion.output)
            raise

    def _verify(self, conversion: Conversion) -> tuple[str, ...]:
        if self.sqlmesh is None:
            return ("SQLMesh is not installed here, so dagctl could not compare the result with the original.",)
        found = self.sqlmesh.compare(conversion.source, conversion.text)
        source, fields = conversion.source, ", ".join(found.differences)
        if found.refusal is not None:
            raise _problem("refused", source, f"SQLMesh refuses {source}: {found.refusal}. Nothing was changed.")
        if found.differences:
            raise _problem("differs", source, f"{source} would not mean the same in Python: {fields}.")
        return (f"dagctl could not compare the result with {source}: {found.problem}",) if found.problem else ()

    def see_that_it_is_found(self, folder: PurePath) -> None:
        """Make sure that no `config` package hides `config.py`: SQLMesh imports `config`, and so may models.

        Raises:
            ConfigProblem: there is a folder of that name with Python in it.
        """
        package = folder / "config"
        try:
            names = self.files.names(package) if self.files.exists(package) else ()
        except FileProblem:
            return  # it is a file, so not a package
        if any(name.endswith(".py") for name in names):
            both = f"{package} and {folder / PYTHON_NAME} cannot both be imported as `config`"
            raise _problem("shadowed", package, f"{both}.")

    def _see_that_jinja_decides(self, document: YamlDocument, source: PurePath) -> None:
        """Refuse gateways that are invalid and that no Jinja could fix, in SQLMesh's own words if it has any."""
        root = document.root
        gateways = (root.get("gateways") or root.get("gateway")) if root is not None else None
        if root is None or gateways is None:
            return
        if any(isinstance(scalar, Live) for scalar in (*scalars(gateways), *(entry.key for entry in root.entries))):
            return
        plain = "{{" not in document.text and "{%" not in document.text  # a comparison would render Jinja
        found = self.sqlmesh.compare(source, "").refusal if self.sqlmesh is not None and plain else None
        why = found or "its gateways are not a mapping of mappings"
        raise _problem("refused", source, f"SQLMesh refuses {source}: {why}. Nothing was changed.")

    def _document(self, source: PurePath) -> YamlDocument:
        text = self.files.read(source)
        document = self.yaml.read(text, str(source))
        if self.sqlmesh is not None and "{" in text:
            self.sqlmesh.check_jinja(text, str(source))
        return document

    def _source(self, folder: PurePath) -> PurePath:
        dbt, python = folder / "dbt_project.yml", folder / PYTHON_NAME
        if self.files.exists(dbt):
            raise _problem("dbt", dbt, f"{dbt} makes this a dbt project, which needs no conversion.")
        found = [folder / name for name in YAML_NAMES if self.files.exists(folder / name)]
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(path.name for path in found)
            raise _problem("several", folder, f"There are several configurations: {names}.")
        if self.files.exists(python):
            raise _problem("python", python, f"{python} is already Python, and there is no config.yaml to convert.")
        above = self._above(folder)
        if above is not None:
            raise _problem("below", above, f"There is no config.yaml here; the nearest configuration is {above}.")
        raise _problem("absent", folder, "There is no config.yaml here.")

    def _above(self, folder: PurePath) -> PurePath | None:
        """The configuration in the nearest parent folder that has one."""
        folders = (folder.joinpath(*[".."] * depth) for depth in range(1, _DEPTH))
        candidates = (above / name for above in folders for name in (PYTHON_NAME, *YAML_NAMES))
        return next((path for path in candidates if self.files.exists(path)), None)

    def free_backup(self, path: PurePath) -> PurePath:
        """An unused name for a backup."""
        candidate, number = path.with_name(f"{path.name}.bak"), 0
        while self.files.exists(candidate):
            number += 1
            candidate = path.with_name(f"{path.name}.bak.{number}")
        return candidate


def _problem(case: str, path: PurePath, message: str) -> ConfigProblem:
    return ConfigProblem(message, path=str(path), case=case)


def _origin(source: PurePath, target: PurePath, backup: PurePath, project: str, *, moves: bool) -> Provenance:
    if moves:
        kept = f"{source.name}, which is kept as {backup.name}"
        again = f"To regenerate it, move {backup.name} back and run `dagctl config generate --force`."
        return Provenance(kept, again, project)
    return Provenance(
        source.name, f"To regenerate it, run `dagctl config generate -o {quoted(target.name)} --force`.", project
    )
