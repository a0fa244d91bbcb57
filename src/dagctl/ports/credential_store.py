"""Where the state databases' current credentials are kept, one a project, for other tools to read."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from dagctl.domain.values.state import StateCredentials


class CredentialStore(Protocol):
    """Keeps the newest `StateCredentials` of each organization and project.

    A cache: it can be emptied at any time. Raises `FileUnusable`.
    """

    def save(self, org: str, project: str, credentials: StateCredentials) -> None:
        """Replace the project's credentials, atomically."""

    def expires_at(self, org: str, project: str) -> datetime | None:
        """When the kept credentials die; None where there are none, or they are not readable."""

    def clear(self) -> None:
        """Remove the credentials of every project."""
