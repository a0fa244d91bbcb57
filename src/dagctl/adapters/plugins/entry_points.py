"""Entry points, read where installers write them. `importlib.metadata` alone would take `--help` over its budget."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

TYPE_CHECKING = False  # see dagctl/__init__.py

if TYPE_CHECKING:
    from typing import Any

OURS = "dagctl"
"""Our own distribution."""


class EntryPoint:
    """An entry point (https://packaging.python.org/en/latest/specifications/entry-points/).

    Args:
        value: `module`, or `module:object`.
        distribution: the package that brings it, as pip knows it.
    """

    def __init__(self, name: str, value: str, distribution: str, version: str) -> None:
        self.name = name
        self.value = value
        self.distribution = distribution
        self.version = version

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"

    @property
    def owner(self) -> str:
        """The package and its version."""
        return f"{self.distribution} {self.version}".rstrip()

    def load(self) -> Any:
        """Import what it names. Raises whatever that raises."""
        from importlib import import_module

        module, _, path = self.value.partition(":")
        found: Any = import_module(module.strip())
        for name in filter(None, path.strip().split(".")):
            found = getattr(found, name)
        return found


def entry_points(group: str) -> list[EntryPoint]:
    """The entry points of a group: ours first, then by package and name.

    A distribution that is on `sys.path` twice counts once, as for imports: the first one.
    """
    found: dict[str, list[EntryPoint]] = {}
    for entry in sys.path:
        for folder, text in _metadata(entry):
            # NAME-VERSION.dist-info, with "_" for each "-" of the name (specification "Recording installed projects")
            name, _, version = folder.rpartition(".")[0].partition("-")
            distribution = name.replace("_", "-").lower()
            points = [EntryPoint(*line, distribution, version) for line in _lines(text, group)]
            found.setdefault(distribution, points)
    every = [point for points in found.values() for point in points]
    return sorted(every, key=lambda point: (point.distribution != OURS, point.distribution, point.name, point.value))


def _metadata(entry: str) -> Iterator[tuple[str, bytes]]:
    """The metadata folders in an entry of `sys.path` that have entry points, and those."""
    try:
        folders = sorted(name for name in os.listdir(entry or ".") if _is_metadata(name))
    except NotADirectoryError:
        yield from _zipped(entry)
        return
    except OSError:
        return
    for folder in folders:
        try:
            with open(f"{entry or '.'}/{folder}/entry_points.txt", "rb", buffering=0) as file:
                yield folder, file.read()
        except OSError:
            continue  # most have none


def _zipped(entry: str) -> Iterator[tuple[str, bytes]]:
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(entry) as archive:
            for path in archive.namelist():
                folder, _, name = path.partition("/")
                if name == "entry_points.txt" and _is_metadata(folder):
                    yield folder, archive.read(path)
    except (OSError, BadZipFile):
        return


def _is_metadata(folder: str) -> bool:
    return folder.endswith((".dist-info", ".egg-info")) and folder[0] != "~"  # pip's name for what it could not remove


def _lines(text: bytes, group: str) -> Iterator[tuple[str, str]]:
    """The names and values of a group, without extras."""
    if group.encode() not in text:
        return
    section = ""
    for line in map(str.strip, text.decode(errors="replace").splitlines()):
        if line.startswith("["):
            section = line.strip("[]").strip()
        elif section == group and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield name.strip(), value.partition("[")[0].strip()
