"""Where we deploy, with the platform in memory."""

from __future__ import annotations

from shopctl.deploy import deploy

import dagctl
from dagctl.domain.errors import Unreachable
from dagctl.testing import MemoryPlatform, connected


def test_an_open_environment(dagctl_client: dagctl.Dagctl, dagctl_memory: MemoryPlatform) -> None:
    assert deploy(dagctl_client, "staging") == "deployed to staging"
    assert dagctl_memory.checks == [("prj_shop", "staging")]


def test_a_protected_environment(dagctl_client: dagctl.Dagctl, dagctl_memory: MemoryPlatform) -> None:
    dagctl_memory.protect("shop", "prod", "staging")
    assert deploy(dagctl_client, "staging").startswith("refused:")


def test_an_outage(dagctl_client: dagctl.Dagctl, dagctl_memory: MemoryPlatform) -> None:
    dagctl_memory.api_trouble = Unreachable("The API is away.")
    assert deploy(dagctl_client, "dev").startswith("refused:")
    dagctl_memory.api_trouble = None
    assert deploy(dagctl_client, "dev") == "deployed to dev"


def test_a_session_that_has_ended(dagctl_client: dagctl.Dagctl, dagctl_memory: MemoryPlatform) -> None:
    dagctl_memory.end_sessions()
    dagctl_memory.clock.advance(3600)
    assert deploy(dagctl_client, "dev") == "sign in first"


def test_two_users(dagctl_memory: MemoryPlatform) -> None:
    ada, grace = connected(dagctl_memory), connected(dagctl_memory, email="grace@acme.example")
    assert deploy(ada, "prod").startswith("refused:")
    assert deploy(grace, "prod") == "deployed to prod"
