"""Somebody who is refused: a platform that answers as it is told, and a person with `dagctl`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.adapters.http.conftest import world_of
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import Somebody

from dagctl import _functions

if TYPE_CHECKING:
    import trustme


@pytest.fixture
def platform(certificate_authority: trustme.CA, tmp_path: Path) -> Iterator[ScriptedPlatform]:
    """A platform that grants everything, as long as it is not told otherwise."""
    with world_of(certificate_authority, tmp_path) as world:
        yield ScriptedPlatform(world)


@pytest.fixture
def somebody(
    platform: ScriptedPlatform,
    home: Path,
    tmp_path: Path,
    environ: dict[str, str],
    callback_port: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Somebody]:
    """Somebody whose machine trusts the platform's CA."""
    platform.model.redirect_uris = (f"http://localhost:{callback_port}/callback",)
    environ |= {"SSL_CERT_FILE": str(platform.world.ca_file), "BROWSER": "visitor"}
    environ["DAGCTL_LOG"] = str(tmp_path / "dagctl.log")  # what is in it is searched with all that lies about
    for name in os.environ.keys() - environ.keys():
        if name.upper().startswith(("DAGCTL_", "REQUESTS_CA_")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")
    yield Somebody(platform, home, monkeypatch, caplog, capfd, callback_port)
    _functions._clients.clear()
    while _functions._logs:
        _functions._logs.popitem()[1].__exit__(None, None, None)
