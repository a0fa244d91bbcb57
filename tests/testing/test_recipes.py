"""The recipes in docs/how-to/test-with-doubles.md, as one project, just as they are printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "test-with-doubles.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
FILES = {re.match(r"# (\S+\.py)\n", block)[1]: block for block in BLOCKS}  # type: ignore[index]  # each begins with it


@pytest.mark.timeout(600)
def test_every_recipe_is_green_as_printed(tmp_path: Path) -> None:
    assert len(FILES) == len(BLOCKS)
    for name, block in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(block)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-q"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    ran = {Path(name).as_posix() for name in re.findall(r"^PASSED ([^:]+)::", done.stdout, re.MULTILINE)}
    assert ran == {name for name in FILES if Path(name).name.startswith("test_")}
