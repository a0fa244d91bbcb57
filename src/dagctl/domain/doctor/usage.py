"""How a SQLMesh `config.py` uses dagctl, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from attrs import frozen

from dagctl.domain.generation.additions import parsed


@frozen
class ConfigUsage:
    """What a configuration calls.

    Attributes:
        connects: it calls `get_state_connection`.
        guards: it calls `check_environment_protection`.
        pins: the projects that it pins with a literal string.
        unpinned: a call pins no project.
    """

    connects: bool = False
    guards: bool = False
    pins: tuple[str, ...] = ()
    unpinned: bool = False


def usage_of(text: str) -> ConfigUsage | None:
    """What the Python source `text` calls; None if it is not Python."""
    try:
        calls = list(_calls(parsed(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    connecting = [call for name, call in calls if name == "get_state_connection"]
    pins = [_project(call) for call in connecting]
    literal = [pin.value for pin in pins if isinstance(pin, ast.Constant) and isinstance(pin.value, str)]
    return ConfigUsage(
        connects=bool(connecting),
        guards=any(name == "check_environment_protection" for name, _ in calls),
        pins=tuple(dict.fromkeys(literal)),
        unpinned=any(pin is None or (isinstance(pin, ast.Constant) and pin.value is None) for pin in pins),
    )


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the name of the function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            yield name, node


def _project(call: ast.Call) -> ast.expr | None:
    """The value of `project`. A `**settings` may hold it, so it counts as a pin."""
    return next((keyword.value for keyword in call.keywords if keyword.arg in ("project", None)), None)
