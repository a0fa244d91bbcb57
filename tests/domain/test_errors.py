"""The tree of refusals."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Iterator

import pytest

from dagctl.domain import errors
from dagctl.domain.errors import DagctlError, Refused

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if found.__module__ == errors.__name__]


def make(kind: type[DagctlError], message: str = "It broke.", hint: str | None = None) -> DagctlError:
    if issubclass(kind, Refused):
        return kind(message, code="teapot", hint=hint)
    return kind(message, hint=hint)


def _drawn() -> Iterator[tuple[str, str]]:
    """Name and parent of each class in the module docstring's tree."""
    above = ["DagctlError"]
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:│   |    )*)(?:├──|└──) (\w+)", line)
        if match:
            depth = len(match[1]) // 4 + 1
            del above[depth:]
            yield match[2], above[-1]
            above.append(match[2])


def test_the_drawn_tree_is_the_tree() -> None:
    real = {found.__name__: found.__bases__[0].__name__ for found in CLASSES if found is not DagctlError}
    drawn = list(_drawn())
    assert dict(drawn) == real
    assert len(drawn) == len(real)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_refusal_is_a_runtime_error_with_a_message_and_a_cure(kind: type[DagctlError]) -> None:
    assert issubclass(kind, DagctlError)
    assert issubclass(kind, RuntimeError)
    assert kind.__doc__
    error = make(kind, hint="Mend it.")
    assert (error.message, error.hint) == ("It broke.", "Mend it.")
    assert str(error) == "It broke.\nMend it."
    assert str(make(kind)) == "It broke."


@pytest.mark.parametrize("kind", CLASSES)
def test_every_refusal_crosses_processes(kind: type[DagctlError]) -> None:
    error = make(kind, hint="Mend it.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert vars(again) == vars(error)
    assert str(again) == str(error)
