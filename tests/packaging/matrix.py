"""`make test-matrix`: every test on every Python that dagctl supports, and with the oldest dependencies.

Then the demo with SQLMesh's oldest supported release, one in the middle and the newest, each as pip resolves it. An
environment of `.matrix/` is made for each. `--only NAME` chooses some; other arguments are pytest's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".matrix"
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
SQLMESH = ("==0.200.0", "==0.218.0", ">=0.236")

Row = Callable[[Path, list[str]], int]
"""Makes an environment, and runs something in it; returns the exit code."""


def pythons() -> dict[str, str]:
    """The supported Pythons of this machine, by version."""
    found = {version: next(filter(_starts, _candidates(version)), None) for version in SUPPORTED}
    return {version: path for version, path in found.items() if path}


def _candidates(version: str) -> list[str]:
    """The program on PATH, which may be a shim that starts nothing, and pyenv's own."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    on_path = shutil.which(f"python{version}")
    return [*([on_path] if on_path else []), *map(str, sorted(pyenv.glob(f"{version}.*/bin/python{version}")))]


def _starts(path: str) -> bool:
    return subprocess.run([path, "-V"], capture_output=True, check=False).returncode == 0


def uv(*arguments: str | Path) -> None:
    """Run uv, which makes environments in seconds."""
    subprocess.run([sys.executable, "-m", "uv", *map(str, arguments)], check=True, cwd=ROOT)


def locked(python: str, place: Path, arguments: list[str]) -> int:
    """Every test with what `constraints.txt` has."""
    uv("venv", "--quiet", "--clear", "--python", python, place)
    uv("pip", "sync", "--quiet", "--python", place, "--require-hashes", "constraints.txt")
    uv("pip", "install", "--quiet", "--python", place, "--no-deps", "--no-build-isolation", "--editable", ".")
    return _tested(place, arguments)


def oldest(python: str, place: Path, arguments: list[str]) -> int:
    """Every test with the oldest release of each dependency that `pyproject.toml` admits."""
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
        "--group",
        "release",
    )
    uv("pip", "compile", "--quiet", *lowest, "--output-file", pins, "pyproject.toml")
    uv("pip", "install", "--quiet", "--python", place, "--requirement", pins, "--editable", ".")
    return _tested(place, arguments)


def _tested(place: Path, arguments: list[str]) -> int:
    command = [str(place / "bin" / "python"), "-m", "pytest", "-q", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def demo(release: str, place: Path, arguments: list[str]) -> int:
    """The demo with a release of SQLMesh, and whatever else `dagctl[sandbox,sqlmesh]` resolves to with it."""
    uv("venv", "--quiet", "--clear", "--python", sys.executable, place)
    uv("pip", "install", "--quiet", "--python", place, f"{ROOT}[sandbox,sqlmesh]", f"sqlmesh{release}")
    if list(place.glob("lib/*/site-packages/psycopg2-*.dist-info")):
        print("Both psycopg2 and psycopg2-binary are installed.", flush=True)
        return 1
    command = (place / "bin" / "dagctl", "sandbox", "demo", "--folder", place / "demo")
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def rows() -> dict[str, Row]:
    """What this machine can run, by name."""
    here = pythons()
    found: dict[str, Row] = {version: partial(locked, path) for version, path in here.items()}
    if here:
        first = next(iter(here))
        found[f"{first}-oldest"] = partial(oldest, here[first])
    return found | {f"sqlmesh{release}": partial(demo, release) for release in SQLMESH}


def run(chosen: Mapping[str, Row], arguments: list[str]) -> int:
    """Run rows, and say how each has ended as soon as it has; returns how many have failed."""
    failed = 0
    for name, row in chosen.items():
        try:
            code = row(PLACE / re.sub("[=>]+", "-", name), arguments)
        except subprocess.CalledProcessError as error:  # uv has said why
            code = error.returncode
        print(f"{name:<16}  {f'failed ({code})' if code else 'passed'}", flush=True)
        failed += bool(code)
    return failed


def main(argv: list[str]) -> int:
    """Run the whole matrix, or what is chosen of it."""
    parser = ArgumentParser(prog="matrix", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", action="append", metavar="NAME", help="what the name of a row to run begins with")
    chosen, arguments = parser.parse_known_args(argv)
    every = rows()
    for version in SUPPORTED:
        if version not in every:
            print(f"{version:<16}  not on this machine", flush=True)
    wanted = {name: row for name, row in every.items() if not chosen.only or name.startswith(tuple(chosen.only))}
    return run(wanted, arguments) if wanted else parser.error(f"there is none of {', '.join(every)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
