"""Programs that a page's commands call and that a test cannot let loose: `python stand_ins.py PROGRAM ARGUMENTS…`.

Each does as much of its work as there is here to do, and fails on what the real one would not take.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path

from packaging.requirements import Requirement

KNOWN = {"dagctl", "sqlmesh", "dagster-sqlmesh"}


def pip(*arguments: str) -> int:
    """Looks at what would be installed: packages that the pages are about, and extras that exist."""
    parser = argparse.ArgumentParser("pip")
    parser.add_argument("verb", choices=["install", "uninstall"])
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("wanted", nargs="+")
    for wanted in parser.parse_args(arguments).wanted:
        requirement = Requirement(f"dagctl{wanted[1:]}" if wanted.startswith(".") else wanted)
        assert requirement.name in KNOWN, requirement.name
        extras = set(metadata(requirement.name).get_all("Provides-Extra") or ())
        assert requirement.extras <= extras, f"{requirement.name} has no extra {requirement.extras - extras}"
    return 0


def docker(*arguments: str) -> int:
    """Runs the command with what the container would be given of the environment, and no more."""
    parser = argparse.ArgumentParser("docker")
    parser.add_argument("verb", choices=["run"])
    parser.add_argument("--rm", action="store_true")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("image")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args(arguments)
    given = {name: value or os.environ[name] for name, _, value in (item.partition("=") for item in args.env)}
    network = {name: os.environ[name] for name in ("PATH", "DAGCTL_API_URL", "SSL_CERT_FILE")}
    Path("container").mkdir(exist_ok=True)
    home = {"HOME": os.path.abspath("container")}
    done = subprocess.run(args.command, env={**network, **home, **given}).returncode
    assert not list(Path("container").iterdir()), "something was written in the container"
    return done


def secret(verb: str, name: str) -> int:
    """Keeps a secret of a CI platform, read from stdin, for the jobs of this page."""
    assert verb == "set"
    value = sys.stdin.read().strip()
    assert value, f"{name} is empty"
    folder = Path(os.environ["HOME"], "secrets")
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(value)
    return 0


if __name__ == "__main__":
    programs: dict[str, Callable[..., int]] = {"pip": pip, "docker": docker, "secret": secret}
    sys.exit(programs[sys.argv[1]](*sys.argv[2:]))
