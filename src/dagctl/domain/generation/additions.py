"""How a `config.py` uses dagctl, and what it lacks to keep its state on the platform. Parses it, and never runs it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator

from attrs import frozen

from dagctl.domain.generation.literals import literal

STATE = "state_connection"
_NAMES = frozenset({"Config", "GatewayConfig", "check_environment_protection", "get_state_connection"})


@frozen
class Addition:
    """A line to add to a `config.py`.

    Attributes:
        line: the line number, from 1, of the call or dict that it goes into.
        place: what that is, in words.
        text: the line to add.
        instead_of: the number of the line that it replaces; None if it replaces none.
    """

    line: int
    place: str
    text: str
    instead_of: int | None = None


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
        calls = [node for node in ast.walk(_parsed(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    pins = [_pin(call) for call in calls if _named(call, "get_state_connection")]
    literals = [pin.value for pin in pins if isinstance(pin, ast.Constant) and isinstance(pin.value, str)]
    return ConfigUsage(
        connects=bool(pins),
        guards=any(_named(call, "check_environment_protection") for call in calls),
        pins=tuple(dict.fromkeys(literals)),
        unpinned=any(pin is None or (isinstance(pin, ast.Constant) and pin.value is None) for pin in pins),
    )


def additions_to(text: str, project: str) -> tuple[Addition, ...] | None:
    """The lines that the Python source `text` lacks, pinned to `project`; None if it is not Python."""
    try:
        tree = _parsed(text)
        defaults = [_default(node) for node in ast.walk(tree) if isinstance(node, ast.Call) and _named(node, "Config")]
        search = _Search(project, _connecting(tree))
        return tuple(search.within(tree, defaults[0] if defaults else '"prod"', None))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parsed(text: str) -> ast.Module:
    """The Python source `text`, whose calls use `_NAMES` even if it imports them under other names."""
    tree = ast.parse(text)
    imported = [alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    renamed = {alias.asname: alias.name for alias in imported if _NAMES & {alias.name, alias.asname}}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            node.func.id = renamed.get(node.func.id, node.func.id)
    return tree


def _connecting(tree: ast.AST) -> frozenset[str]:
    """The names that give dagctl's state connection: the function's own, and those of whatever uses it."""
    names = {"get_state_connection"}
    for node in ast.walk(tree):
        binds = isinstance(node, (ast.FunctionDef, ast.Assign, ast.AnnAssign))
        if not binds or not any(map(_names(names), ast.walk(node))):
            continue
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names.update(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset(names)


def _names(known: Collection[str]) -> Callable[[ast.AST], bool]:
    return lambda node: getattr(node, "attr", getattr(node, "id", None)) in known


@frozen
class _Search:
    """The lines that a source lacks; `known` has the names that give dagctl's state connection."""

    project: str
    known: frozenset[str]

    def within(self, node: ast.AST, default: str, name: ast.expr | None) -> Iterator[Addition]:
        """Those that a part of the source lacks.

        Args:
            default: the default environment of the surrounding `Config`, else of the first one, as an expression.
            name: the part's key.
        """
        if isinstance(node, ast.Call) and _named(node, "Config"):
            default = _default(node)
            if _argument(node, "gateways") is None and not any(keyword.arg is None for keyword in node.keywords):
                text = f'gateways={{"": {{"{STATE}": {self._call(None, default)}}}}},'
                yield Addition(node.lineno, "Config, which has no gateways", text)
        if not isinstance(node, (ast.Call, ast.Dict)) or not _is_gateway(node):
            for key, value in _inner(node):
                yield from self.within(value, default, key)
            return
        state = _argument(node, STATE)
        if state is None or not any(map(_names(self.known), ast.walk(state))):
            prefix = f"{STATE}=" if isinstance(node, ast.Call) else f'"{STATE}": '
            where = f"the gateway {_source(name)}" if name is not None else "the gateway"
            instead = state.lineno if state is not None else None
            yield Addition(node.lineno, where, f"{prefix}{self._call(name, default)},", instead)

    def _call(self, name: ast.expr | None, default: str) -> str:
        gateway = f"{_source(name)}, " if name is not None else ""
        return f"get_state_connection({gateway}default_environment={default}, project={literal(self.project)})"


def _inner(node: ast.AST) -> Iterator[tuple[ast.expr | None, ast.AST]]:
    """The children of a node, with their keys."""
    if isinstance(node, ast.Dict):
        yield from zip(node.keys, node.values, strict=True)
    elif isinstance(node, ast.DictComp):
        yield node.key, node.value
    else:
        yield from ((None, inner) for inner in ast.iter_child_nodes(node))


def _default(config: ast.Call) -> str:
    given = _argument(config, "default_target_environment")
    return '"prod"' if given is None else _source(given)


def _source(value: ast.expr) -> str:
    return literal(value.value) if isinstance(value, ast.Constant) else ast.unparse(value)


def _named(node: ast.AST, name: str) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == name


def _is_gateway(node: ast.Call | ast.Dict) -> bool:
    return _named(node, "GatewayConfig") or (isinstance(node, ast.Dict) and _argument(node, "connection") is not None)


def _argument(node: ast.Call | ast.Dict, name: str) -> ast.expr | None:
    if isinstance(node, ast.Call):
        return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
    pairs = zip(node.keys, node.values, strict=True)
    return next((value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name), None)


def _pin(call: ast.Call) -> ast.expr | None:
    """The value of `project`. A `**settings` may hold it, so it counts as a pin."""
    return next((keyword.value for keyword in call.keywords if keyword.arg in ("project", None)), None)
