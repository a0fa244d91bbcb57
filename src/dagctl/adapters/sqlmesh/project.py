"""SQLMesh's own view of a project's configuration: loads original and conversion, and compares them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from dagctl.adapters.environment.heeded import dotenv
from dagctl.adapters.environment.variables import Variables
from dagctl.adapters.files.foreign import foreign_text
from dagctl.adapters.sqlmesh.rehearsal import rehearsal
from dagctl.domain.errors import ConfigProblem, FileProblem
from dagctl.domain.values.text import printable
from dagctl.ports.sqlmesh_project import Comparison, SqlmeshProject

LAID_OVER = frozenset({"gateways", "gateway", "variables", "users", "ignore_patterns", "before_all", "after_all"})
"""Settings of a personal configuration that SQLMesh merges differently into a Python project than into a YAML one."""


class InstalledSqlmesh(SqlmeshProject):
    """The `SqlmeshProject` of the installed SQLMesh."""

    def check_jinja(self, text: str, name: str) -> None:
        from jinja2 import TemplateSyntaxError
        from sqlmesh.utils.jinja import ENVIRONMENT

        try:
            ENVIRONMENT.parse(text)
        except RecursionError:
            raise ConfigProblem(f"The Jinja of {name} is nested too deeply.", path=name) from None
        except TemplateSyntaxError as error:
            told = f"{name} is not valid Jinja at line {error.lineno}: {printable(error.message or '')}"
            raise ConfigProblem(told, path=name) from None

    def compare(self, source: PurePath, python: str) -> Comparison:
        from dagctl.adapters.sqlmesh.connection import require_driver

        with TemporaryDirectory(prefix="dagctl-") as name, _environment_kept():
            before, after = (_folder(Path(name, kind), Path(source)) for kind in ("yaml", "python"))
            shutil.copyfile(source, before / Path(source).name)
            (after / "config.py").write_text(python, encoding="utf-8")
            try:
                original = loaded(before)
            except Exception as error:  # noqa: BLE001 - whatever SQLMesh raises about the original
                return _not_loaded(error, Path(source))
            require_driver()
            try:
                converted = loaded(after)
            except Exception as error:  # noqa: BLE001 - whatever SQLMesh raises about the result
                return Comparison((f"SQLMesh does not load the result ({reason(error)})",))
            return Comparison(differences(original, converted))

    def cautions(self, folder: PurePath) -> tuple[str, ...]:
        elsewhere = (*_two_drivers(), *_laid_over())
        variables = set(os.environ)
        with suppress(FileProblem):  # SQLMesh will report it itself
            variables |= dotenv([Path(folder)]).keys()
        states = sorted(filter(_STATE.match, variables))
        if not states:
            return elsewhere
        ignored = (
            f"dagctl now provides the state connection, and the project ignores {', '.join(states)}. Remove "
            f"{'them' if len(states) > 1 else 'it'} from the environment and from .env."
        )
        return (ignored, *elsewhere)


def _not_loaded(error: Exception, source: Path) -> Comparison:
    """The result if SQLMesh does not load the original: on this machine, or at all."""
    words, behind = reason(error), [error]
    while (cause := behind[-1].__cause__ or behind[-1].__context__) is not None and isinstance(cause, Exception):
        behind.append(cause)
    if any(isinstance(cause, (ImportError, OSError)) for cause in behind):  # a driver, or a key file
        return Comparison(problem=f"SQLMesh does not load it on this machine: {words}.")
    if hasattr(error, "problem_mark"):
        return Comparison(refusal=words)
    unset = sorted(name for name in set(_VARIABLE.findall(source.read_text("utf-8"))) if name not in os.environ)
    if unset:
        told = f"SQLMesh does not load it while {', '.join(unset)} {'are' if len(unset) > 1 else 'is'} not set"
        return Comparison(problem=f"{told}: {words}.")
    return Comparison(refusal=words)


_VARIABLE = re.compile(r"env_var\(\s*['\"](\w+)['\"]\s*\)")
_STATE = re.compile(r"SQLMESH__GATEWAYS?(__.*)?__STATE_CONNECTION__", re.IGNORECASE | re.DOTALL)
_ADVICE = re.compile(r"\s*Verify your \S+ and environment variables\.\s*$")


def loaded(folder: Path) -> Any:
    """The project's configuration as SQLMesh loads it, without a personal one and without any request.

    It renders Jinja in Jinja's sandbox: converting a repository must not run its code. It drops what SQLMesh prints.
    Like SQLMesh's own loading, which changes the environment and `sys.path`, it is not thread-safe.
    """
    from sqlmesh.core.config import Config
    from sqlmesh.core.config.loader import load_configs

    known = sys.modules.get("config")
    with rehearsal(), _sandbox(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            return load_configs("config", Config, folder, sqlmesh_path=folder / "nobody")[folder]
        finally:
            # SQLMesh imports each config.py as the module `config`, and leaves the last one there
            sys.modules.pop("config", None)
            if known is not None:
                sys.modules["config"] = known


@contextmanager
def _sandbox() -> Iterator[None]:
    """Give SQLMesh a sandboxed Jinja with the same extensions and filters."""
    from jinja2.sandbox import SandboxedEnvironment
    from sqlmesh.utils import yaml

    theirs = vars(yaml)  # `load` looks its environment up here at each call
    known = theirs["ENVIRONMENT"]
    theirs["ENVIRONMENT"] = SandboxedEnvironment(extensions=list(known.extensions))
    theirs["ENVIRONMENT"].filters.update(known.filters)
    try:
        yield
    finally:
        theirs["ENVIRONMENT"] = known


def differences(original: Any, converted: Any) -> tuple[str, ...]:
    """The fields in which two SQLMesh configurations differ, apart from the gateways' state connections."""
    before, after = ({**vars(each), "gateways": _without_state(each.gateways)} for each in (original, converted))
    return tuple(sorted(name for name in type(original).model_fields if not same(before[name], after[name])))


def same(one: Any, other: Any, known: set[tuple[int, int]] | None = None) -> bool:
    """Whether two values are equal and of the same types: here 1 is neither True nor 1.0, and NaN equals NaN.

    Args:
        known: the pairs seen already, by identity, so that each repeated alias is compared once.
    """
    known = set() if known is None else known
    if isinstance(one, (Mapping, list)):  # not tuples: a temporary one's identity may be reused
        if (id(one), id(other)) in known:
            return True
        known.add((id(one), id(other)))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        pairs = zip(sorted(one.items(), key=_order), sorted(other.items(), key=_order), strict=False)
        return len(one) == len(other) and all(same(before, after, known) for before, after in pairs)
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(same(*pair, known) for pair in zip(one, other, strict=True))
    if hasattr(one, "model_fields_set"):
        return same(vars(one), vars(other), known)
    return bool(one == other) or (one != one and other != other)


def _order(item: tuple[Any, Any]) -> tuple[str, str]:
    return type(item[0]).__name__, repr(item[0])


def reason(error: Exception) -> str:
    """The error's own words. For a YAML error only the problem and its place, since the rest quotes the file."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return printable(_ADVICE.sub("", str(error))).rstrip(".") or type(error).__name__
    told = printable(str(getattr(error, "problem", "")))
    return f"not valid YAML once its Jinja is rendered: {told} at line {mark.line + 1}, column {mark.column + 1}"


def _without_state(gateways: Any) -> Any:
    if not isinstance(gateways, dict):
        return gateways
    return [(name, gateway.copy(update={"state_connection": None})) for name, gateway in gateways.items()]


def _folder(folder: Path, source: Path) -> Path:
    """A new folder with a copy of the project's `.env`."""
    folder.mkdir()
    with suppress(FileProblem):  # there is none, or SQLMesh will report itself why it cannot read it
        (folder / ".env").write_text(foreign_text(source.parent / ".env", anywhere=True), encoding="utf-8")
    return folder


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Restore the environment, into which SQLMesh loads a project's `.env` for good."""
    before = Variables(dict(os.environ))  # not a plain dict: a traceback would show every value
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _two_drivers() -> tuple[str, ...]:
    """pip cannot tell that psycopg2 and psycopg2-binary are one module in one folder, and installs both."""
    from importlib.metadata import PackageNotFoundError, distribution

    names = "psycopg2 psycopg2-binary"
    try:
        for name in names.split():
            distribution(name)
    except PackageNotFoundError:
        return ()
    return (
        "psycopg2 and psycopg2-binary are both installed, and each overwrites the other's files. Keep one: "
        f"pip uninstall {names} && pip install psycopg2-binary",
    )


def _laid_over() -> tuple[str, ...]:
    from dagctl.adapters.sqlmesh.personal import personal_file, personal_keys

    try:
        keys = LAID_OVER.intersection(personal_keys())
    except Exception:  # noqa: BLE001 - SQLMesh will report it itself
        return ()
    if not keys:
        return ()
    return (
        f"{personal_file()} sets {', '.join(sorted(keys))}. SQLMesh merges a personal configuration differently into "
        "a Python project than into a YAML one: gateways must be complete, variables replace all others, and lists "
        "grow. Check what `sqlmesh info` says.",
    )
