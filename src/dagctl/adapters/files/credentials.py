"""`credentials/{org}_{project}.json`: the current credentials of the state databases."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from dagctl.adapters.files.private import read_private, remove_private, unusable, write_private
from dagctl.domain.errors import FileProblem
from dagctl.domain.values.secret import Secret
from dagctl.domain.values.state import StateCredentials
from dagctl.domain.values.text import no_device
from dagctl.ports.credential_store import CredentialStore
from dagctl.ports.token_store import TokenStore

_LONGEST = 160
"""In bytes. File systems allow 255, and the name of a temporary file is longer than that of the file it replaces."""


class FileCredentialStore(CredentialStore):
    """The `CredentialStore` in the dagctl home.

    Args:
        tokens: the account's token store. The password is a token, so it goes into a file only if the tokens do.
    """

    def __init__(self, home: Path, tokens: TokenStore | None = None) -> None:
        self._folder = home / "credentials"
        self._tokens = tokens

    def save(self, org: str, project: str, credentials: StateCredentials) -> None:
        if self._tokens is not None and not self._tokens.in_files:
            return
        path = self._path(org, project)
        # a method of its own: a traceback with locals of a failed write must not show the password
        text = self._text(path, credentials)
        if text is not None:
            write_private(path, text)

    def _text(self, path: Path, credentials: StateCredentials) -> Secret | None:
        """The file's new text; None if the file is up to date."""
        before, expires = self._members(path), credentials.expires_at
        after = {
            **before,  # with members that we do not know
            **credentials.endpoint.declared.keywords(),
            "password": credentials.password.reveal(),
            "expires_at": expires.isoformat() if expires else None,
        }
        return Secret(json.dumps(after, indent=2) + "\n") if after != before else None

    def clear(self) -> None:
        if self._folder.is_symlink():
            raise unusable(self._folder, "is a symbolic link, which dagctl does not follow")
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
        """A unique path inside the folder, whatever the organization and project are called.

        The name is the published client's where that is unambiguous. Otherwise it contains a hash of both names.
        """
        name = no_device(re.sub(r"[^\w. -]", "_", f"{org}_{project}").lstrip("."))
        # an organization "a" with the project "b_c" is not "a_b" with "c"
        if name != f"{org}_{project}" or "_" in org or len(name.encode()) > _LONGEST:
            import hashlib

            digest = hashlib.sha256(json.dumps([org, project]).encode()).hexdigest()[:16]
            name = f"{name.encode()[:_LONGEST].decode(errors='ignore')}.{digest}"
        return self._folder / f"{name}.json"

    def _members(self, path: Path) -> dict[str, Any]:
        """The file's members; none if it cannot be read, since it is a cache."""
        try:
            members = json.loads(read_private(path) or "null")
        except (FileProblem, ValueError, RecursionError):
            return {}
        return members if isinstance(members, dict) else {}
