"""The manual page that a wheel brings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from dagctl.cli.registry import BUILT_IN

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page() -> str:
    """The page, as the build makes it."""
    spec = spec_from_file_location("manual", ROOT / "manual.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    path = list(sys.path)
    made: str = module.manual(ROOT / "src")
    assert sys.path == path
    return made


def test_every_command_is_in_it(page: str) -> None:
    for command in BUILT_IN:
        assert f".SS \\fBdagctl {' '.join(command.words)}\\fR".replace("-", r"\-") in page


def test_apropos_finds_it(page: str) -> None:
    assert ".SH NAME\ndagctl \\- connect a SQLMesh project" in page


def test_man_shows_it(page: str, tmp_path: Path) -> None:
    man = shutil.which("man")
    if man is None:
        pytest.skip("there is no man here")
    (tmp_path / "dagctl.1").write_text(page)
    done = subprocess.run(
        [man, "--warnings", "-l", str(tmp_path / "dagctl.1")], text=True, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "dagctl auth login" in done.stdout
