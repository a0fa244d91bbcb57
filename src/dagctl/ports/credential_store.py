"""Where the state databases' current credentials are kept, one a project, for other tools to read."""

from __future__ import annotations

from typing import Protocol

from dagctl.domain.values.state import StateCredentials


class CredentialStore(Protocol):
    """Keeps the newest `StateCredentials` of each organization and project.

    A cache: it can be emptied at any time.

    Raises:
        FileUnusable: it cannot be written.
    """

    def save(self, org: str, project: str, credentials: StateCredentials) -> None:
        """Replace the project's credentials, atomically."""

    def clear(self) -> None:
        """Remove the credentials of every project."""
