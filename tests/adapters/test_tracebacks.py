"""No token among the variables in the traceback of what goes wrong with files, keyrings and state databases."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from attrs import frozen
from keyring.backend import KeyringBackend
from tests.e2e.refusals.material import Material
from tests.tracebacks import variables_of

from dagctl import connect, get_fresh_token
from dagctl.adapters.environment.tokens import EnvironmentTokenStore
from dagctl.adapters.files.credentials import FileCredentialStore
from dagctl.adapters.files.tokens import FileTokenStore
from dagctl.adapters.keyring.store import KeyringTokenStore
from dagctl.adapters.postgres.probe import PostgresProbe
from dagctl.domain.errors import DagctlError
from dagctl.domain.values.state import StateCredentials, StateEndpoint
from dagctl.domain.values.tokens import TokenSet


@frozen
class Machine:
    """A home, and the secrets of whoever has it."""

    home: Path
    material: Material

    def tokens(self) -> TokenSet:
        """Tokens that nobody knows yet."""
        new = self.material.new
        return TokenSet(new("access token"), new("ID token"), new("refresh token"))

    def kept(self) -> str:
        """`auth.json` as it should be."""
        names = ("access_token", "id_token", "refresh_token")
        return json.dumps({name: self.material.new(name) for name in names})

    def credentials(self, port: int = 5432) -> StateCredentials:
        """What leads to a state database."""
        return StateCredentials(StateEndpoint("127.0.0.1", port, "acme", "ada"), self.material.new("password"))


def loaded(change: Callable[[str], str]) -> Callable[[Machine], TokenSet | None]:
    """Load an `auth.json` that is not as it should be."""

    def load(machine: Machine) -> TokenSet | None:
        (machine.home / "auth.json").write_bytes(change(machine.kept()).encode("latin-1"))
        return FileTokenStore(machine.home).load()

    return load


def a_file_that_cannot_be_replaced(machine: Machine) -> None:
    (machine.home / "auth.json").symlink_to("elsewhere")
    FileTokenStore(machine.home).save(machine.tokens())


def a_folder_that_is_none(machine: Machine) -> None:
    (machine.home / "home").touch()
    FileTokenStore(machine.home / "home").save(machine.tokens())


def a_corrupt_file_that_cannot_be_moved_aside(machine: Machine) -> None:
    (machine.home / "auth.json").write_text(machine.kept()[:-1])
    (machine.home / "auth.json.corrupt").mkdir()
    FileTokenStore(machine.home).save(machine.tokens())


def credentials_that_cannot_be_kept(machine: Machine) -> None:
    (machine.home / "credentials").touch()
    FileCredentialStore(machine.home).save("acme", "shop", machine.credentials())


def half_a_session_in_the_environment(machine: Machine) -> None:
    EnvironmentTokenStore({"DAGCTL_ACCESS_TOKEN": machine.material.new("access token")}).load()


def a_session_in_the_environment(machine: Machine) -> dict[str, str]:
    """Environment variables of a CI job; `.dagctl.yaml` beside it cannot be read."""
    (machine.home / ".dagctl.yaml").write_text("[]")
    names = ("DAGCTL_ACCESS_TOKEN", "DAGCTL_ID_TOKEN")
    return {name: machine.material.new("access token") for name in names}


def a_client_whose_pin_cannot_be_read(machine: Machine) -> None:
    connect(environ=a_session_in_the_environment(machine), folder=machine.home)


def a_configuration_whose_pin_cannot_be_read(machine: Machine) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in a_session_in_the_environment(machine).items():
            patch.setenv(name, value)
        patch.chdir(machine.home)
        patch.delitem(sys.modules, "sqlmesh.utils.errors", raising=False)  # where that is, the error begins anew
        get_fresh_token()


class Broken(KeyringBackend):
    """A keyring that gives what it was given, and takes nothing."""

    priority = 1
    kept: str | None = None

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept

    def set_password(self, service: str, username: str, password: str) -> None:
        raise ValueError(f"{password} cannot be kept.")


def a_keyring_that_takes_nothing(machine: Machine) -> None:
    KeyringTokenStore(machine.home).save(machine.tokens())


def a_keyring_that_holds_something_else(machine: Machine) -> None:
    backend = keyring.get_keyring()
    assert isinstance(backend, Broken)
    backend.kept = machine.kept()[:-1]
    KeyringTokenStore(machine.home).load()


def a_proxy_that_is_not_there(machine: Machine) -> None:
    pytest.importorskip("psycopg2")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    PostgresProbe().enter(machine.credentials(port))


WAYS: dict[str, Callable[[Machine], object]] = {
    "half a file": loaded(lambda text: text[:-1]),
    "a list": loaded(lambda text: f"[{text}]"),
    "a token that is missing": loaded(lambda text: text.replace("id_token", "x")),
    "bytes that are no text": loaded(lambda text: text[:-1] + "\xff"),
    **{
        way.__name__: way
        for way in (
            a_file_that_cannot_be_replaced,
            a_folder_that_is_none,
            a_corrupt_file_that_cannot_be_moved_aside,
            credentials_that_cannot_be_kept,
            half_a_session_in_the_environment,
            a_client_whose_pin_cannot_be_read,
            a_configuration_whose_pin_cannot_be_read,
            a_keyring_that_takes_nothing,
            a_keyring_that_holds_something_else,
            a_proxy_that_is_not_there,
        )
    },
}


@pytest.fixture
def machine(
    tmp_path: Path,
) -> Iterator[Machine]:
    before = keyring.get_keyring()
    keyring.set_keyring(Broken())  # type: ignore[no-untyped-call]
    yield Machine(tmp_path, Material())
    keyring.set_keyring(before)


@pytest.mark.parametrize("way", WAYS)
def test_no_variable_holds_a_secret(machine: Machine, way: str) -> None:
    with pytest.raises(DagctlError) as caught:
        WAYS[way](machine)
    assert machine.material.kinds()
    variables = variables_of(caught.value)
    assert "/dagctl/" in variables
    assert machine.material.found_in(variables) == set()
