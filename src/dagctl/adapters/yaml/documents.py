"""SQLMesh configurations, taken apart with ruamel's safe loader; Jinja is put aside first and never rendered."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from typing import Any

from attrs import define, field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from dagctl.domain.errors import ConfigProblem
from dagctl.domain.generation.document import Entry, Item, Leaf, Live, Mapping, Node, Sequence, YamlDocument


class RuamelReader:
    """The `YamlReader` on ruamel."""

    def read(self, text: str, name: str) -> YamlDocument:
        """Take `text` apart."""
        jinja = put_aside(text, name)
        if jinja is None:
            return YamlDocument(text, None)
        try:
            data = YAML(typ="safe").load(jinja.text)
        except MarkedYAMLError as error:
            raise _not_yaml(error, name, jinja) from None
        except (YAMLError, ValueError, TypeError, RecursionError) as error:
            raise ConfigProblem(f"{name} is not valid YAML: {_first_line(error)}.") from None
        if data is None:
            raise ConfigProblem(f"{name} is empty.")
        if not isinstance(data, dict):
            raise ConfigProblem(f"{name} is not a mapping of settings.")
        try:
            composed = YAML(typ="safe", pure=True).compose(jinja.text)  # has the places, and only Python's parser does
            root = _Reading(jinja, composed).mapping(composed, data)
        except (_StructuralError, YAMLError):
            return YamlDocument(text, None)
        return YamlDocument(text, root)


class _StructuralError(Exception):
    """What Jinja renders to could be more than one scalar there."""


@frozen
class Jinja:
    """A text with its Jinja expressions put aside.

    Attributes:
        text: the text, a word of the same length for each expression: lines and columns stay what they are.
        expressions: the words, and what each stands for.
    """

    text: str
    expressions: AnyMapping[str, str]

    def restored(self, text: str) -> str:
        """`text` with its expressions back in place."""
        return _WORD.sub(lambda found: self.expressions.get(found[0], found[0]), text)

    def has(self, text: object) -> bool:
        """Whether an expression was put aside in `text`."""
        return isinstance(text, str) and any(word in self.expressions for word in _WORD.findall(text))


_FIRST_DIGIT, _BASE = 0xE001, 0xF8FF - 0xE001 + 1
_WORD = re.compile("\ue000[\ue001-\uf8ff]*")
"""A word, in characters for private use: YAML takes them for plain text, and nobody writes them."""
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


@define
class _Place:
    """Where an entry or an element begins, and the comments that belong to it."""

    line: int
    column: int
    container: int
    above: list[str] = field(factory=list)
    beside: str | None = None


class _Reading:
    """One document on its way from ruamel's nodes to ours."""

    def __init__(self, jinja: Jinja, root: MappingNode) -> None:
        self._jinja = jinja
        self._lives: dict[str, Live] = {}
        self._places: dict[int, _Place] = {}
        self._columns: dict[int, int] = {}
        self._parents: dict[int, int] = {}
        self._tails: dict[int, list[str]] = {}
        self._spans: list[tuple[int, int]] = []
        self._survey(root, flow=False, seen=set())
        self._attach_comments()

    def mapping(self, node: MappingNode, data: AnyMapping[Any, Any]) -> Mapping:
        """A mapping, with its comments where ruamel's data are in the nodes' order."""
        if any(key.tag.endswith(":merge") for key, _ in node.value) or len(node.value) != len(data):
            return self._without_comments(data)
        entries = []
        for (key_node, value_node), (key, value) in zip(node.value, data.items(), strict=True):
            place = self._places.get(id(key_node))
            entries.append(
                Entry(
                    self._scalar(key),
                    self._node(value_node, value),
                    tuple(place.above) if place else (),
                    place.beside if place else None,
                )
            )
        return Mapping(tuple(entries), tuple(self._tails.get(id(node), ())))

    def _node(self, node: YamlNode, data: object) -> Node:
        if isinstance(node, MappingNode) and isinstance(data, dict):
            return self.mapping(node, data)
        if isinstance(node, SequenceNode) and isinstance(data, list) and len(node.value) == len(data):
            items = []
            for item_node, value in zip(node.value, data, strict=True):
                place = self._places.get(id(item_node))
                above, beside = (tuple(place.above), place.beside) if place else ((), None)
                items.append(Item(self._node(item_node, value), above, beside))
            return Sequence(tuple(items), tuple(self._tails.get(id(node), ())))
        return self._plain(data)

    def _plain(self, data: object) -> Node:
        if isinstance(data, dict):
            return self._without_comments(data)
        if isinstance(data, list):
            return Sequence(tuple(Item(self._plain(value)) for value in data))
        return self._scalar(data)

    def _without_comments(self, data: AnyMapping[Any, Any]) -> Mapping:
        return Mapping(tuple(Entry(self._scalar(key), self._plain(value)) for key, value in data.items()))

    def _scalar(self, data: object) -> Leaf | Live:
        if isinstance(data, (set, frozenset, tuple)) and any(map(self._jinja.has, data)):
            raise _StructuralError
        if not self._jinja.has(data):
            return Leaf(data)
        if data not in self._lives:
            raise _StructuralError
        return self._lives[str(data)]

    def _survey(self, node: YamlNode, *, flow: bool, seen: set[int]) -> None:
        """Note where everything begins, and which scalars are live."""
        if isinstance(node, ScalarNode):
            self._spans.append((node.start_mark.index, node.end_mark.index))
            return self._note_live(node, flow)
        if id(node) in seen:
            return None
        seen.add(id(node))
        flow = flow or bool(getattr(node, "flow_style", False))
        for first, child in _children(node):
            self._columns.setdefault(id(node), first.start_mark.column)
            if not flow:
                mark = first.start_mark
                self._places.setdefault(id(first), _Place(mark.line, mark.column, id(node)))
            for part in (first, child) if child is not first else (first,):
                if not isinstance(part, ScalarNode):
                    self._parents.setdefault(id(part), id(node))
                self._survey(part, flow=flow, seen=seen)
        return None

    def _note_live(self, node: ScalarNode, flow: bool) -> None:
        if not self._jinja.has(node.value):
            return
        source = self._jinja.text[node.start_mark.index : node.end_mark.index]
        if node.style in ("|", ">") or (flow and node.style is None) or "\n" in source:
            raise _StructuralError
        self._lives.setdefault(node.value, Live(self._jinja.restored(source)))
        if self._lives[node.value].source != self._jinja.restored(source):
            raise _StructuralError

    def _attach_comments(self) -> None:
        places = sorted(self._places.values(), key=lambda place: (place.line, place.column))
        lines = [place.line for place in places]
        for line, column, alone, text in self._comments():
            text = self._jinja.restored(text)
            index = bisect_right(lines, line)
            before = places[index - 1] if index else None
            after = places[index] if index < len(places) else None
            if not alone and before is not None:
                if before.beside is None:
                    before.beside = text
                else:
                    before.above.append(text)
            elif after is not None and (before is None or column <= after.column or after.column > before.column):
                after.above.append(text)
            elif before is not None:
                self._tails.setdefault(self._tail_of(before.container, column), []).append(text)

    def _tail_of(self, container: int, column: int) -> int:
        while self._columns.get(container, 0) > column and container in self._parents:
            container = self._parents[container]
        return container

    def _comments(self) -> Iterator[tuple[int, int, bool, str]]:
        """Every comment: line, column, whether it has the line for itself, and its text."""
        starts = sorted(self._spans)
        firsts = [start for start, _ in starts]
        offset = 0
        for number, line in enumerate(self._jinja.text.splitlines(keepends=True)):
            for found in re.finditer(r"(?:^|(?<=\s))#", line):
                index = bisect_right(firsts, offset + found.start()) - 1
                if index < 0 or starts[index][1] <= offset + found.start():
                    alone = not line[: found.start()].strip()
                    yield number, found.start(), alone, line[found.end() :].rstrip("\r\n")
                    break
            offset += len(line)


def _children(node: YamlNode) -> Iterator[tuple[YamlNode, YamlNode]]:
    if isinstance(node, MappingNode):
        yield from node.value
    else:
        for child in node.value:
            yield child, child


def _not_yaml(error: MarkedYAMLError, name: str, jinja: Jinja) -> ConfigProblem:
    mark = error.problem_mark or error.context_mark
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    why = jinja.restored(_first_line(error.problem or error.context or "it cannot be parsed"))
    return ConfigProblem(f"{name} is not valid YAML{where}: {why}.")


def _first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _where(text: str, index: int) -> str:
    line = text.count("\n", 0, index) + 1
    return f"at line {line}, column {index - text.rfind(chr(10), 0, index)}"
