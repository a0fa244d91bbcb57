"""What dagctl finds on this machine: the files of its home, and the environment variables that it reads."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen


@frozen
class FileSeen:
    """Something in the dagctl home.

    Attributes:
        path: for people.
        secret: it holds tokens.
        folder: it is a folder.
        link: it is a symbolic link.
        mode: its permission bits; None if they mean nothing, as on Windows.
        readable: this user can read it, and owns it.
        leftover: it is the temporary file of a writer that was killed.
    """

    path: str
    secret: bool = False
    folder: bool = False
    link: bool = False
    mode: int | None = None
    readable: bool = True
    leftover: bool = False

    @property
    def exposed(self) -> bool:
        """Whether anybody but the owner has access to it."""
        return self.mode is not None and bool(self.mode & 0o077)


@frozen
class VariableSeen:
    """An environment variable that dagctl reads.

    Attributes:
        name: the name only, since the value may be a secret.
        file: the project's `.env` file that sets it for SQLMesh alone; None if the environment sets it.
    """

    name: str
    file: str | None = None


class Machine(Protocol):
    """Looks at this machine. Changes nothing, opens no file but `.env`, and never raises."""

    def home(self) -> str:
        """Where the dagctl home is."""

    def files(self) -> tuple[FileSeen, ...]:
        """The dagctl home and what dagctl keeps in it, except the sandbox; empty if there is no home yet."""

    def variables(self) -> tuple[VariableSeen, ...]:
        """The variables that are set, by name; then those that SQLMesh sets from `.env` before it runs `config.py`."""
