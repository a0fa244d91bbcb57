"""What a `SqlmeshProject` has to do."""

from __future__ import annotations

from abc import abstractmethod

import pytest

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.errors import ConfigProblem
from dagctl.ports.sqlmesh_project import Comparison, SqlmeshProject

PYTHON = """
from sqlmesh.core.config import Config, ModelDefaultsConfig
config = Config(model_defaults=ModelDefaultsConfig(dialect={!r}))
"""


class SqlmeshProjectContract(Contract):
    """The suite of a `SqlmeshProject`. Define `make`."""

    @abstractmethod
    def make(self) -> SqlmeshProject:
        """The SQLMesh of this environment, without any variable that changes its configuration."""

    def compared(self, yaml: str, dialect: str = "duckdb") -> Comparison:
        """The comparison of a YAML configuration with a Python one that sets the dialect."""
        source = self.folder / "config.yaml"
        source.write_text(yaml)
        return self.make().compare(source, PYTHON.format(dialect))

    def test_jinja_is_parsed_and_not_rendered(self) -> None:
        self.make().check_jinja("a: {{ 1 / 0 }}", "config.yaml")
        with pytest.raises(ConfigProblem, match=r"config\.yaml.* line 2"):
            self.make().check_jinja("a: 1\nb: {{ c", "config.yaml")

    def test_what_says_the_same_is_equal(self) -> None:
        assert self.compared("model_defaults: {dialect: duckdb}") == Comparison()

    def test_what_says_something_else_differs(self) -> None:
        assert self.compared("model_defaults: {dialect: duckdb}", "postgres").differences

    def test_what_sqlmesh_refuses_is_no_difference(self) -> None:
        found = self.compared("model_defaults: 7")
        assert (found.differences, found.problem) == ((), None)
        assert found.refusal

    def test_nothing_gets_in_the_way_of_an_empty_folder(self) -> None:
        assert self.make().cautions(self.folder) == ()
