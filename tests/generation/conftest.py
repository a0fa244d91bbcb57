"""Conversions, loaded both ways by the SQLMesh that is installed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

import pytest

from dagctl.adapters.files.project_files import ProjectFiles
from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.domain.generation import ConfigGeneration

sqlmesh_project = pytest.importorskip("dagctl.adapters.sqlmesh.project", reason="SQLMesh is not installed")

PROFILES = ("as at generation", "others", "none", "awkward")
AWKWARD = (
    "it's",
    'say "hi"',
    "a #b",
    "a: b",
    "{x: 1}",
    "[1, 2",
    "",
    "  ",
    "null",
    "true",
    "017",
    "1e3",
    "c:\\new",
    "-",
)


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """The environment with just these variables beside what a process needs."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update({name: before[name] for name in ("PATH", "HOME", "LANG") if name in before})
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., str]:
    """`convert(yaml, name="config.yaml")` gives the Python text, and leaves the YAML in `tmp_path`."""

    def convert(text: str, name: str = "config.yaml") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        generation = ConfigGeneration(ProjectFiles(), RuamelReader())
        return generation.plan(PurePath(tmp_path), project="shop").text

    return convert


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str, str], tuple[Any, Any]]:
    """`loaded(python, name)` gives the `Config` of the YAML file and of the Python text, or the errors."""
    serial = iter(range(10_000))

    def load(file: str, text: str) -> Any:
        folder = tmp_path / f"loaded{next(serial)}"
        folder.mkdir()
        (folder / file).write_text(text, encoding="utf-8")
        try:
            return sqlmesh_project._loaded(folder)
        except Exception as error:  # noqa: BLE001 - what SQLMesh says is the result
            return error

    def both(python: str, name: str = "config.yaml") -> tuple[Any, Any]:
        yaml = (tmp_path / name).read_text("utf-8")
        return load(name, yaml), load("config.py", python)

    return both
