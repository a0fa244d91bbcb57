"""`credentials/{org}_{project}.json`: the state databases' current credentials."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from dagctl.adapters.files.private import read_private, remove_private, unusable, write_private
from dagctl.domain.errors import FileProblem
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.state import StateCredentials
from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.token_store import TokenStore

_LONGEST = 160
"""Bytes: file systems take 255, and a temporary file's name is longer than that of the file that it becomes."""


class FileCredentialStore(CredentialStore):
    """The `CredentialStore` in the dagctl home.

    Args:
        home: the dagctl home.
        tokens: where the account's tokens are. A password is one of them, so where those are not in files, it is not
            put into one either.
    """

    def __init__(self, home: Path, tokens: TokenStore | None = None) -> None:
        self._folder = home / "credentials"
        self._tokens = tokens

    def save(self, org: str, project: str, credentials: StateCredentials) -> None:
        if self._tokens is not None and not self._tokens.in_files:
            return
        # members that we know nothing of stay
        path = self._path(org, project)
        text = self._text(path, credentials)
        if text is not None:
            write_private(path, text)

    def _text(self, path: Path, credentials: StateCredentials) -> Secret | None:
        """What the file is to say; None where it says so already."""
        before, expires = self._members(path), credentials.expires_at
        after = {
            **before,
            **credentials.endpoint.declared.keywords(),
            "password": credentials.password.reveal(),
            "expires_at": expires.isoformat() if expires else None,
        }
        return Secret(json.dumps(after, indent=2) + "\n") if after != before else None

    def clear(self) -> None:
        if self._folder.is_symlink():
            raise unusable(self._folder, "is a symbolic link, and is not followed")
        try:
            paths = sorted(self._folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise unusable(self._folder, f"cannot be read: {error.strerror}") from None
        for path in paths:
            if path.suffix in (".json", ".tmp"):
                remove_private(path)

    def _path(self, org: str, project: str) -> Path:
        """A name that stays in the folder and is nobody else's, whatever organizations and projects are called.

        It is the published client's where that can be read in one way only. Elsewhere it has a hash of both names.
        """
        name = re.sub(r"[^\w. -]", "_", f"{org}_{project}").lstrip(".")
        if name != f"{org}_{project}" or "_" in org or len(name.encode()) > _LONGEST:
            digest = hashlib.sha256(json.dumps([org, project]).encode()).hexdigest()[:16]
            name = f"{name.encode()[:_LONGEST].decode(errors='ignore')}.{digest}"
        return self._folder / f"{name}.json"

    def _members(self, path: Path) -> dict[str, Any]:
        """What the file says; nothing where it cannot be read: it is a cache."""
        try:
            members = json.loads(read_private(path) or "null")
        except (FileProblem, ValueError, RecursionError):
            return {}
        return members if isinstance(members, dict) else {}
