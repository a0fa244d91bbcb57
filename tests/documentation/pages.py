"""The pages of the documentation, and the blocks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^ *(?P=fence) *$", re.M | re.S
)
NAMED = re.compile(r"`([\w./-]+)`(?: \([^)]*\))?:\s*$")


@frozen
class Block:
    """A fenced block.

    Attributes:
        line: where it begins.
        file: what the text before it calls it, as in "Put this into `.dagctl.yaml`:"; '' where it has no name.
    """

    page: str
    line: int
    language: str
    text: str
    file: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> Iterator[Block]:
    """Each block of a page, in order."""
    text = (ROOT / page).read_text("utf-8")
    for found in FENCE.finditer(text):
        named = NAMED.search(text[: found.start()])
        body = re.sub(f"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["language"].strip(), body, named[1] if named else "")
