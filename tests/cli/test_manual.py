"""The manual pages that a wheel brings."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from tests.cli.reference import COMMANDS

from dagctl.cli.main import build_parser
from dagctl.cli.registry import GROUPS, Registry

ROOT = Path(__file__).parents[2]
NAMES = ["dagctl", *(f"dagctl-{group}" for group in GROUPS)]


def pythons() -> list[str]:
    """The Pythons of this machine that dagctl supports, and that start."""
    found = [path for minor in range(10, 14) if (path := shutil.which(f"python3.{minor}"))]
    return [
        sys.executable,
        *(path for path in found if subprocess.run([path, "-V"], capture_output=True).returncode == 0),
    ]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The pages, as the build makes them."""
    spec = spec_from_file_location("manual", ROOT / "manual.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    path, environ = list(sys.path), dict(os.environ)
    made: dict[str, str] = module.pages(ROOT)
    assert sys.path == path
    assert dict(os.environ) == environ
    return made


def test_each_group_of_commands_has_one(pages: dict[str, str]) -> None:
    assert list(pages) == [f"{name}.1" for name in NAMES]


def test_every_command_is_in_its_page(pages: dict[str, str]) -> None:
    for command in COMMANDS:
        page = pages["-".join(("dagctl", *command.words[:-1])) + ".1"]
        assert f".SS \\fBdagctl {' '.join(command.words)}\\fR".replace("-", r"\-") in page


@pytest.mark.parametrize("name", NAMES)
def test_sections(pages: dict[str, str], name: str) -> None:
    headings = re.findall(r"^\.SH (.+)$", pages[f"{name}.1"], re.MULTILINE)
    assert headings[-5:] == ["EXAMPLES", "ENVIRONMENT", "FILES", "EXIT STATUS", "SEE ALSO"]
    assert pages[f"{name}.1"].count(".nf") > 0
    assert "DAGCTL_HOME" in pages[f"{name}.1"]


def test_apropos_finds_it(pages: dict[str, str]) -> None:
    assert ".SH NAME\ndagctl \\- connect a SQLMesh project" in pages["dagctl.1"]


@pytest.mark.parametrize("name", NAMES)
def test_man_shows_it(pages: dict[str, str], name: str, tmp_path: Path) -> None:
    man = shutil.which("man")
    if man is None:
        pytest.skip("there is no man here")
    (tmp_path / f"{name}.1").write_text(pages[f"{name}.1"])
    done = subprocess.run(
        [man, "--warnings", "-l", str(tmp_path / f"{name}.1")], text=True, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{name.replace('-', ' ', 1)} " in done.stdout
    assert "EXIT STATUS" in done.stdout


@pytest.mark.parametrize("python", pythons(), ids=lambda path: Path(path).name)
def test_the_bytes_are_the_same_whatever_the_terminal_and_the_python(pages: dict[str, str], python: str) -> None:
    script = "import json, pathlib, manual; print(json.dumps(manual.pages(pathlib.Path('.'))))"
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([".", libraries]), "COLUMNS": "33", "TZ": "Asia/Tokyo"}
    done = subprocess.run([python, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == pages


def examples() -> list[str]:
    """The command lines of dagctl in the examples."""
    text = (ROOT / "docs" / "reference" / "examples.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.+?)```", text, re.DOTALL)
    return [found for block in blocks for found in re.findall(r"(?:^|\$\(|CA?=\S+ |pem )(dagctl [^)\n]+)", block, re.M)]


@pytest.mark.parametrize("line", examples())
def test_an_example_is_understood(line: str) -> None:
    build_parser(Registry(COMMANDS)).parse_args(shlex.split(line)[1:])


def test_there_are_examples_of_every_group() -> None:
    assert {shlex.split(line)[1] for line in examples()} >= set(GROUPS)
