"""Values as Python source, in ruff's format."""

from __future__ import annotations

from collections.abc import Iterable
from keyword import iskeyword

from attrs import evolve

from dagctl.domain.generation.literals import expression, literal, live, triple_quoted
from dagctl.domain.values.document import Call, Entry, Item, Leaf, Live, MappingValue, SequenceValue, Value

WIDTH = 88
STEP = 4


def configuration(settings: MappingValue) -> list[str]:
    """`config = project_config(key=value, …)`, one setting per line."""
    lines = ["config = project_config("]
    for entry in settings.entries:
        key = entry.key.value if isinstance(entry.key, Leaf) else None
        # Python would normalize a name that is not ASCII (PEP 3131)
        if isinstance(key, str) and key.isidentifier() and key.isascii() and not iskeyword(key):
            lines += _part(entry, f"{key}=", STEP)
        else:
            inner = MappingValue((evolve(entry, above=(), beside=None),))
            lines += _part(evolve(entry, value=inner), "**", STEP)
    return [*lines, *_comments(settings.tail, STEP), ")"]


def call_of(call: Call, prefix: str = "", indent: int = 0, end: str = "") -> list[str]:
    """`prefix` and the call, on as few lines as fit."""
    pad, inner = " " * indent, " " * (indent + STEP)
    arguments = call.arguments or ()
    one_line = f"{pad}{prefix}{expression(call)}{end}"
    hugged = len(arguments) == 1 and "\n" in arguments[0]  # ruff leaves a lone multi-line string beside its bracket
    if hugged or ("\n" not in one_line and len(one_line) <= WIDTH) or not arguments:
        return one_line.split("\n")
    together = ", ".join(arguments)
    if len(arguments) == 1 or ("\n" not in together and len(f"{inner}{together}") <= WIDTH):
        lines = [f"{inner}{together}"]
    else:
        lines = [line for argument in arguments for line in f"{inner}{argument},".split("\n")]
    return [f"{pad}{prefix}{call.name}(", *lines, f"{pad}){end}"]


def _part(part: Entry | Item, prefix: str, indent: int) -> list[str]:
    """An entry or an element, with its comments."""
    lines = _value(part.value, indent, prefix)
    first = lines[0] if part.beside is None else f"{lines[0]}  {_comment(part.beside)}"
    in_text = isinstance(part.value, (Leaf, Call)) and not lines[0].endswith((",", "("))  # a `#` would be in a string
    if part.beside is None or (len(first) <= WIDTH and not in_text):
        return [*_comments(part.above, indent), first, *lines[1:]]
    apart = ("",) if part.above else ()
    return [*_comments((*part.above, *apart, part.beside), indent), *lines]


def _value(node: Value, indent: int, prefix: str) -> list[str]:
    """A value after its prefix, with a trailing comma."""
    pad = " " * indent
    if isinstance(node, (Call, Live)):
        return call_of(node if isinstance(node, Call) else live(node), prefix, indent, ",")
    if isinstance(node, Leaf):
        text = (triple_quoted(node.value) if isinstance(node.value, str) else None) or literal(node.value)
        return f"{pad}{prefix}{text},".split("\n")
    one_line = _one_line(node)
    if one_line is not None and len(f"{pad}{prefix}{one_line},") <= WIDTH:
        return [f"{pad}{prefix}{one_line},"]
    opening, closing = "{}" if isinstance(node, MappingValue) else "[]"
    return [f"{pad}{prefix}{opening}", *_inside(node, indent + STEP), f"{pad}{closing},"]


def _inside(node: MappingValue | SequenceValue, indent: int) -> list[str]:
    lines: list[str] = []
    if isinstance(node, MappingValue):
        for entry in node.entries:
            lines += _part(entry, f"{expression(entry.key)}: ", indent)
    else:
        for item in node.items:
            lines += _part(item, "", indent)
    return [*lines, *_comments(node.tail, indent)]


def _one_line(node: MappingValue | SequenceValue) -> str | None:
    """The value on one line; None if a person would use several: for two entries, say."""
    parts = node.entries if isinstance(node, MappingValue) else node.items
    found = [text for text in map(_short, parts) if text is not None]
    if node.tail or len(found) < len(parts):
        return None
    if isinstance(node, SequenceValue):
        return f"[{', '.join(found)}]"
    pairs = [f"{expression(entry.key)}: {text}" for entry, text in zip(node.entries, found, strict=True)]
    return f"{{{''.join(pairs)}}}" if len(pairs) < 2 else None


def _short(part: Entry | Item) -> str | None:
    """A scalar on one line without comments."""
    if isinstance(part.value, (Leaf, Call)) and not part.above and part.beside is None:
        text = expression(part.value)
        return text if "\n" not in text else None
    return None


def _comments(texts: Iterable[str], indent: int) -> list[str]:
    return [f"{' ' * indent}{_comment(text)}" for text in texts]


def _comment(text: str) -> str:
    shown = "".join(character if character.isprintable() else " " for character in text).rstrip()
    if not shown:
        return "#"
    return f"#{shown}" if shown.startswith((" ", "#", "!", ":")) else f"# {shown}"  # pycodestyle E262 and E265
