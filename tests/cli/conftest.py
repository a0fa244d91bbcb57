"""Somebody who has signed in already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dagctl.adapters.sandbox import Sandbox


@pytest.fixture(scope="session")
def signed_in(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, callback_port: int) -> Path:
    """A dagctl home on which Ada, who may not touch prod, has signed in and chosen a project; tests take copies."""
    home = tmp_path_factory.mktemp("signed-in")
    script = f"{sys.executable} -m dagctl.adapters.sandbox.person %s --ca {sandbox.ca_file}"
    environ = {**os.environ, "DAGCTL_HOME": str(home), "SSL_CERT_FILE": str(sandbox.ca_bundle), "BROWSER": script}
    where = ("--api-url", sandbox.api_url, "--port", str(callback_port))
    for arguments in (("auth", "login", "--org", "acme", *where), ("use-project", "shop")):
        subprocess.run([sys.executable, "-m", "dagctl", *arguments], env=environ, check=True, capture_output=True)
    return home
