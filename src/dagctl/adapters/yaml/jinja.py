"""Puts the Jinja of a text aside so that the rest can be read as YAML. Jinja is never rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from dagctl.domain.errors import ConfigProblem


@frozen
class Jinja:
    """A text with its Jinja put aside.

    Attributes:
        original: the text as Jinja reads it.
        text: the same text with a word in place of each expression or block, in characters that YAML takes for plain
            text. A word includes the whitespace that `{{-` and `-}}` strip, and has the same length as what it
            replaces: indexes are the same in both texts, lines are not.
        expressions: the words, and what each stands for.
        remarks: where Jinja's comments were. They are blank in `text`.
    """

    original: str
    text: str
    expressions: Mapping[str, str]
    remarks: tuple[tuple[int, int], ...] = ()

    def restored(self, text: str) -> str:
        """`text` with its expressions restored."""
        return _WORD.sub(lambda found: self.expressions.get(found[0], found[0]), text)

    def has(self, text: object) -> bool:
        """Whether `text` contains an expression that was put aside."""
        return isinstance(text, str) and any(word in self.expressions for word in _WORD.findall(text))

    def touches(self, start: int, end: int) -> bool:
        """Whether Jinja affects that part of the text."""
        remarked = any(first < end and start < last for first, last in self.remarks)
        return remarked or self.has(self.text[start:end])


_FIRST_DIGIT, _BASE = 0xE001, 0xF8FF - 0xE001 + 1
_WORD = re.compile("\ue000[\ue001-\uf8ff]*")
"""A word, in private-use characters: YAML takes them for plain text, and nobody writes them."""
_LINE_END = re.compile(r"\r\n|\r")
_OPENING = re.compile(r"\{\{|\{%|\{#")
_INSIDE = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[}%]\}|[{(\[]|[})\]]|.", re.DOTALL)
_TAG = re.compile(r"\{%[-+]?\s*(\w+)")
_RAW_END = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_BLOCKS = {"if": "endif", "for": "endfor"}
"""Blocks that do not affect what follows them, unlike `set` and `macro`."""


def put_aside(text: str, name: str) -> Jinja | None:
    """Put the Jinja of `text` aside; None if it may affect more than single scalars.

    Raises:
        ConfigProblem: an expression is not closed.
    """
    pieces: list[str] = []
    expressions: dict[str, str] = {}
    remarks: list[tuple[int, int]] = []
    at = 0
    text = _LINE_END.sub("\n", text).removesuffix("\n")  # like Jinja, which drops the last line break
    if re.search("[\ue000-\uf8ff]", text):  # the text itself has the characters of our words
        return None
    while (opening := _OPENING.search(text, at)) is not None:
        end = _end(text, opening.start())
        if end is None and opening[0] == "{{":
            where = place_of(text, opening.start())
            raise ConfigProblem(f"{name} is not valid Jinja: the expression {where} is not closed.", path=name)
        if end is None:
            return None  # a block that affects what follows it, like `set`
        start, end = _with_eaten(text, opening.start(), end, at)
        word = _blank(text, start, end) if opening[0] == "{#" else None
        if word is not None:
            remarks.append((start, end))
        else:
            word = _word(len(expressions), end - start)
            expressions[word] = text[start:end]
        pieces += [text[at:start], word]
        at = end
    return Jinja(text, "".join([*pieces, text[at:]]), expressions, tuple(remarks))


def _word(number: int, length: int) -> str:
    digits = []
    for _ in range(length - 1):
        number, digit = divmod(number, _BASE)
        digits.append(chr(_FIRST_DIGIT + digit))
    return "".join(["\ue000", *digits])


def _with_eaten(text: str, start: int, end: int, at: int) -> tuple[int, int]:
    """The span with the whitespace that its `-` strips; `at` is where the last span ended."""
    if text[start + 2] == "-":
        while start > at and text[start - 1].isspace():
            start -= 1
    if text[end - 3] == "-":  # of `-}}`, `-%}` or `-#}`
        while end < len(text) and text[end].isspace():
            end += 1
    return start, end


def _blank(text: str, start: int, end: int) -> str | None:
    """The blanks that replace a Jinja comment; None if blanks would change the YAML."""
    if end == len(text) or text[end] == "\n":
        return " " * (end - start)
    if start == 0 or text[start - 1] == "\n":
        return " " * (end - start - 1) + "\n"  # what follows still starts a line
    return None


def _end(text: str, start: int) -> int | None:
    """Where the expression, comment or block that opens at `start` ends; None if it is not closed, or not supported."""
    if text.startswith("{#", start):
        end = text.find("#}", start + 2)
        return end + 2 if end >= 0 else None
    if text.startswith("{{", start):
        return _closing(text, start + 2, "}}")
    tag = _TAG.match(text, start)
    if tag is not None and tag[1] == "raw":
        raw_end = _RAW_END.search(text, tag.end())
        return raw_end.end() if raw_end is not None else None
    at = _closing(text, start + 2, "%}")
    while tag is not None and tag[1] in _BLOCKS and at is not None:
        opening = _OPENING.search(text, at)
        inner = _TAG.match(text, opening.start()) if opening is not None else None
        if opening is None:
            return None
        if inner is None or inner[1] not in (_BLOCKS[tag[1]], "elif", "else"):
            at = _end(text, opening.start())  # something nested
            continue
        at = _closing(text, inner.end(), "%}")
        if inner[1] == _BLOCKS[tag[1]]:
            return at
    return None


def _closing(text: str, at: int, closing: str) -> int | None:
    depth = 0
    while (piece := _INSIDE.match(text, at)) is not None:
        at = piece.end()
        if piece[0] == closing and depth == 0:
            return at
        if piece[0] in ("}}", "%}"):  # within brackets, `}}` ends two dictionaries: take one character at a time
            at, depth = at - 1, depth - (piece[0] == "}}")
        elif piece[0] in "{([":
            depth += 1
        elif piece[0] in "})]":
            depth -= 1
    return None


def place_of(text: str, index: int) -> str:
    """An index as line and column, counted from 1."""
    line = text.count("\n", 0, index) + 1
    return f"at line {line}, column {index - text.rfind(chr(10), 0, index)}"
