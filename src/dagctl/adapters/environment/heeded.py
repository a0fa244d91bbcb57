"""Which environment variables decide anything about dagctl, and what a project's `.env` files say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path

from attrs import field, frozen

_HEEDED = re.compile(r"DAGCTL_\w+|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE)


@frozen
class FromFile:
    """What a `.env` file says about a variable.

    Attributes:
        value: it may be a secret.
        file: the file's path.
    """

    value: str = field(repr=False)
    file: Path


def heeded(names: Iterable[str]) -> Iterator[str]:
    """Those of `names` that dagctl, or TLS on its behalf, heeds."""
    return (name for name in names if _HEEDED.fullmatch(name))


def heeded_in_dotenv(folder: Path, environ: Mapping[str, str]) -> dict[str, FromFile]:
    """The heeded variables that SQLMesh sets, over those that are set, before it runs a project's `config.py`.

    Args:
        folder: the project's.
        environ: the environment variables; `SQLMESH_DOTENV_PATH` names another file than the folder's `.env`.
    """
    found = dotenv([folder], environ.get("SQLMESH_DOTENV_PATH"))
    return {name: found[name] for name in heeded(found)}


def dotenv(folders: Iterable[Path], given: str | Path | None = None) -> dict[str, FromFile]:
    """All variables of the `.env` files that SQLMesh loads; none where there is no python-dotenv, nor SQLMesh then.

    Args:
        folders: of the project's repositories, in SQLMesh's order: a later one overrules.
        given: the file that is loaded instead, if it exists.

    Raises:
        FileProblem: one cannot be read, or is too large.
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
        if value is not None  # a line without "=" sets nothing
    }
