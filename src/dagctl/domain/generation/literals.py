"""Values as Python expressions, laid out as ruff does it."""

from __future__ import annotations

import ast
import datetime
import math

from dagctl.domain.values.document import Call, Leaf, Live


def literal(value: object) -> str:
    """The expression for a value that YAML can hold; evaluating it gives the very value, and runs nothing else."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, datetime.datetime):
        return _datetime(value)
    if isinstance(value, datetime.date):
        return f"datetime.date({value.year}, {value.month}, {value.day})"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(map(literal, value)))}}}" if value else "set()"
    if isinstance(value, bytes):
        return _prefer_double(repr(value))
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def triple_quoted(text: str) -> str | None:
    """Text of several lines as a person would write it; None where that would not be the same text."""
    body = text.replace("\\", "\\\\")
    plain = all(character.isprintable() or character == "\n" for character in text)
    ragged = any(line != line.rstrip() for line in text.split("\n"))
    if not plain or ragged or '"""' in text or text.endswith('"') or text.count("\n") < 1:
        return None
    return f'"""\\\n{body}"""'


def expression(scalar: Leaf | Live | Call) -> str:
    """The expression for a scalar, on one line."""
    if isinstance(scalar, Leaf):
        return literal(scalar.value)
    call = live(scalar) if isinstance(scalar, Live) else scalar
    return f"{call.name}({', '.join(call.arguments)})"


def live(scalar: Live) -> Call:
    """The call that gives a live scalar's value when the configuration is loaded."""
    quote, inner = _unquoted(scalar.source)
    arguments = _env_var(inner)
    if arguments is None:
        return Call("yaml_value", (_string(scalar.source),))
    if not quote:
        return Call("env_var", arguments)
    return Call("env_text", arguments if quote == '"' else (*arguments, 'quote="\'"'))


def _unquoted(source: str) -> tuple[str, str]:
    for quote in ('"', "'"):
        if len(source) > 1 and source[0] == source[-1] == quote:
            return quote, source[1:-1]
    return "", source


def _env_var(inner: str) -> tuple[str, ...] | None:
    """The arguments of `{{ env_var(…) }}`, if that and nothing else is what `inner` holds."""
    if not (inner.startswith("{{") and inner.endswith("}}")) or inner.count("{{") != 1:
        return None
    try:
        call = ast.parse(inner[2:-2].strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "env_var"):
        return None
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "default")]
    values = [argument.value for argument in given if isinstance(argument, ast.Constant)]
    if len(values) != len(call.args) + len(call.keywords) or not 1 <= len(values) <= 2:
        return None
    if not isinstance(values[0], str) or not all(isinstance(value, (str, int, float)) for value in values):
        return None
    return tuple(map(literal, values))


def _string(text: str) -> str:
    quote = "'" if text.count('"') > text.count("'") else '"'
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


def _datetime(value: datetime.datetime) -> str:
    parts = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]
    while len(parts) > 3 and parts[-1] == 0:
        parts.pop()
    arguments = ", ".join(map(str, parts))
    offset = value.utcoffset()
    if offset is None:
        return f"datetime.datetime({arguments})"
    zone = (
        "datetime.timezone.utc"
        if not offset
        else f"datetime.timezone(datetime.timedelta(seconds={int(offset.total_seconds())}))"
    )
    return f"datetime.datetime({arguments}, tzinfo={zone})"
