"""Every command in every hostile folder: nothing of it runs, is followed or reaches a terminal, and there is an end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.reference import COMMANDS
from tests.e2e.hostile import visitor
from tests.e2e.hostile.folders import FOLDERS, MARK, SECRET, additions, deep_python, jinja, python, words

from dagctl.cli.endings import BUG

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="there are no such files and bounds"),
    pytest.mark.timeout(600),
]
CODE = {jinja, python, additions, deep_python}
"""Those that SQLMesh would run, as it runs any project's code."""
UNPINNED = {"jinja", "python", "additions", "linked_output", "piped_output", "device", "giggles", "deep_jinja"}
UNPINNED |= {"deep_python"}
CASES = [(build, True) for build in FOLDERS]
CASES += [(build, False) for build in FOLDERS if build.__name__ not in UNPINNED]


def test_every_command_is_tried() -> None:
    tried = {tuple(line.split()) for line in visitor.COMMANDS.splitlines()}
    ours = {command.words for command in COMMANDS}
    left = {words for words in ours if not any(line[: len(words)] == words for line in tried)}
    assert left == {("sandbox", "start"), ("sandbox", "stop"), ("sandbox", "demo")}  # they read no project


@pytest.mark.parametrize(("build", "pinned"), CASES)
def test_a_hostile_folder(build: Callable[[Path], None], pinned: bool, tmp_path: Path) -> None:
    folder = tmp_path / "clone\x1b[31m\u202e; touch P #"
    folder.mkdir()
    beside = tmp_path / "auth.json"
    beside.write_text(json.dumps({"access_token": SECRET, "id_token": SECRET}))
    build(folder)
    if not pinned:  # a pin that cannot be read is the end of most commands
        (folder / ".dagctl.yaml").unlink()
    kinds = {path.name: path.lstat().st_mode for path in folder.iterdir()}
    home = tmp_path / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGCTL_", "SQLMESH"))}
    environ = {**kept, "HOME": str(home), "DAGCTL_API_URL": "https://127.0.0.1:9"}
    if build is not words or not pinned:
        environ["DAGCTL_PROJECT"] = "shop"
    script = [sys.executable, "-P"] if sys.version_info >= (3, 11) else [sys.executable]
    visit = [*script, visitor.__file__, str(folder), "no" if build in CODE else "yes"]
    done = subprocess.run(visit, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for command, code, output in json.loads(done.stdout):
        shown = [character for character in output if not character.isprintable() and character != "\n"]
        assert not shown, (command, output[:2000])
        assert SECRET not in output, command
        assert code != BUG, (command, (home / ".dagctl" / "bug.log").read_text())
        assert "Traceback" not in output, command
        assert command[0] != "sqlmesh" or "Run: dagctl auth login --org" in output, output
    assert not (tmp_path / MARK).exists()
    assert not (folder / "P").exists()
    assert json.loads(beside.read_text())["access_token"] == SECRET
    after = {path.name: path.lstat().st_mode for path in folder.iterdir()}
    changed = {name for name, mode in kinds.items() if after.get(name, mode) != mode}
    assert not changed - {"config.py", "config.yaml"}
