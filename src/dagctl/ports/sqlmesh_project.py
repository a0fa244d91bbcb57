"""SQLMesh's own view of a project's configuration."""

from __future__ import annotations

from pathlib import PurePath
from typing import Protocol

from attrs import frozen


@frozen
class Comparison:
    """How two configurations compare once SQLMesh has loaded them.

    Attributes:
        differences: the fields that differ; the gateways' state connections are left out.
        problem: why they could not be compared, in SQLMesh's own words; None where they were.
    """

    differences: tuple[str, ...] = ()
    problem: str | None = None


class SqlmeshProject(Protocol):
    """Loads configurations as SQLMesh does, with nothing asked of the platform."""

    def compare(self, source: PurePath, python: str) -> Comparison:
        """Compare the YAML file at `source` with the Python text that is to take its place."""

    def cautions(self) -> tuple[str, ...]:
        """What on this machine gets in the way of a Python configuration, in sentences for people."""
