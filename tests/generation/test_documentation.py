"""The pairs in the documentation are what the converter writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "convert-config.md").read_text("utf-8")
PAIRS = re.findall(r"```yaml\n(.*?)```\n\n```python\n(.*?)```", PAGE, re.DOTALL)


def test_there_are_three() -> None:
    assert len(PAIRS) == 3


@pytest.mark.parametrize(("yaml", "python"), PAIRS)
def test_a_pair(yaml: str, python: str, convert: Callable[..., str]) -> None:
    _, _, body = convert(yaml).split('"""', 2)
    assert body.lstrip("\n") == python
