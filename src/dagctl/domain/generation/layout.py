"""Values as Python source, laid out as ruff does it."""

from __future__ import annotations

from collections.abc import Iterable
from keyword import iskeyword

from attrs import evolve

from dagctl.domain.generation.literals import expression, live, triple_quoted
from dagctl.domain.values.document import Call, Entry, Item, Leaf, Live, Mapping, Node, Sequence

WIDTH = 88
STEP = 4


def call_with_keywords(name: str, function: str, settings: Mapping) -> list[str]:
    """`name = function(key=value, …)`, a setting a line."""
    lines = [f"{name} = {function}("]
    for entry in settings.entries:
        key = entry.key.value if isinstance(entry.key, Leaf) else None
        if isinstance(key, str) and key.isidentifier() and key.isascii() and not iskeyword(key):
            lines += _part(entry, f"{key}=", STEP)
        else:
            inner = Mapping((evolve(entry, above=(), beside=None),))
            lines += [*_comments(entry.above, STEP), *_value(inner, STEP, "**", entry.beside)]
    return [*lines, *_comments(settings.tail, STEP), ")"]


def _part(part: Entry | Item, prefix: str, indent: int) -> list[str]:
    """An entry or an element, with its comments."""
    lines = _value(part.value, indent, prefix, part.beside)
    if part.beside is None or len(lines[0]) <= WIDTH:
        return [*_comments(part.above, indent), *lines]
    above = (*part.above, part.beside)
    return [*_comments(above, indent), *_value(part.value, indent, prefix, None)]


def _value(node: Node, indent: int, prefix: str, beside: str | None) -> list[str]:
    """A value with what comes before it, and a comma behind it."""
    pad, note = " " * indent, f"  {_comment(beside)}" if beside is not None else ""
    one_line = _one_line(node)
    if isinstance(node, Leaf):
        return _leaf(node, f"{pad}{prefix}", pad, note)
    if one_line is not None and len(f"{pad}{prefix}{one_line},") <= WIDTH:
        return [f"{pad}{prefix}{one_line},{note}"]
    if isinstance(node, Mapping):
        return [f"{pad}{prefix}{{{note}", *_inside(node, indent + STEP), f"{pad}}},"]
    if isinstance(node, Sequence):
        return [f"{pad}{prefix}[{note}", *_inside(node, indent + STEP), f"{pad}],"]
    return _call(node if isinstance(node, Call) else live(node), indent, prefix, note)


def _leaf(leaf: Leaf, before: str, pad: str, note: str) -> list[str]:
    quoted = triple_quoted(leaf.value) if isinstance(leaf.value, str) else None
    if quoted is not None:
        return [*([f"{pad}{note.strip()}"] if note else []), f"{before}{quoted},"]
    return [f"{before}{expression(leaf)},{note}"]


def _call(call: Call, indent: int, prefix: str, note: str) -> list[str]:
    """A call that needs several lines."""
    pad, inner = " " * indent, " " * (indent + STEP)
    together = ", ".join(call.arguments)
    if len(call.arguments) == 1:
        return [f"{pad}{prefix}{call.name}({note}", f"{inner}{together}", f"{pad}),"]
    if len(f"{inner}{together}") <= WIDTH:
        return [f"{pad}{prefix}{call.name}({note}", f"{inner}{together}", f"{pad}),"]
    return [f"{pad}{prefix}{call.name}({note}", *(f"{inner}{argument}," for argument in call.arguments), f"{pad}),"]


def _inside(node: Mapping | Sequence, indent: int) -> list[str]:
    lines: list[str] = []
    if isinstance(node, Mapping):
        for entry in node.entries:
            lines += _part(entry, f"{expression(entry.key)}: ", indent)
    else:
        for item in node.items:
            lines += _part(item, "", indent)
    return [*lines, *_comments(node.tail, indent)]


def _one_line(node: Node) -> str | None:
    """The value on one line; None where a person would give it several."""
    if isinstance(node, Mapping):
        return _short_mapping(node)
    if isinstance(node, Sequence):
        return _short_sequence(node)
    return expression(node)


def _short_mapping(node: Mapping) -> str | None:
    """A mapping with nothing or just one scalar in it: nobody gives that more than a line."""
    if node.tail or len(node.entries) > 1:
        return None
    if not node.entries:
        return "{}"
    (entry,) = node.entries
    return f"{{{expression(entry.key)}: {_short(entry)}}}" if _short(entry) is not None else None


def _short_sequence(node: Sequence) -> str | None:
    parts = [_short(item) for item in node.items]
    found = [part for part in parts if part is not None]
    return f"[{', '.join(found)}]" if not node.tail and len(found) == len(parts) else None


def _short(part: Entry | Item) -> str | None:
    """A scalar without comments."""
    if isinstance(part.value, (Leaf, Live)) and not part.above and part.beside is None:
        return expression(part.value)
    return None


def _comments(texts: Iterable[str], indent: int) -> list[str]:
    return [f"{' ' * indent}{_comment(text)}" for text in texts]


def _comment(text: str) -> str:
    shown = "".join(character if character.isprintable() else " " for character in text).rstrip()
    if not shown:
        return "#"
    return f"#{shown}" if shown.startswith((" ", "#", "!", ":")) else f"# {shown}"
