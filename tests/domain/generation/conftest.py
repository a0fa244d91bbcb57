"""Conversions, loaded both ways by the SQLMesh that is installed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from itertools import count
from pathlib import Path, PurePath
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from dagctl.adapters.files.project_files import ProjectFiles
from dagctl.adapters.yaml.documents import RuamelReader
from dagctl.domain.generation import ConfigGeneration

if TYPE_CHECKING:
    from sqlmesh.core.config import Config

sqlmesh_project = pytest.importorskip("dagctl.adapters.sqlmesh.project", reason="SQLMesh is not installed")

NEEDS_A_NEW_SQLMESH = {"doc_034_connections", "jinja-base64", "settings-default_test_connection"}
"""A test connection with a plain type, and Jinja's filters for base64: 0.218 refuses both."""


def skip_if_sqlmesh_is_too_old(name: str) -> None:
    """Skip a configuration that only new releases of SQLMesh load."""
    release = tuple(map(int, version("sqlmesh").split(".")[:2]))
    if name in NEEDS_A_NEW_SQLMESH and release < (0, 236):
        pytest.skip(f"SQLMesh {version('sqlmesh')} does not load this configuration")


ENGINES = (
    "clickhouse_connect",
    "databricks",
    "google.cloud.bigquery",
    "ibm_db",
    "pyathena",
    "pymssql",
    "pymysql",
    "pyspark",
    "redshift_connector",
    "snowflake.connector.network",
    "trino",
)
"""Libraries that SQLMesh wants to see before it takes a connection; what they do is no part of these tests."""

SNOWFLAKE = {
    "DEFAULT_AUTHENTICATOR": "snowflake",
    "KEY_PAIR_AUTHENTICATOR": "snowflake_jwt",
    "OAUTH_AUTHENTICATOR": "oauth",
}

AWKWARD = (
    "it's",
    'say "hi"',
    "a #b",
    "#b",
    "a: b",
    "{x: 1}",
    '{"x": [1, {"y": null}]}',
    "[1, 2",
    "[a, b]",
    "",
    "  ",
    "null",
    "~",
    "true",
    "yes",
    "017",
    "0o17",
    "1e3",
    "1_000",
    ".inf",
    "12:30:45",
    "2024-01-02",
    "c:\\new",
    "\\",
    "-",
    "- a",
    "*a",
    "&a b",
    "!x",
    "%",
    "@a",
    "`a`",
    "|",
    ">",
    "?",
    "{{ env_var('HOME') }}",
    "{% if %}",
    "naïve ✓ 日本",
    "line\n  more",
    "tab\there",
)
ORDINARY = ("value_1", "5001", '{"key": "value"}')
"""Text, a number, JSON: whatever variables usually hold."""


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """The environment with just these variables beside what a process needs."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(
        {name: before[name] for name in ("PATH", "HOME", "LANG", "PYTEST_CURRENT_TEST") if name in before}
    )
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def environments(text: str) -> list[dict[str, str]]:
    """The sets of variables to load a configuration under: ordinary ones, none, awkward ones."""
    names = sorted(set(re.findall(r"env_var\(\s*\\?['\"](\w+)\\?['\"]", text)))
    several = {name: ORDINARY[number % len(ORDINARY)] for number, name in enumerate(names)}
    each = [dict.fromkeys(names, value) for value in (*ORDINARY, *AWKWARD)]
    one_at_a_time = [{name: value} for name in names for value in AWKWARD] if 1 < len(names) < 6 else []
    return [several, {}, *each, *one_at_a_time] if names else [{}]


@pytest.fixture(autouse=True)
def _engines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENGINES:
        module = ModuleType(name)
        vars(module).update(SNOWFLAKE)
        if name not in sys.modules:
            monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., str]:
    """`convert(yaml, name="config.yaml")` gives the Python text, and leaves the YAML in `tmp_path`."""

    def convert(text: str, name: str = "config.yaml") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        generation = ConfigGeneration(ProjectFiles(), RuamelReader())
        return generation.plan(PurePath(tmp_path), project="shop").text

    return convert


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str, str], Config | Exception]:
    """`load(name, text)` gives the `Config` that SQLMesh loads from a file of that name, or its refusal."""
    serial = count()

    def load(name: str, text: str) -> Config | Exception:
        folder = tmp_path / f"loaded{next(serial)}"
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
        try:
            config: Config = sqlmesh_project.loaded(folder)
        except Exception as error:  # noqa: BLE001 - what SQLMesh says is the result
            return error
        return config

    return load


@pytest.fixture
def compare(load: Callable[[str, str], Config | Exception]) -> Callable[..., int]:
    """`compare(yaml, python, environments, name="config.yaml")` asserts equality wherever SQLMesh loads the YAML.

    Returns how many times it did.
    """

    def compare(
        yaml: str, python: str, environments: Iterable[Mapping[str, str]] = ({},), name: str = "config.yaml"
    ) -> int:
        compared = 0
        for environment in environments:
            with variables(environment):
                original, converted = load(name, yaml), load("config.py", python)
            if not isinstance(original, Exception):
                assert not isinstance(converted, Exception), f"{environment}: {converted}\n{python}"
                assert sqlmesh_project.differences(original, converted) == (), f"{environment}\n{python}"
                compared += 1
        return compared

    return compare
