"""A web service with many users: each has a client of their own, and no client sees another's session."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import dagctl
from dagctl.types import Project


class Clients:
    """One client for each person who uses the service.

    Args:
        environ: the environment variables for all clients. They do not see the service's own.
        connect: makes a client that keeps everything in memory.
    """

    def __init__(
        self,
        environ: dict[str, str] | None = None,
        connect: Callable[..., dagctl.Dagctl] = dagctl.connect,
    ) -> None:
        self._environ = environ or {}
        self._connect = connect
        self._clients: dict[str, dagctl.Dagctl] = {}
        self._lock = Lock()

    def of(self, user: str) -> dagctl.Dagctl:
        """The client of one person. Threads may share it."""
        with self._lock:
            if user not in self._clients:
                storage = dagctl.memory_storage()  # or stores of your own, such as rows of your database
                self._clients[user] = self._connect(storage=storage, environ=self._environ)
            return self._clients[user]

    def forget(self, user: str) -> None:
        """End a person's session, here and at the issuer."""
        with self._lock:
            client = self._clients.pop(user, None)
        if client is not None:
            client.logout()

    def projects(self, user: str) -> tuple[Project, ...]:
        """What the page shows. Raises `dagctl.NotSignedIn` for somebody who has to sign in first."""
        return self.of(user).projects.list()
