"""The reference of the Python interface is complete, and is what the code says."""

from __future__ import annotations

import ast
import builtins
import collections.abc
import contextlib
import datetime
import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator

import pytest
from tests.documentation.reference import DOCS, INTERNAL, PAGES, Thing, _markdown, all_names, page, public

from dagctl import _sdk, ports
from dagctl.domain import errors

MODULES = [name for names in PAGES.values() for name in names]
STANDARD = {
    *vars(builtins),
    *typing.__all__,
    *collections.abc.__all__,
    *contextlib.__all__,
    *vars(datetime),
    "Path",
    "PurePath",
    "T",
    "Unpack",  # in typing from Python 3.11
    "Config",  # SQLMesh's own
    "Replaced",  # the keywords of `dagctl.connect`
    "Trouble",  # the introduction to `dagctl.testing` says what it may be
}


def everything() -> Iterator[Thing]:
    for name in MODULES:
        for thing in public(importlib.import_module(name)):
            yield thing
            yield from thing.members


EVERYTHING = list(everything())
SHORT = {f"dagctl.{name}" for name in errors.__all__}
"""Errors that have a second, shorter name."""


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == page(name), "run: make docs"


@pytest.mark.parametrize("thing", EVERYTHING, ids=lambda thing: thing.path)
def test_everything_public_stands_there_and_says_what_it_is(thing: Thing) -> None:
    if thing.path == "dagctl.__version__":
        return
    path = thing.path if thing.path not in SHORT else f"dagctl.errors.{thing.path.rpartition('.')[2]}"
    written = "\n".join((DOCS / name).read_text("utf-8") for name in PAGES)
    assert f"# {path}\n" in written
    assert thing.doc, f"{thing.path} has no docstring"
    assert thing.code in written


def test_every_type_in_a_public_signature_is_public() -> None:
    unknown = {
        (thing.path, name)
        for thing in EVERYTHING
        for name in thing.names
        if name not in STANDARD and name not in all_names() and not name.startswith("_")
    }
    assert unknown == set()


def test_what_is_internal_is_not_public_too() -> None:
    assert not INTERNAL & all_names()


def test_every_error_is_there() -> None:
    tree = {name for name, found in inspect.getmembers(errors, inspect.isclass) if found.__module__ == errors.__name__}
    assert set(errors.__all__) == tree
    assert set(importlib.import_module("dagctl.errors").__all__) == tree


def test_every_service_is_there() -> None:
    """Each member of the client that gives a service gives a public one."""
    client = next(thing for thing in EVERYTHING if thing.path == "dagctl.Dagctl")
    named = {member.path.partition(".")[2] for member in client.members} | set(client.fields)
    made = {name for name in vars(_sdk.Dagctl) if not name.startswith("_")} | {"clock", "context", "session"}
    assert named == made


def test_every_port_is_there() -> None:
    there = {
        name
        for module in pkgutil.iter_modules(ports.__path__, "dagctl.ports.")
        for name, kind in vars(importlib.import_module(module.name)).items()
        if inspect.isclass(kind) and kind.__module__ == module.name
    }
    assert there | {"Query"} == set(ports.__all__)


@pytest.mark.parametrize("name", [*MODULES, "dagctl.ports"])
def test_a_module_lists_what_it_has(name: str) -> None:
    module = importlib.import_module(name)
    assert set(module.__all__) <= set(dir(module))
    assert all(hasattr(module, each) for each in module.__all__)
    assert not hasattr(module, "nonsense")


@pytest.mark.parametrize("name", MODULES)
def test_the_programs_in_an_introduction_keep_their_indentation(name: str) -> None:
    doc = inspect.cleandoc(importlib.import_module(name).__doc__ or "")
    for program in _markdown(doc).split("```python\n")[1:]:
        ast.parse(program.partition("```")[0])
