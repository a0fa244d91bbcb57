"""`credentials/{org}_{project}.json`: the state databases' current credentials."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from dagctl.adapters.files.private import read_private, remove_private, write_private
from dagctl.domain.errors import FileProblem, FileUnusable
from dagctl.domain.state_credentials import StateCredentials


class FileCredentialStore:
    """The `CredentialStore` in the dagctl home.

    Args:
        home: the dagctl home.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "credentials"

    def save(self, org: str, project: str, credentials: StateCredentials) -> None:
        """Replace the project's file, unless it says the same already."""
        expires = credentials.expires_at
        text = json.dumps(
            {
                "host": credentials.host,
                "port": credentials.port,
                "database": credentials.database,
                "user": credentials.user,
                "password": credentials.password,
                "sslmode": credentials.sslmode,
                "expires_at": expires.isoformat() if expires else None,
            },
            indent=2,
        )
        path = self._path(org, project)
        if self._text(path) != text:
            write_private(path, text)

    def expires_at(self, org: str, project: str) -> datetime | None:
        """When the kept credentials die."""
        try:
            members = json.loads(self._text(self._path(org, project)) or "null")
            value = datetime.fromisoformat(members["expires_at"].replace("Z", "+00:00"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return value if value.tzinfo is not None else None

    def clear(self) -> None:
        """Remove every project's file."""
        try:
            paths = sorted(self._folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise FileUnusable(f"{self._folder} cannot be read: {error.strerror}.") from None
        for path in paths:
            if path.suffix in (".json", ".tmp"):
                remove_private(path)

    def _path(self, org: str, project: str) -> Path:
        """A name that stays in the folder, whatever organizations and projects are called."""
        name = re.sub(r"[^\w. -]", "_", f"{org}_{project}").lstrip(".") or "_"
        return self._folder / f"{name}.json"

    def _text(self, path: Path) -> str | None:
        try:
            return read_private(path)
        except FileProblem:
            return None
