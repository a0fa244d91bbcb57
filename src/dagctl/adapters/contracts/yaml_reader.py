"""What a `YamlReader` has to do."""

from __future__ import annotations

from abc import abstractmethod

import pytest

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.errors import ConfigProblem
from dagctl.domain.values.document import Leaf, Live
from dagctl.ports.yaml_reader import YamlReader


class YamlReaderContract(Contract):
    """The suite of a `YamlReader`. Define `make`."""

    @abstractmethod
    def make(self) -> YamlReader:
        """A reader."""

    @pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("yes", "yes"), ("0o17", 15), ("'1'", "1"), ("", None)])
    def test_a_scalar_is_what_yaml_1_2_makes_of_it(self, text: str, value: object) -> None:
        root = self.make().read(f"a: {text}\n", "config.yaml").root
        assert root is not None
        assert root.get("a") == Leaf(value)

    def test_jinja_in_a_scalar_stays_live(self) -> None:
        root = self.make().read("a: \"{{ env_var('A') }}\"\n", "config.yaml").root
        assert root is not None
        assert root.get("a") == Live("{{ env_var('A') }}", '"')

    def test_jinja_around_structure_leaves_only_the_text(self) -> None:
        text = "{% if a %}\nb: 1\n{% endif %}\n"
        document = self.make().read(text, "config.yaml")
        assert (document.root, document.text) == (None, text)

    @pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n", "- 1\n"])
    def test_what_is_no_configuration_is_refused_by_name(self, text: str) -> None:
        with pytest.raises(ConfigProblem, match=r"config\.yaml"):
            self.make().read(text, "config.yaml")
