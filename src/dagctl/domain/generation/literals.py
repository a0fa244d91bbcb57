"""Values as Python expressions, in ruff's format."""

from __future__ import annotations

import ast
import datetime
import math

from attrs import evolve

from dagctl.domain.values.document import Call, Leaf, Live, MappingValue, SequenceValue, Value


def spoken(node: Value) -> Value:
    """The same node with a Python call for each live scalar and each datetime. Do this once, at the start."""
    if isinstance(node, MappingValue):
        return evolve(node, entries=tuple(evolve(e, value=spoken(e.value)) for e in node.entries))
    if isinstance(node, SequenceValue):
        return evolve(node, items=tuple(evolve(item, value=spoken(item.value)) for item in node.items))
    if isinstance(node, Leaf) and isinstance(node.value, datetime.datetime):
        return _datetime(node.value)
    return live(node) if isinstance(node, Live) else node


def literal(value: object) -> str:
    """The expression for a value that YAML can hold. It evaluates to exactly that value, and runs nothing else."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, datetime.datetime):  # before `date`, of which it is a subclass
        return expression(_datetime(value))
    if isinstance(value, datetime.date):
        return f"datetime.date({value.year}, {value.month}, {value.day})"
    if isinstance(value, (set, frozenset)):  # sorted: the same text on every run
        return f"{{{', '.join(sorted(map(literal, value)))}}}" if value else "set()"
    if isinstance(value, bytes):
        return _prefer_double(repr(value))
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def triple_quoted(text: str) -> str | None:
    """Text of several lines in triple quotes; None if that would not evaluate to the same text."""
    body = text.replace("\\", "\\\\")
    plain = all(character.isprintable() or character == "\n" for character in text)
    ragged = any(line != line.rstrip() for line in text.split("\n"))  # editors strip blanks at the end of a line
    if not plain or ragged or '"""' in text or text.endswith('"') or text.count("\n") < 1:
        return None
    return f'"""\\\n{body}"""'


def expression(scalar: Leaf | Live | Call) -> str:
    """The expression for a scalar, on one line."""
    if isinstance(scalar, Leaf):
        return literal(scalar.value)
    if isinstance(scalar, Live):
        return expression(live(scalar))
    return scalar.name if scalar.arguments is None else f"{scalar.name}({', '.join(scalar.arguments)})"


def live(scalar: Live) -> Call:
    """The call that gives a live scalar's value when SQLMesh loads the configuration.

    SQLMesh renders Jinja first and parses the result as YAML, so the quotes decide: what an unquoted variable holds may
    be a number or a boolean, and what a quoted one holds is text.
    """
    source, style = scalar.source, scalar.style
    raw = ("escapes=False",) if style == "'" else ()  # YAML has no escapes in single quotes
    if style.startswith(("|", ">")):
        text = triple_quoted(source) or _string(source)
        return Call("yaml_block", (text, *(() if style == "|" else (_string(style),))))
    if scalar.several:
        return Call("*yaml_items", (_string(source),))  # in a flow sequence: "a, b" is two elements, and "" is none
    arguments = _env_var(source)
    if arguments is not None:
        return Call("env_text" if style else "env_var", (*arguments, *raw))
    return Call("yaml_text" if style else "yaml_value", (triple_quoted(source) or _string(source), *raw))


def _env_var(inner: str) -> tuple[str, ...] | None:
    """The arguments of `{{ env_var(…) }}`, if `inner` is exactly that."""
    if not (inner.startswith("{{") and inner.endswith("}}")) or inner.count("{{") != 1:
        return None
    try:
        call = ast.parse(inner[2:-2].strip("-").strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "env_var"):
        return None
    # SQLMesh's env_var has a name and a default; whatever else stands there is left to Jinja
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "default")]
    values = [argument.value for argument in given if isinstance(argument, ast.Constant)]
    if len(values) != len(call.args) + len(call.keywords) or not 1 <= len(values) <= 2:
        return None
    if not isinstance(values[0], str) or not all(isinstance(value, (str, int, float, type(None))) for value in values):
        return None
    return tuple(map(literal, values))


def _string(text: str) -> str:
    """Text on one line, with as few escapes as possible."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    if '"' in text and "'" in text and text.isprintable():
        triple = next((triple for triple in ('"""', "'''") if triple not in text and text[-1] != triple[0]), quote)
        quote = triple if "\\" not in text else quote
    if len(quote) == 3:
        return f"{quote}{text}{quote}"
    escaped = "".join(_escaped(character, quote) for character in text)
    return f"{quote}{escaped}{quote}"


def _escaped(character: str, quote: str) -> str:
    if character in ("\\", quote):
        return f"\\{character}"
    return character if character.isprintable() else repr(character)[1:-1]


def _prefer_double(expression: str) -> str:
    inner = expression[2:-1]
    simple = expression[1] == "'" and '"' not in inner and "\\'" not in inner
    return f'{expression[0]}"{inner}"' if simple else expression


def _datetime(value: datetime.datetime) -> Call:
    if value.tzinfo is not None:
        return Call("datetime.datetime.fromisoformat", (literal(value.isoformat()),))
    parts = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]
    while len(parts) > 3 and parts[-1] == 0:
        parts.pop()
    return Call("datetime.datetime", tuple(map(str, parts)))
