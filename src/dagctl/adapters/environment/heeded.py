"""Which environment variables affect dagctl, and what a project's `.env` files set them to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path

from attrs import frozen

_HEEDED = re.compile(r"DAGCTL_\w+|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE)


@frozen(eq=False, repr=False)
class FromFile:
    """A variable's value in a `.env` file.

    Attributes:
        value: may be a secret.
        file: the file's path.
    """

    value: str
    file: Path


def heeded(names: Iterable[str]) -> Iterator[str]:
    """Those of `names` that affect dagctl, or TLS on its behalf."""
    return (name for name in names if _HEEDED.fullmatch(name))


def heeded_in_dotenv(folder: Path, environ: Mapping[str, str]) -> dict[str, FromFile]:
    """Those variables that SQLMesh sets, over existing ones, before it runs a project's `config.py`.

    Args:
        folder: the project's folder.
        environ: the environment variables; `SQLMESH_DOTENV_PATH` replaces the folder's `.env`.
    """
    found = dotenv([folder], environ.get("SQLMESH_DOTENV_PATH"))
    return {name: found[name] for name in heeded(found)}


def dotenv(folders: Iterable[Path], given: str | Path | None = None) -> dict[str, FromFile]:
    """All variables of the `.env` files that SQLMesh loads; none without python-dotenv, which SQLMesh installs.

    Args:
        folders: of the project's repositories, in SQLMesh's order: later ones win.
        given: the file to load instead, if it exists.

    Raises:
        FileProblem: a file cannot be read, or is too large.
    """
    try:
        from dotenv import dotenv_values
    except ImportError:
        return {}
    from dagctl.adapters.files.foreign import foreign_text

    files = [Path(given)] if given and Path(given).is_file() else [folder / ".env" for folder in folders]
    return {
        name: FromFile(value, file)
        for file in files
        if file.is_file()
        for name, value in dotenv_values(stream=StringIO(foreign_text(file, anywhere=True))).items()
        if value is not None  # a line without "=" sets no variable
    }
