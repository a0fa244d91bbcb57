"""Jinja in a text, put aside so that what is left can be read as YAML; it is never rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from dagctl.domain.errors import ConfigProblem


@frozen
class Jinja:
    """A text with its Jinja expressions put aside.

    Attributes:
        text: the text, a word of the same length for each expression: lines and columns stay what they are.
        expressions: the words, and what each stands for.
    """

    text: str
    expressions: Mapping[str, str]

    def restored(self, text: str) -> str:
        """`text` with its expressions back in place."""
        return _WORD.sub(lambda found: self.expressions.get(found[0], found[0]), text)

    def has(self, text: object) -> bool:
        """Whether an expression was put aside in `text`."""
        return isinstance(text, str) and any(word in self.expressions for word in _WORD.findall(text))


_FIRST_DIGIT, _BASE = 0xE001, 0xF8FF - 0xE001 + 1
_WORD = re.compile("\ue000[\ue001-\uf8ff]*")
"""A word, in characters for private use: YAML takes them for plain text, and nobody writes them."""
_LINE_END = re.compile(r"\r\n|\r")
_OPENING = re.compile(r"\{\{|\{%|\{#")
_INSIDE = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\}\}|[{(\[]|[})\]]|.", re.DOTALL)


def put_aside(text: str, name: str) -> Jinja | None:
    """Put the expressions of `text` aside; None where Jinja decides on more than scalars.

    Raises:
        ConfigProblem: an expression has no end.
    """
    pieces: list[str] = []
    expressions: dict[str, str] = {}
    place = 0
    text = _LINE_END.sub("\n", text).removesuffix("\n")  # as Jinja has it: a block at the end loses its last one
    if re.search("[\ue000-\uf8ff]", text):
        return None
    while (opening := _OPENING.search(text, place)) is not None:
        if opening[0] != "{{" or text.startswith("-", opening.end()):
            return None
        end = _end_of_expression(text, opening.end())
        if end is None:
            raise ConfigProblem(f"{name} is not valid Jinja: an expression {_where(text, opening.start())} has no end.")
        if text[end - 3] in "-+" or "\n" in text[opening.start() : end]:
            return None
        word = _word(len(expressions), end - opening.start())
        expressions[word] = text[opening.start() : end]
        pieces += [text[place : opening.start()], word]
        place = end
    return Jinja("".join([*pieces, text[place:]]), expressions)


def _word(number: int, length: int) -> str:
    digits = []
    for _ in range(length - 1):
        number, digit = divmod(number, _BASE)
        digits.append(chr(_FIRST_DIGIT + digit))
    return "".join(["\ue000", *digits])


def _end_of_expression(text: str, place: int) -> int | None:
    depth = 0
    while (piece := _INSIDE.match(text, place)) is not None:
        place = piece.end()
        if piece[0] == "}}" and depth == 0:
            return place
        if piece[0] == "}}":
            place, depth = place - 1, depth - 1
        elif piece[0] in "{([":
            depth += 1
        elif piece[0] in "})]":
            depth -= 1
    return None


def _where(text: str, index: int) -> str:
    line = text.count("\n", 0, index) + 1
    return f"at line {line}, column {index - text.rfind(chr(10), 0, index)}"
