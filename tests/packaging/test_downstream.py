"""docs/examples/downstream: somebody else's project, with the wheel, where there is nothing but what that needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.packaging.release import ELSEWHERE, ROOT, build

EXAMPLE = ROOT / "docs" / "examples" / "downstream"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("DAGCTL_", "PYTEST_", "PYTHON"))}


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints; a test fails with it where the command does."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=CLEAN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, without what lies around."""
    place = tmp_path_factory.mktemp("downstream") / "shopctl"
    return shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("__pycache__", ".*", "dist"))


@pytest.mark.timeout(900)
def test_its_tests_pass_with_the_wheel_in_a_clean_environment(project: Path, tmp_path: Path) -> None:
    build(tmp_path / "dist", ELSEWHERE[0])
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist", folder=project)
    dagctl, shopctl = sorted((tmp_path / "dist").glob("*.whl"))
    python = tmp_path / "venv" / "bin" / "python"
    uv = (sys.executable, "-m", "uv", "--quiet")
    run(*uv, "venv", "--python", sys.executable, python.parents[1], folder=tmp_path)
    # uv compares what it fetches with the hashes of the constraints
    locked = ("--constraint", ROOT / "constraints.txt")
    run(*uv, "pip", "install", "--python", python, *locked, dagctl, f"{shopctl}[test]", folder=tmp_path)

    shutil.rmtree(project / "src")
    where = run(python, "-c", "import dagctl, shopctl; print(dagctl.__file__, shopctl.__file__)", folder=project)
    assert all(path.startswith(str(tmp_path / "venv")) for path in where.split())
    said = run(python, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "-rs", folder=project)
    assert re.search(r"\d\d passed", said)
    assert "skipped" not in said


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "checker", [("mypy", "--strict", "--cache-dir", os.devnull), ("pyright", "--pythonpath", sys.executable)]
)
def test_its_types_are_right(checker: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip(checker[0], reason=f"{checker[0]} is not installed")
    place = shutil.copytree(EXAMPLE, tmp_path / "shopctl")
    files = [path.relative_to(place) for path in sorted(place.rglob("*.py"))]
    environ = {**CLEAN, "MYPYPATH": str(place / "src")}
    settings = '{"extraPaths": ["src"], "typeCheckingMode": "strict"}'
    (place / "pyrightconfig.json").write_text(settings)
    command = [sys.executable, "-m", *checker, *([] if checker[0] == "pyright" else map(str, files))]
    done = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
