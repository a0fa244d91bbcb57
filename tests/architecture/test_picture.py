"""The picture in docs/explanation/architecture.md against the imports, and the imports against circles."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
EVERYBODYS = {"domain.values", "domain.errors"}
"""What everybody may import: those arrows are left out, but for the last two."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("dagctl", exclude_type_checking_imports=True)


def layers() -> list[str]:
    """The rooms of the import law, from the top floor down."""
    law = re.search(r"^layers = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert law is not None
    floors = re.findall(r'"(.+)"', law[1])
    return [room.strip().removeprefix("dagctl.") for floor in floors for room in floor.split("|")]


def room_of(module: str) -> str | None:
    name = module.removeprefix("dagctl.")
    return next((room for room in layers() if name == room or name.startswith(f"{room}.")), None)


def test_the_picture_shows_the_imports(graph: grimp.ImportGraph) -> None:
    block = re.search(r"```mermaid\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block is not None
    drawn = set(re.findall(r"^ +([\w.]+) --> ([\w.]+)$", block[1], re.MULTILINE))
    pairs = {
        (room_of(module), room_of(imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    real = {(one, other) for one, other in pairs if one is not None and other is not None and one != other}
    shown = {pair for pair in real if pair[1] not in EVERYBODYS}
    assert drawn == shown | {("ports", "domain.values"), ("domain.values", "domain.errors")}


def test_the_tree_is_the_one_in_the_repository() -> None:
    tree = re.search(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert tree is not None
    folders: list[str] = []
    for line in re.finditer(r"^( *)([\w./]+)(?:$|  +\w)", tree[1], re.MULTILINE):
        folders[len(line[1]) // 2 :] = [line[2]]
        path = ROOT.joinpath(*folders)
        assert path.exists() or path.with_suffix(".py").exists(), path


def test_no_arrow_of_the_picture_runs_upwards() -> None:
    floors = layers()
    for one, other in re.findall(r"^ +([\w.]+) --> ([\w.]+)$", PAGE.read_text("utf-8"), re.MULTILINE):
        assert floors.index(one) < floors.index(other), (one, other)


def test_every_module_lives_in_a_room(graph: grimp.ImportGraph) -> None:
    homeless = {module for module in graph.modules if room_of(module) is None}
    assert homeless == {"dagctl", "dagctl.__main__", "dagctl.domain"}


def test_no_two_files_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle
