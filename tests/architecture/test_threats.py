"""`docs/explanation/threats.md` and the tests that it names."""

from __future__ import annotations

import pytest
from tests.architecture.test_standards import ROOT, TEST, defined, rows

TEXT = (ROOT / "docs" / "explanation" / "threats.md").read_text()
TABLE = "| What they try | What stops them | Test |"
ROWS = list(rows(TABLE, TEXT))


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=lambda row: row[0][:40])
def test_whatever_holds_has_a_test(row: list[str]) -> None:
    assert len(row) == 3
    named = TEST.findall(row[2])
    assert named
    assert not TEST.sub("", row[2]).strip(", ")
    for path, name in named:
        assert name.removeprefix("::") in defined(path), f"{path} has no {name}"


def test_no_table_is_overlooked() -> None:
    assert len({title for title, _ in ROWS}) == TEXT.count(TABLE) == 4
    assert "## What dagctl does not protect" in TEXT
