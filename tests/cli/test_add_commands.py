"""docs/how-to/add-commands.md: its package is installed, its sessions are had, its tests are run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Person, Run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "add-commands.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = dict(re.findall(r"`([\w/.]+)`:\n\n```\w+\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SESSIONS = re.findall(
    r"^\$ dagctl (.+?)(?:  # exits with (\d+))?\n((?:(?!\$|```).*\n)*)",
    "".join(text for language, text in BLOCKS if language == "console"),
    re.MULTILINE,
)


@pytest.fixture
def site(tmp_path: Path, environ: dict[str, str]) -> Path:
    """The page's package, installed, and its tests beside it."""
    source, site = tmp_path / "source", tmp_path / "site"
    for name, text in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    (source / "my_package" / "__init__.py").touch()
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--no-build-isolation"]
    subprocess.run([*uv, "--python", sys.executable, "--target", str(site), str(source)], check=True, env=environ)
    shutil.copy(source / "test_open_to_me.py", site)
    environ["PYTHONPATH"] = str(site)
    return site


def test_every_block_of_the_page_is_tried() -> None:
    assert list(FILES) == ["my_package/open_to_me.py", "pyproject.toml", "test_open_to_me.py"]
    assert len(BLOCKS) == len(FILES) + 2
    assert [words for words, _, _ in SESSIONS] == [
        "team open-to-me dev",
        "protection open-to-me prod",
        "plugins",
    ]


def test_its_sessions(site: Path, run: Run, home: Path, person: Person, signed_in: Path) -> None:
    shutil.copytree(signed_in, home)
    broken = site / "broken-0.1.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_text("[dagctl.commands]\nlint = broken.lint\n")
    (site / "broken").mkdir()
    (site / "broken" / "lint.py").write_text("import flask\n")
    for words, code, output in SESSIONS:
        done = run(*words.split())
        assert done.returncode == int(code or 0), done.stderr
        pattern = ".*".join(map(re.escape, output.split("…\n")))
        assert re.fullmatch(pattern, done.stdout, re.DOTALL), done.stdout


def test_its_tests(site: Path, environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_open_to_me.py"]
    done = subprocess.run(command, cwd=site, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_its_module_is_typed(site: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(site / "cache"), "my_package/open_to_me.py"]
    done = subprocess.run(command, cwd=site, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
