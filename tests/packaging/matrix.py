"""Every test on every Python that dagctl supports, and with the oldest dependencies: `make test-matrix`.

Each Python has an environment of its own in `.matrix/`, with what `constraints.txt` locks. Arguments are pytest's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".matrix"
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")


def pythons() -> dict[str, str]:
    """The supported Pythons of this machine, those that start, by version."""
    found = {version: shutil.which(f"python{version}") for version in SUPPORTED}
    return {version: path for version, path in found.items() if path and _starts(path)}


def _starts(path: str) -> bool:
    return subprocess.run([path, "-V"], capture_output=True, check=False).returncode == 0


def uv(*arguments: str | Path) -> None:
    """Run uv, which makes environments in seconds."""
    subprocess.run([sys.executable, "-m", "uv", *map(str, arguments)], check=True, cwd=ROOT)


def locked(python: str, place: Path) -> None:
    """An environment with what `constraints.txt` has."""
    uv("venv", "--quiet", "--clear", "--python", python, place)
    uv("pip", "sync", "--quiet", "--python", place, "--require-hashes", "constraints.txt")
    uv("pip", "install", "--quiet", "--python", place, "--no-deps", "--no-build-isolation", "--editable", ".")


def oldest(python: str, place: Path) -> None:
    """An environment with the oldest release of each dependency that `pyproject.toml` admits."""
    uv("venv", "--quiet", "--clear", "--python", python, place)
    pins = place / "oldest.txt"
    lowest = (
        "--resolution",
        "lowest-direct",
        "--python",
        place,
        "--all-extras",
        "--group",
        "test",
        "--output-file",
        pins,
    )
    uv("pip", "compile", "--quiet", *lowest, "pyproject.toml")
    uv("pip", "install", "--quiet", "--python", place, "--requirement", pins, "--editable", ".")


def main(arguments: list[str]) -> int:
    """Run the tests everywhere; returns how many environments have failed."""
    here = pythons()
    places = {version: (locked, path) for version, path in here.items()}
    if here:
        first = next(iter(here))
        places[f"{first}-oldest"] = (oldest, here[first])
    results = dict.fromkeys((version for version in SUPPORTED if version not in here), "not on this machine")
    for name, (install, path) in places.items():
        install(path, PLACE / name)
        tested = subprocess.run(
            [PLACE / name / "bin" / "python", "-m", "pytest", "-q", *arguments], cwd=ROOT, check=False
        )
        results[name] = "passed" if tested.returncode == 0 else f"failed ({tested.returncode})"
    print(*(f"{name:<12} {result}" for name, result in sorted(results.items())), sep="\n")
    return sum(result.startswith("failed") for result in results.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
