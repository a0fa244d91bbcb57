"""Every configuration of SQLMesh's own documentation and examples is the same in Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.domain.generation.conftest import environments, skip_if_sqlmesh_is_too_old, variables

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
FILES = sorted(CORPUS.glob("*/*.y*ml"))

if not FILES:
    pytest.skip("the corpus is not here (../shared/corpus)", allow_module_level=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_the_corpus(path: Path, convert: Callable[..., str], compare: Callable[..., int]) -> None:
    skip_if_sqlmesh_is_too_old(path.parent.name)
    text = path.read_text("utf-8")
    sets = environments(text)
    with variables(sets[0]):
        python = convert(text, path.name)
    assert compare(text, python, sets, path.name), "SQLMesh loads it under no set of variables"
