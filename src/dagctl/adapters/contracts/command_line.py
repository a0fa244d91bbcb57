"""What a `CommandLine` has to do."""

from __future__ import annotations

from abc import abstractmethod

import pytest

from dagctl.adapters.contracts.base import Contract
from dagctl.domain.values.targets import PRODUCTION
from dagctl.ports.command_line import CommandLine


class CommandLineContract(Contract):
    """The suite of a `CommandLine`. Define `make`."""

    @abstractmethod
    def make(self, *environments: str | None) -> CommandLine:
        """A process that is about to change `environments`: "" means the default, None one that it chooses later."""

    def test_an_environment_has_the_name_that_sqlmesh_stores(self) -> None:
        found = self.make("Dev-Me").targets()
        assert (found.environments, found.everything, found.later) == (("dev_me",), False, False)
        assert found.reason

    @pytest.mark.parametrize(("default", "asked"), [(None, PRODUCTION), ("Staging", "staging")])
    def test_a_command_that_names_none_is_asked_about_the_default(self, default: str | None, asked: str) -> None:
        found = self.make("").targets(default)
        assert (found.environments, found.default) == ((asked,), asked)

    def test_a_command_that_changes_none_is_asked_about_none(self) -> None:
        found = self.make().targets("staging")
        assert (found.environments, found.everything, found.later) == ((), False, False)

    @pytest.mark.parametrize(("default", "asked"), [(None, ()), ("staging", ("staging",))])
    def test_a_program_chooses_later(self, default: str | None, asked: tuple[str, ...]) -> None:
        found = self.make(None).targets(default)
        assert (found.environments, found.later) == (asked, True)
