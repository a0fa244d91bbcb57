"""Nothing is touched until the new file is known to be right, and on any failure the folder is as it was."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

import pytest
from tests.domain.generation.test_equality import DEFAULTS, MINIMAL

from dagctl.adapters.files.project_files import ProjectFiles
from dagctl.adapters.memory.files import MemoryFileSystem
from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.domain.errors import ConfigProblem, FileExists, FileUnusable
from dagctl.domain.generation import ConfigGeneration, Conversion
from dagctl.domain.generation.states import KeptState
from dagctl.ports.sqlmesh_project import Comparison

HERE = PurePath()
OLD = "# written by hand\n"


class Sqlmesh:
    """A `SqlmeshProject` that finds what it is told to find."""

    def __init__(self, found: Comparison | None = None, cautions: Sequence[str] = ()) -> None:
        self.found = found or Comparison()
        self.compared: list[str] = []
        self._cautions = tuple(cautions)

    def check_jinja(self, text: str, name: str) -> None:
        pass

    def compare(self, source: PurePath, python: str) -> Comparison:
        self.compared.append(python)
        return self.found

    def cautions(self, folder: PurePath) -> tuple[str, ...]:
        return self._cautions


class Failing(MemoryFileSystem):
    """Files on a machine that fails at one operation."""

    def __init__(self, files: dict[str, str], verb: str, name: str) -> None:
        super().__init__(files)
        self._broken = (verb, name)

    def write(self, path: PurePath, text: str, *, replace: bool = False) -> None:
        self._fail("write", path)
        super().write(path, text, replace=replace)

    def move(self, source: PurePath, target: PurePath) -> None:
        self._fail("move", source)
        super().move(source, target)

    def copy(self, source: PurePath, target: PurePath) -> None:
        self._fail("copy", source)
        super().copy(source, target)

    def _fail(self, verb: str, path: PurePath) -> None:
        if (verb, path.name) == self._broken:
            raise FileUnusable(f"{path} cannot be touched: the disk is full.")


def content(files: MemoryFileSystem) -> dict[str, str]:
    return {name: files.read(PurePath(name)) for name in files.names(HERE)}


def convert(
    files: MemoryFileSystem, sqlmesh: Sqlmesh | None = None, *, force: bool = False, output: str | None = None
) -> Conversion:
    generation = ConfigGeneration(files, RuamelReader(), sqlmesh)
    conversion = generation.plan(HERE, project="shop", output=PurePath(output) if output else None)
    generation.apply(conversion, force=force)
    return conversion


def test_the_original_is_moved_away() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL, "other.txt": "x"})
    done = convert(files, Sqlmesh())
    assert content(files) == {"config.py": done.text, "config.yaml.bak": MINIMAL, "other.txt": "x"}
    assert files.mode(PurePath("config.py")) == 0o600
    assert done.moves


def test_earlier_backups_stay() -> None:
    old = {"config.yaml.bak": "1", "config.yaml.bak.1": "2", "config.yaml": MINIMAL}
    files = MemoryFileSystem(old)
    done = convert(files)
    assert content(files) == {
        "config.yaml.bak": "1",
        "config.yaml.bak.1": "2",
        "config.yaml.bak.2": MINIMAL,
        "config.py": done.text,
    }
    assert "config.yaml.bak.2" in done.text


def test_planning_writes_nothing() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL})
    conversion = ConfigGeneration(files, RuamelReader(), Sqlmesh()).plan(HERE, project="shop")
    assert content(files) == {"config.yaml": MINIMAL}
    assert conversion.changes
    assert conversion.diff().startswith("--- /dev/null\n+++ config.py\n")


def test_an_existing_file_is_refused_and_nothing_touched() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL, "config.py": OLD})
    with pytest.raises(FileExists, match=r"config\.py") as caught:
        convert(files, Sqlmesh())
    assert caught.value.path == "config.py"
    assert content(files) == {"config.yaml": MINIMAL, "config.py": OLD}


def test_force_replaces_it_and_keeps_it() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL, "config.py": OLD})
    done = convert(files, Sqlmesh(), force=True)
    assert content(files) == {"config.yaml.bak": MINIMAL, "config.py": done.text, "config.py.bak": OLD}


def test_force_without_a_change_makes_no_backup_of_the_same() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL})
    first = convert(files)
    files.move(PurePath("config.yaml.bak"), PurePath("config.yaml"))
    again = convert(files, force=True)
    assert not again.changes
    assert content(files) == {"config.yaml.bak": MINIMAL, "config.py": first.text}


def test_another_output_leaves_the_original_in_place() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL})
    done = convert(files, output="other.py")
    assert content(files) == {"config.yaml": MINIMAL, "config.yaml.bak": MINIMAL, "other.py": done.text}
    assert not done.moves
    assert "-o other.py --force" in done.text


def test_another_output_is_the_same_the_next_time() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL})
    convert(files, output="other.py")
    again = ConfigGeneration(files, RuamelReader()).plan(HERE, project="shop", output=PurePath("other.py"))
    assert not again.changes


@pytest.mark.parametrize(("verb", "name"), [("write", "config.py"), ("move", "config.yaml"), ("copy", "config.py")])
@pytest.mark.parametrize("existing", [None, OLD])
def test_after_a_failure_everything_is_as_it_was(verb: str, name: str, existing: str | None) -> None:
    before = {"config.yaml": MINIMAL, **({"config.py": existing} if existing else {})}
    if verb == "copy" and existing is None:
        before["config.py"] = OLD
    files = Failing(before, verb, name)
    with pytest.raises(FileUnusable, match="disk is full"):
        convert(files, Sqlmesh(), force=True)
    assert content(files) == before


def test_after_a_failed_copy_of_the_original_too() -> None:
    files = Failing({"config.yaml": MINIMAL}, "copy", "config.yaml")
    with pytest.raises(FileUnusable):
        convert(files, output="other.py")
    assert content(files) == {"config.yaml": MINIMAL}


def test_a_file_that_somebody_else_makes_meanwhile_is_theirs() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL})
    generation = ConfigGeneration(files, RuamelReader())
    conversion = generation.plan(HERE, project="shop")
    files.put(PurePath("config.py"), OLD)
    with pytest.raises(FileExists):
        generation.apply(conversion)
    assert content(files) == {"config.yaml": MINIMAL, "config.py": OLD}


def test_what_sqlmesh_loads_differently_is_not_written() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL})
    with pytest.raises(ConfigProblem, match="gateways, variables"):
        convert(files, Sqlmesh(Comparison(differences=("gateways", "variables"))))
    assert content(files) == {"config.yaml": MINIMAL}


def test_it_is_compared_before_anything_is_written() -> None:
    sqlmesh = Sqlmesh()
    done = convert(MemoryFileSystem({"config.yaml": MINIMAL}), sqlmesh)
    assert sqlmesh.compared == [done.text]


@pytest.mark.parametrize(
    ("sqlmesh", "told"),
    [
        (None, "SQLMesh is not installed"),
        (Sqlmesh(Comparison(problem="SQLMesh does not load it: no engine.")), "no engine"),
    ],
)
def test_what_could_not_be_compared_is_said(sqlmesh: Sqlmesh | None, told: str) -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL})
    generation = ConfigGeneration(files, RuamelReader(), sqlmesh)
    (warning,) = generation.apply(generation.plan(HERE, project="shop"))
    assert told in warning
    assert files.exists(PurePath("config.py"))


def gateway(name: str, connection: str, state: str | None) -> str:
    told = f"\n    state_connection: {state}" if state else ""
    return f"  {name}:\n    connection: {connection}{told}\n"


A, B = "{type: duckdb, database: a.db}", "{type: duckdb, database: b.db}"


@pytest.mark.parametrize(
    ("gateways", "states", "apart"),
    [
        (gateway("x", A, None), [(("x",), "duckdb 'a.db'", False)], False),
        (
            gateway("x", A, None) + gateway("y", B, None),
            [(("x",), "duckdb 'a.db'", False), (("y",), "duckdb 'b.db'", False)],
            False,
        ),
        (gateway("x", A, B), [(("x",), "duckdb 'b.db'", True)], False),
        (gateway("x", A, B) + gateway("y", B, f"{B}  # the same"), [(("x", "y"), "duckdb 'b.db'", True)], False),
        (
            gateway("x", A, A) + gateway("y", B, B),
            [(("x",), "duckdb 'a.db'", True), (("y",), "duckdb 'b.db'", True)],
            True,
        ),
        (
            gateway("x", A, B) + gateway("y", A, None),
            [(("x",), "duckdb 'b.db'", True), (("y",), "duckdb 'a.db'", False)],
            True,
        ),
        (gateway("x", A, "null"), [(("x",), "duckdb 'a.db'", False)], False),
        (gateway("x", "{type: duckdb}", None), [], False),
        (gateway("x", "{type: duckdb, database: ':memory:'}", None), [], False),
        (gateway("x", "{type: duckdb, catalogs: {a: a.db}}", None), [(("x",), "duckdb 'a'", False)], False),
        (
            gateway("x", "{type: duckdb}", "{type: postgres, host: h, user: u, password: hush, database: d}"),
            [(("x",), "postgres 'd' at h", True)],
            False,
        ),
        (
            gateway("x", "{type: postgres, host: '{{ env_var(\"H\") }}', password: hush}", None),
            [(("x",), 'postgres at {{ env_var("H") }}', False)],
            False,
        ),
        (
            gateway("x", "{type: snowflake, account: acc, database: db, password: hush}", None),
            [(("x",), "snowflake 'db' at acc", False)],
            False,
        ),
        (gateway("x", "{type: bigquery, project: p}", None), [(("x",), "bigquery 'p'", False)], False),
        ("  connection: {type: duckdb, database: a.db}\n", [(("",), "duckdb 'a.db'", False)], False),
        ("  {% for n in 'ab' %}\n  {{ n }}:\n    state_connection: {type: duckdb}\n  {% endfor %}\n", None, False),
    ],
)
def test_where_the_state_has_been_is_known(
    gateways: str, states: list[tuple[tuple[str, ...], str, bool]] | None, apart: bool
) -> None:
    files = MemoryFileSystem({"config.yaml": f"gateways:\n{gateways}{DEFAULTS}"})
    found = ConfigGeneration(files, RuamelReader()).plan(HERE, project="shop")
    assert found.states == (None if states is None else tuple(KeptState(*state) for state in states))
    assert found.apart is apart


def test_cautions_are_passed_on() -> None:
    files = MemoryFileSystem({"config.yaml": MINIMAL})
    generation = ConfigGeneration(files, RuamelReader(), Sqlmesh(cautions=["Mind the gap."]))
    assert generation.plan(HERE, project="shop").warnings == ("Mind the gap.",)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(MINIMAL)
    os.chmod(tmp_path / "config.yaml", 0o640)
    return tmp_path


def test_on_a_disk(project: Path, run_apply: Callable[[], Conversion]) -> None:
    done = run_apply()
    assert sorted(os.listdir(project)) == ["config.py", "config.yaml.bak"]
    assert stat.S_IMODE((project / "config.py").stat().st_mode) == 0o600
    assert stat.S_IMODE((project / "config.yaml.bak").stat().st_mode) == 0o640
    assert (project / "config.py").read_text() == done.text


def test_a_folder_that_is_not_there(project: Path) -> None:
    generation = ConfigGeneration(ProjectFiles(), RuamelReader())
    with pytest.raises(FileUnusable, match="nowhere"):
        generation.apply(generation.plan(HERE, project="shop", output=PurePath("nowhere/config.py")))
    assert os.listdir(project) == ["config.yaml"]


@pytest.fixture
def run_apply() -> Callable[[], Conversion]:
    def run() -> Conversion:
        from dagctl.adapters.sqlmesh.project import InstalledSqlmesh

        generation = ConfigGeneration(ProjectFiles(), RuamelReader(), InstalledSqlmesh())
        conversion = generation.plan(HERE, project="shop")
        assert generation.apply(conversion) == ()
        return conversion

    return run
