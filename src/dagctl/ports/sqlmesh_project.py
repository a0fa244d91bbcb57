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
        refusal: why SQLMesh does not load the original, in its own words and without a full stop; None where it does.
        problem: why they could not be compared here and now, in a sentence: a driver or a variable is missing.
    """

    differences: tuple[str, ...] = ()
    refusal: str | None = None
    problem: str | None = None


class SqlmeshProject(Protocol):
    """Loads configurations as SQLMesh does, with nothing asked of the platform."""

    def check_jinja(self, text: str, name: str) -> None:
        """See to it that `text` is Jinja. It is parsed and not rendered: looking at a repository runs nothing of it.

        Args:
            name: the file's name, for messages.

        Raises:
            ConfigProblem: it is not; the message has the line as the parser gives it.
        """

    def compare(self, source: PurePath, python: str) -> Comparison:
        """Compare the YAML file at `source` with the Python text that is to take its place. Renders its Jinja."""

    def cautions(self, folder: PurePath) -> tuple[str, ...]:
        """What in this folder and on this machine gets in the way of a Python configuration, in sentences."""
