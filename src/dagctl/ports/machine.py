"""What this machine has of dagctl's: the files of its home, and the variables that are heeded."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen


@frozen
class FileSeen:
    """Something in the dagctl home.

    Attributes:
        path: for people.
        secret: there are tokens in it, or in what it holds.
        folder: it is one.
        link: it is a symbolic link.
        mode: its permission bits; None where they mean nothing, as on Windows.
        readable: it can be read, and it belongs to whoever runs this.
        leftover: the temporary file of a writer that has been killed.
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
        """Whether others than its owner have access to it."""
        return self.mode is not None and bool(self.mode & 0o077)


@frozen
class VariableSeen:
    """An environment variable that is heeded.

    Attributes:
        name: its value may be a secret, and is not shown.
        file: the project's `.env` file that sets it for SQLMesh alone; None where it is set for every program.
    """

    name: str
    file: str | None = None


class Machine(Protocol):
    """Looks at this machine. Changes nothing, opens no file but `.env`, and never raises."""

    def home(self) -> str:
        """Where the dagctl home is."""

    def files(self) -> tuple[FileSeen, ...]:
        """The dagctl home and what dagctl keeps in it, the sandbox apart; nothing where there is no home yet."""

    def variables(self) -> tuple[VariableSeen, ...]:
        """Those that are set and heeded, by name; then those that SQLMesh sets otherwise before it runs `config.py`."""
