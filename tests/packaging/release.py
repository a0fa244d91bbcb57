"""The release's checklist, as a program: `make release` builds into `dist/`, or says what is wrong.

What is uploaded is what this has looked at. Publishing is left to a person, who is told the commands.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.packaging.matrix import pythons

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"

ELSEWHERE = (
    {"COLUMNS": "40", "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"COLUMNS": "200", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
)
"""Machines that differ in what must not show in a build."""

COMPILERS = re.compile(r"pg_config|cc|c\d\d|c\+\+|cpp|clang.*|(.*-)?(gcc|g\+\+|cpp)(-.*)?")


class Wrong(Exception):
    """Something that keeps a release from being made."""


def run(*command: str | Path, **environ: str) -> str:
    """What a command prints.

    Raises:
        Wrong: it fails.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, env={**os.environ, **environ}, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(folder: Path, environ: dict[str, str], umask: int = 0o022) -> dict[str, bytes]:
    """Build an sdist, and a wheel from it; the contents by file name."""
    run("sh", "-c", f"umask {umask:03o} && exec {sys.executable} -m hatchling build -t sdist -d {folder}", **environ)
    sdist = next(folder.glob("*.tar.gz"))
    with TemporaryDirectory() as place:
        run("tar", "-xzf", sdist, "-C", place)
        unpacked = next(Path(place).iterdir())
        build_wheel = (
            f"umask {umask:03o} && cd {unpacked} && exec {sys.executable} -m hatchling build -t wheel -d {folder}"
        )
        run("sh", "-c", build_wheel, **environ)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def build_by(python: str, folder: Path, pins: Path, environ: dict[str, str], umask: int = 0o022) -> dict[str, bytes]:
    """The same by another Python, in an environment that uv makes for it."""
    uv = f"{sys.executable} -m uv build --quiet --python {python} --build-constraints {pins} --out-dir {folder}"
    run("sh", "-c", f"umask {umask:03o} && exec {uv}", **environ)
    return {path.name: path.read_bytes() for path in sorted(folder.glob("dagctl-*"))}


def pins(folder: Path) -> Path:
    """What is locked, without hashes: pip has none of what is being released, and would ask for one."""
    locked = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    file = folder / "pins.txt"
    file.write_text("\n".join(line.split(" \\")[0] for line in locked if line[:1].isalnum()))
    return file


def checked(folder: Path) -> None:
    """Have the index's and the wheel's checkers look at what is in a folder.

    Raises:
        Wrong: they object.
    """
    files = sorted(folder.iterdir())
    kinds = [path.name.rpartition(".")[2] for path in files]
    if kinds != ["whl", "gz"]:
        raise Wrong(f"{folder} holds {', '.join(path.name for path in files)}")
    run(sys.executable, "-m", "twine", "check", "--strict", *files)
    run(sys.executable, "-m", "check_wheel_contents", files[0])


def bare_path(folder: Path) -> str:
    """A PATH on which all programs are but compilers and pg_config: a laptop's."""
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).glob("*"):
            link = folder / program.name
            if not COMPILERS.fullmatch(program.name) and not os.path.lexists(link):
                link.symlink_to(program)
    return str(folder)


def installed(package: Path, place: Path, path: str, extras: str = "") -> Path:
    """Install a wheel or an sdist into a new environment; returns the program."""
    venv.create(place, with_pip=True)
    locked = pins(place)
    pip = (place / "bin" / "python", "-m", "pip", "install", "--quiet", "--constraint", locked)
    run(*pip, f"{package}{extras}", PATH=path, PIP_CONSTRAINT=str(locked))
    return place / "bin" / "dagctl"


def version(*, rehearsal: bool) -> str:
    """The version that is about to be released.

    Raises:
        Wrong: this is no rehearsal, and there are changes that are not committed, or the changelog does not date it.
    """
    found = re.search(r'__version__ = "(.+)"', (ROOT / "src" / "dagctl" / "__init__.py").read_text("utf-8"))
    number = found[1] if found else ""
    if rehearsal:
        return number
    if run("git", "status", "--porcelain"):
        raise Wrong("There are changes that are not committed.")
    if not re.search(
        rf"^## {re.escape(number)} - \d{{4}}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M
    ):
        raise Wrong(f"CHANGELOG.md has no date for {number}.")
    return number


def demonstrated(package: Path, number: str, place: Path, path: str) -> None:
    """Install a package as on a laptop, and have it walk through the demo.

    Raises:
        Wrong: that does not work.
    """
    program = installed(package, place / "venv", path, "[sandbox,sqlmesh]")
    if run(program, "--version").strip() != f"dagctl {number}":
        raise Wrong(f"{package.name} is not {number}.")
    run(program, "sandbox", "demo", "--folder", place / "demo", PATH=path)
    print(f"{package.name} installs without a compiler, and goes through the demo.", flush=True)


def main(*, rehearsal: bool) -> None:
    """Go through the list.

    Args:
        rehearsal: whatever is here, without a date in the changelog; nothing is put into `dist/`.
    """
    number = version(rehearsal=rehearsal)
    with TemporaryDirectory() as name:
        place = Path(name)
        made = place / "made"
        built = build(made, ELSEWHERE[0], 0o077)
        if built != build(place / "again", ELSEWHERE[1], 0o002):
            raise Wrong("Two builds differ.")
        here = pythons()
        for minor, python in here.items():
            if built != build_by(python, place / minor, pins(place), ELSEWHERE[1], 0o002):
                raise Wrong(f"A build by Python {minor} differs.")
        print(f"Builds are the same byte for byte, by Python {', '.join(here)}, too.", flush=True)
        checked(made)
        print("The checkers of the index and of wheels are content.", flush=True)
        (place / "bare").mkdir()
        path = bare_path(place / "bare")
        for package in made.iterdir():
            demonstrated(package, number, place / package.suffix.strip("."), path)
        if rehearsal:
            return
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(made, DIST)
    for file in sorted(DIST.iterdir()):
        print(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  dist/{file.name}")
    print(f"Now: git tag --sign v{number} && git push --tags && twine upload dist/*")


if __name__ == "__main__":
    try:
        main(rehearsal=sys.argv[1:] == ["--rehearsal"])
    except Wrong as wrong:
        sys.exit(f"Not released: {wrong}")
