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

    def check_jinja(self, text: str, name: str, *, rendered: bool) -> None:
        """See to it that `text` is Jinja that SQLMesh can render.

        Args:
            name: the file's name, for messages.
            rendered: what it renders to must be YAML, too.

        Raises:
            ConfigProblem: it is not; the message has the line (and the column) as the parser gives them.
        """

    def compare(self, source: PurePath, python: str) -> Comparison:
        """Compare the YAML file at `source` with the Python text that is to take its place."""

    def cautions(self, folder: PurePath) -> tuple[str, ...]:
        """What in this folder and on this machine gets in the way of a Python configuration, in sentences."""
