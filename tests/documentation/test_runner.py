"""What runs the blocks notices what is wrong with one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.documentation.pages import Block
from tests.documentation.terminal import Terminal, as_shown, commands, sessions
from tests.documentation.test_blocks import Reader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    terminal = Terminal(tmp_path, {"PATH": os.environ["PATH"]}, ":")
    yield Reader(tmp_path, terminal, turned=str, shown=str)
    terminal.close()


def block(language: str, text: str, file: str = "") -> Block:
    return Block("page.md", 1, language, text, file)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("sh", "false\ntrue\n"),
        ("sh", "true # exits with 1\n"),
        ("sh", "(exit 2) # exits with 1\n"),
        ("sh", "for\n"),
        ("console", "$ echo one\ntwo\n"),
        ("console", "$ echo one\n"),
        ("console", "$ false\n…\n"),
        ("python", "raise SystemExit('no')\n"),
        ("yaml", "a: b: c\n"),
        ("yaml", "jobs: {one: {steps: [{run: 'true'}, {run: 'false'}]}}\n"),
        ("yaml", "one: {script: ['false']}\n"),
        ("toml", "a = \n"),
        ("json", "{a: 1}\n"),
    ],
)
def test_a_block_that_is_wrong(language: str, text: str, reader: Reader) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - a parser's own, or an assertion
        reader.does(block(language, text))


def test_a_block_that_is_right(reader: Reader, tmp_path: Path) -> None:
    reader.does(block("sh", "export WORD=one\nmkdir inner\ncd inner\nfalse # exits with 1\n"))
    reader.does(block("yaml", "a: 1\n", file="kept.yaml"))
    reader.does(block("console", "$ cat kept.yaml\na: 1\n$ echo $WORD two; echo three\none … three\n"))
    reader.does(block("yaml", "jobs: {one: {env: {WORD: x}, steps: [{uses: y}, {run: 'test $WORD = x'}]}}\n"))
    assert (tmp_path / "inner" / "kept.yaml").exists()


@pytest.mark.parametrize(
    ("shown", "written", "same"),
    [
        ("a b", "a\n  b\n", True),
        ("a …", "a", True),
        ("…b", "a b", True),
        ("a … c", "a\nb\nc", True),
        ("a.c", "abc", False),
        ("a", "a b", False),
        ("", "a", False),
        ("…", "", True),
    ],
)
def test_output_that_is_the_same(shown: str, written: str, same: bool) -> None:
    assert as_shown(shown, written) is same


def test_lines_that_belong_together() -> None:
    script = "one \\\n  two\n\n# a remark\ncat <<END\nthree\nEND\nif true\nthen four\nfi\n"
    assert list(commands(script)) == ["one \\\n  two", "cat <<END\nthree\nEND", "if true\nthen four\nfi"]
    assert list(sessions("$ one \\\n> two\nthree\n$ four\n")) == [("one \\\ntwo", "three"), ("four", "")]
