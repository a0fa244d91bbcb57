"""The files in the documentation are what the converter writes, and what is beside them is the same to SQLMesh."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
TEXT = "".join(
    (DOCS / page).read_text("utf-8") for page in ("how-to/convert-config.md", "explanation/generated-configs.md")
)
PAIRS = re.findall(r"```yaml\n(.*?)```\n\n```python\n(.*?)```", TEXT, re.DOTALL)
BY_HAND = re.findall(
    r"```yaml\n(.*?)```.*?By hand:\n\n```python\n(.*?)```", TEXT.partition("# Generated files")[2], re.DOTALL
)


def test_there_are_three_and_five() -> None:
    assert (len(PAIRS), len(BY_HAND)) == (8, 5)


@pytest.mark.parametrize(("yaml", "python"), PAIRS)
def test_a_pair(yaml: str, python: str, convert: Callable[..., str]) -> None:
    _, _, body = convert(yaml).split('"""', 2)
    assert body.lstrip("\n") == python


@pytest.mark.parametrize(("yaml", "python"), BY_HAND)
def test_what_is_written_by_hand_is_the_same(yaml: str, python: str, compare: Callable[..., int]) -> None:
    assert compare(yaml, python, [{}, {"STAGE": "prod", "USER_ENV": "me", "PG_PORT": "5433", "OWNER": "anna"}]) == 2
