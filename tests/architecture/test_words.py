"""The words that CONTRIBUTING.md tells us to avoid, in comments, strings, docstrings and pages."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "src")

LIST = re.compile(r"^### Words to avoid\n.*?(?=^## )", re.DOTALL | re.MULTILINE)


def avoided() -> list[str]:
    """The left column of the table in CONTRIBUTING.md."""
    section = LIST.search((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert section is not None
    rows = re.findall(r"^\| (.+?) \| .+ \|$", section[0], re.MULTILINE)[1:]
    return [phrase for row in rows if row.strip("- ") for phrase in row.split(", ")]


def pattern() -> re.Pattern[str]:
    phrases = (r"[\s#]+".join(map(re.escape, phrase.split())) for phrase in avoided())
    return re.compile(rf"\b(?:{'|'.join(phrases)})\b", re.IGNORECASE)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file that people read, with their lines: all of a page, a module's strings and comments."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        yield 1, LIST.sub(lambda found: "\n" * found[0].count("\n"), text)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    with path.open("rb") as file:
        comments = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    for token in comments:
        yield token.start[0], token.string


def files() -> list[Path]:
    found = (path for place in PLACES for path in [ROOT / place, *(ROOT / place).rglob("*")])
    return [path for path in found if path.suffix in (".py", ".md")]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_avoids_the_words(path: Path) -> None:
    words = pattern()
    assert [
        f"{path.name}:{line + text.count(chr(10), 0, found.start())}: {found[0]}"
        for line, text in prose(path)
        for found in words.finditer(text)
    ] == []


def test_the_table_is_read() -> None:
    assert {"whoever", "None where"} <= set(avoided())
    assert pattern().search("a comment for who-\never") is None
    assert pattern().search("None\n    # where there is none")
    assert len(files()) > 200
