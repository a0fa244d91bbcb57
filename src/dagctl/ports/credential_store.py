"""Where dagctl keeps the state databases' current credentials, one set per project, for other tools to read."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.state import StateCredentials


class CredentialStore(Protocol):
    """Keeps the newest `StateCredentials` of each organization and project.

    It is a cache: anybody may empty it at any time.

    Raises:
        FileUnusable: it cannot be written.
    """

    def save(self, org: str, project: str, credentials: StateCredentials) -> None:
        """Replace the project's credentials, atomically."""

    def clear(self) -> None:
        """Remove the credentials of every project."""
