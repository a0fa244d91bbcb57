"""What a `Machine` has to do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from dagctl.adapters.contracts.base import Contract
from dagctl.ports.machine import Machine, VariableSeen


class MachineContract(Contract):
    """The suite of a `Machine`. Define `make`."""

    @abstractmethod
    def make(self, files: Mapping[str, int], variables: Mapping[str, str]) -> Machine:
        """A machine with `variables` set, whose home holds `files`, by name and mode; without files it has no home."""

    def test_a_home_that_is_not_there_holds_nothing(self) -> None:
        machine = self.make({}, {})
        assert machine.files() == ()
        assert machine.home()

    def test_the_home_comes_first_and_each_file_below_it(self) -> None:
        machine = self.make({"auth.json": 0o600, "config.yaml": 0o600}, {})
        home, *files = machine.files()
        assert (home.path, home.folder) == (machine.home(), True)
        assert {file.path for file in files} == {f"{home.path}/auth.json", f"{home.path}/config.yaml"}

    def test_tokens_are_secret_and_what_others_can_read_is_exposed(self) -> None:
        files = self.make({"auth.json": 0o640, "config.yaml": 0o600}, {}).files()[1:]
        found = {file.path.rpartition("/")[2]: (file.secret, file.exposed) for file in files}
        assert found == {"auth.json": (True, True), "config.yaml": (False, False)}

    def test_variables_are_named_in_order_where_they_are_set(self) -> None:
        machine = self.make({}, {"SSL_CERT_FILE": "/ca.pem", "DAGCTL_PROJECT": "shop", "DAGCTL_ORG": ""})
        assert machine.variables() == (VariableSeen("DAGCTL_PROJECT"), VariableSeen("SSL_CERT_FILE"))
