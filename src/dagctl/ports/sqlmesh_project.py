"""SQLMesh's own view of a project's configuration."""

from __future__ import annotations

from pathlib import PurePath
from typing import Protocol

from attrs import frozen


@frozen
class Comparison:
    """How two configurations compare once SQLMesh has loaded them.

    Attributes:
        differences: the fields that differ, except the gateways' state connections.
        refusal: why SQLMesh does not load the original, in its own words and without a full stop; None if it does.
        problem: why the two could not be compared, in a sentence: a driver or a variable is missing.
    """

    differences: tuple[str, ...] = ()
    refusal: str | None = None
    problem: str | None = None


class SqlmeshProject(Protocol):
    """Loads configurations as SQLMesh does, without asking the platform anything."""

    def check_jinja(self, text: str, name: str) -> None:
        """Check that `text` is valid Jinja. Parses it and does not render it, so none of the repository's code runs.

        Args:
            name: the file's name, for messages.

        Raises:
            ConfigProblem: it is not; the message has the parser's line number.
        """

    def compare(self, source: PurePath, python: str) -> Comparison:
        """Compare the YAML file at `source` with the Python text that will replace it. Renders its Jinja.

        Raises:
            MissingExtra: the text needs a package that is not installed.
        """

    def cautions(self, folder: PurePath) -> tuple[str, ...]:
        """What gets in the way of a Python configuration, in this folder and on this machine, in sentences."""
