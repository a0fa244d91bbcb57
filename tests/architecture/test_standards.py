"""`docs/explanation/standards.md` and the tests that it names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "explanation" / "standards.md").read_text()
TITLES = [f"RFC {number}" for number in (8252, 7636, 9700, 9207, 6749, 6750, 8628, 7009, 8414, 9728)]
TITLES.append("OpenID Connect Core 1.0")
TABLE = "| Section | What a client must do | How dagctl does it | Test |"
RECOMMENDED = "| Standard | What a client should do | Test |"

TEST = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)+)`")
NOTE = re.compile(r"note (\d+)")


def cells(line: str) -> list[str]:
    """A row's cells."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(header: str, text: str = TEXT) -> Iterator[tuple[str, list[str]]]:
    """Each row below such a header, with the title that it stands under."""
    title, inside = "", False
    for line in text.splitlines():
        if line.startswith("#"):
            title = line.strip("# ")
        if line == header:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not set(line) <= set("| -"):
            yield title, cells(line)


ROWS = list(rows(TABLE))
NAMED = sorted({(path, name.removeprefix("::")) for path, name in TEST.findall(TEXT)})


@cache
def defined(path: str) -> frozenset[str]:
    """The tests that a file defines: `test_x`, or `TestIt::test_x` for those of a class."""

    def inside(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield prefix + node.name
            elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                yield from inside(node.body, f"{prefix}{node.name}::")

    file = ROOT / path
    return frozenset(inside(ast.parse(file.read_text()).body)) if file.is_file() else frozenset()


def complaints(row: list[str]) -> list[str]:
    """What is wrong with a row: it shows its rule, or says why there is nothing to show."""
    if len(row) != 4 or not all(row):
        return ["it has not four cells that say something"]
    rest = TEST.sub("", row[3]).replace(",", "").strip()
    if rest in ("not used", "") or NOTE.fullmatch(rest):
        return [] if bool(rest) != bool(TEST.search(row[3])) else ["it names no test and gives no reason, or both"]
    return [f"{rest!r} is no test, no note and not 'not used'"]


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_is_named_exists(path: str, name: str) -> None:
    assert name in defined(path), f"{path} has no {name}"


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=lambda row: f"{row[0]}: {row[1][:40]}")
def test_every_rule_has_a_test_or_a_reason(row: list[str]) -> None:
    assert complaints(row) == []


@pytest.mark.parametrize("row", [row for _, row in rows(RECOMMENDED)], ids=lambda row: f"{row[0]}: {row[1][:40]}")
def test_every_recommendation_that_is_listed_has_a_test(row: list[str]) -> None:
    assert len(row) == 3
    assert TEST.search(row[2])
    assert not TEST.sub("", row[2]).strip(", ")


@pytest.mark.parametrize("title", TITLES)
def test_every_standard_has_its_table(title: str) -> None:
    found = [row for heading, row in ROWS if heading.startswith(title)]
    assert len(found) >= 5
    assert len({(row[0], row[1]) for row in found}) == len(found)


def test_every_note_is_there_and_referred_to() -> None:
    notes, before = re.findall(r"^(\d+)\. \*\*", TEXT, re.MULTILINE), TEXT.partition("## Notes")[0]
    assert notes == [str(number + 1) for number in range(len(notes))]
    assert set(NOTE.findall(before)) == set(notes)


def test_the_introduction_is_short() -> None:
    introduction = " ".join(TEXT.split("\n## ")[0].splitlines()[1:])
    assert len(re.findall(r"[.;](?= [A-Z]| *$)", introduction.replace(".py", ""))) <= 3


def test_no_line_names_a_test_in_a_way_that_is_overlooked() -> None:
    for spelling in re.findall(r"\S*tests/\S*", TEXT):
        assert TEST.search(spelling) or spelling.startswith("`tests/architecture/test_standards.py`"), spelling


def test_page_and_tests_need_nothing_outside_of_the_repository() -> None:
    for file in (ROOT / "docs" / "explanation" / "standards.md", *(ROOT / "tests" / "standards").glob("*.py")):
        assert re.findall(r"(?<![\w.:/{}*])/(?:home|media|mnt|opt|root|srv|tmp|usr|var|work)\b", file.read_text()) == []


# that this file can fail


@pytest.mark.parametrize(
    ("row", "good"),
    [
        (["1", "a", "b", "`tests/x.py::test_y`"], True),
        (["1", "a", "b", "`tests/x.py::test_y`, `tests/x.py::TestZ::test_y`"], True),
        (["1", "a", "b", "not used"], True),
        (["1", "a", "b", "note 3"], True),
        (["1", "a", "b", ""], False),
        (["1", "a", "", "not used"], False),
        (["1", "a", "b"], False),
        (["1", "a", "b", "to be done"], False),
        (["1", "a", "b", "`tests/x.py`"], False),
        (["1", "a", "b", "not used, `tests/x.py::test_y`"], False),
        (["1", "a", "b", "`tests/x.py::test_y[case]`"], False),
    ],
)
def test_what_a_row_may_be(row: list[str], good: bool) -> None:
    assert (complaints(row) == []) is good


def test_a_test_that_was_renamed_is_missed() -> None:
    path, name = NAMED[0]
    assert name in defined(path)
    assert f"{name}_of_old" not in defined(path)
    assert defined("tests/architecture/no_such_file.py") == frozenset()
    assert "complaints" not in defined("tests/architecture/test_standards.py")
    assert "TestStatus::test_signed_in" in defined("tests/domain/services/test_session.py")


def test_a_row_is_not_overlooked() -> None:
    text = f"# A\n\n{TABLE}\n| --- | --- | --- | --- |\n| 1 | a | b | c |\n| 2 | a |\n\n| 3 | x |\n"
    assert list(rows(TABLE, text)) == [("A", ["1", "a", "b", "c"]), ("A", ["2", "a"])]
    assert len(ROWS) == sum(line.startswith("|") for line in _rules()) - 2 * len(TITLES)


def _rules() -> list[str]:
    return TEXT.partition("## Recommended")[0].splitlines()
