"""Reads SQLMesh configurations with ruamel's safe loader. Jinja is put aside first, and never rendered."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import BlockEntryToken

from dagctl.adapters.yaml.comments import Container, Place, attach, comments_in, paragraphs
from dagctl.adapters.yaml.jinja import Jinja, place_of, put_aside
from dagctl.domain.errors import ConfigProblem
from dagctl.domain.values.document import Entry, Item, Leaf, Live, MappingValue, SequenceValue, Value, YamlDocument
from dagctl.ports.yaml_reader import YamlReader


class RuamelReader(YamlReader):
    """The `YamlReader` over ruamel."""

    def read(self, text: str, name: str) -> YamlDocument:
        try:
            jinja = put_aside(text, name)
        except RecursionError:
            raise _too_deep(name) from None
        if jinja is None:
            return YamlDocument(text, None)
        try:
            return self._document(text, name, jinja)
        except _StructuralError:
            return YamlDocument(text, None)
        except (YAMLError, ValueError, TypeError, RecursionError) as error:
            if _may_explain(jinja, error):
                return YamlDocument(text, None)
            raise _not_yaml(error, name, jinja) from None

    def _document(self, text: str, name: str, jinja: Jinja) -> YamlDocument:
        yaml = YAML(typ="safe", pure=True)
        yaml.Composer = _Composer
        yaml.composer.warn_double_anchors = False  # as YAML 1.2 and SQLMesh have it
        # nodes know where they are in the text, but not their values; data is the reverse: so both, side by side
        node = yaml.compose(jinja.text)
        if node is not None:
            _weigh(node, name)
        reading = _Reading(jinja, node) if isinstance(node, MappingNode) else None  # before ruamel merges into nodes
        data = yaml.constructor.construct_document(node) if node is not None else None
        if "{%" in (jinja.restored(data) if isinstance(data, str) else jinja.original if data is None else ""):
            raise _StructuralError
        if data is None:
            raise ConfigProblem(f"{name} is empty.", path=name)
        if reading is None or not isinstance(data, dict):
            raise ConfigProblem(f"{name} is not a mapping of settings.", path=name)
        return YamlDocument(text, reading.whole(node, data))


class _StructuralError(Exception):
    """Jinja could render to more than one scalar."""


LIMIT = 250_000
"""How many values a document may have, repeated ones included. 10,000 gateways take 180,000."""
_MOST = 10_000_000
"""How many values SQLMesh, which looks at each of them, can process in seconds."""
_DIGITS = 4_300
"""How many decimal digits Python reads and writes. It reads longer hexadecimal numbers."""


class _Composer(Composer):
    """ruamel's composer, limited to `LIMIT` nodes: each takes 2 kB."""

    nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes += 1
        if self.nodes > LIMIT:
            raise ComposerError(problem=f"it has more than {LIMIT:,} values")
        return super().compose_node(parent, index)


def _weigh(root: Node, name: str) -> None:
    """Check that a document can be written out as Python.

    Raises:
        _StructuralError: its aliases repeat too much for that. As YAML it stays small.
        ConfigProblem: it contains itself, or is more than SQLMesh could load.
    """
    weights: dict[int, int] = {}

    def weight(node: Node) -> int:
        if isinstance(node, ScalarNode):
            return 1
        if id(node) not in weights:
            weights[id(node)] = 0  # until it is known: a node in itself
            total = 1
            for first, child in _children(node):
                total += weight(child) + (weight(first) if first is not child else 0)
                if total > _MOST or (_merges(first) and weight(child) > LIMIT):
                    raise ConfigProblem(f"{name} repeats its contents too often to be loaded.", path=name)
            weights[id(node)] = total
        elif not weights[id(node)]:
            raise ConfigProblem(f"{name} contains itself, at line {node.start_mark.line + 1}.", path=name)
        return weights[id(node)]

    if weight(root) > LIMIT:
        raise _StructuralError


class _Reading:
    """One document on its way from ruamel's nodes to ours."""

    def __init__(self, jinja: Jinja, root: MappingNode) -> None:
        self._jinja = jinja
        self._lives: dict[str, Live] = {}
        self._places: dict[tuple[int, int], Place] = {}  # by the node of the mapping or sequence, and the number in it
        self._containers: dict[int, Container] = {}
        self._scalars: list[tuple[int, int]] = []
        self._merging: dict[int, list[tuple[Node, Node]]] = {}
        tokens = YAML(typ="safe", pure=True).scan(jinja.text)
        # a node says where a value starts; where its dash is, only the tokens say
        self._dashes = [token.start_mark.index for token in tokens if isinstance(token, BlockEntryToken)]
        self._survey(root, None)
        self._order = sorted(self._places.values(), key=lambda place: place.index)
        self._indexes = [place.index for place in self._order]
        self._given: set[int] = set()
        try:
            comments = comments_in(jinja, self._scalars)
        except ValueError:
            raise _StructuralError from None
        attach(comments, self._order, self._containers[id(root)])
        self._tailed = [container for container in self._containers.values() if container.tail]

    def whole(self, root: MappingNode, data: Mapping[Any, Any]) -> MappingValue:
        """The document; comments that had no place in it are at its end."""
        found = self.mapping(root, data)
        return MappingValue(found.entries, (*self._gathered(0, len(self._jinja.text)), *found.tail))

    def mapping(self, node: MappingNode, data: Mapping[Any, Any]) -> MappingValue:
        """A mapping, with its comments."""
        merging = self._merging.get(id(node))  # with `<<`, keys and nodes do not pair up
        pairs = zip(data, node.value, strict=True) if merging is None else ()
        own: dict[object, tuple[int, Node]] = {key: (number, pair[1]) for number, (key, pair) in enumerate(pairs)}
        homeless: dict[object, tuple[str, ...]] = {}
        merged: tuple[str, ...] = ()  # comments of what is merged go to the entry that comes next
        for number, (key_node, value_node) in enumerate(merging or ()):
            if _merges(key_node):
                end = max(key_node.end_mark.index, value_node.end_mark.index)  # an alias has the marks of its anchor
                merged += self._gathered(key_node.start_mark.index, end)
            elif isinstance(key_node, ScalarNode):
                own[key_node.value] = (number, value_node)
                homeless[key_node.value], merged = merged, ()
        entries = []
        for key, value in data.items():
            if key not in own:  # merged from elsewhere
                entries.append(Entry(self._scalar(key), self._plain(value)))
                continue
            number, value_node = own[key]
            part, above, beside = self._part((id(node), number), value_node, value)
            entries.append(Entry(self._scalar(key), part, (*homeless.get(key, ()), *above), beside))
        return MappingValue(tuple(entries), (*merged, *self._tail(node)))

    def _part(self, key: tuple[int, int], node: Node, data: object) -> tuple[Value, tuple[str, ...], str | None]:
        """A value with the comments of its entry."""
        place = self._places.get(key)  # None within an alias: the comments are those of the anchor
        above, beside = place.comments() if place is not None and id(place) not in self._given else ((), None)
        self._given.add(id(place))
        value = self._node(node, data)
        opaque = isinstance(value, Leaf) and not isinstance(node, ScalarNode)  # a set, say
        inner = self._gathered(node.start_mark.index, node.end_mark.index) if opaque else ()
        if inner and beside is not None:
            return value, (*above, beside, *inner), None
        return value, (*above, *inner), beside

    def _tail(self, node: Node) -> tuple[str, ...]:
        container = self._containers[id(node)]
        texts, container.tail = paragraphs(container.tail), []
        return texts

    def _gathered(self, start: int, end: int) -> tuple[str, ...]:
        """The comments of that part of the text which have not been given away."""
        within = self._order[bisect_left(self._indexes, start) : bisect_left(self._indexes, end)]
        places = [place for place in within if id(place) not in self._given]
        self._given.update(map(id, places))
        found = [comment for place in places for comment in (*place.above, *place.beside, *place.inside)]
        for container in self._tailed:
            if container.tail and start <= container.tail[0].index < end:
                found, container.tail = found + container.tail, []
        return paragraphs(found)

    def _node(self, node: Node, data: object) -> Value:
        if isinstance(node, MappingNode) and isinstance(data, dict):
            return self.mapping(node, data)
        if isinstance(node, SequenceNode) and isinstance(data, list) and len(node.value) == len(data):
            items = []
            for number, (item_node, value) in enumerate(zip(node.value, data, strict=True)):
                items.append(Item(*self._part((id(node), number), item_node, value)))
            return SequenceValue(tuple(items), self._tail(node))
        return self._plain(data)

    def _plain(self, data: object) -> Value:
        if isinstance(data, dict):
            return MappingValue(tuple(Entry(self._scalar(key), self._plain(value)) for key, value in data.items()))
        if isinstance(data, list):
            return SequenceValue(tuple(Item(self._plain(value)) for value in data))
        return self._scalar(data)

    def _scalar(self, data: object) -> Leaf | Live:
        if isinstance(data, (set, frozenset, tuple)) and any(map(self._jinja.has, data)):
            raise _StructuralError
        if isinstance(data, str) and data in self._lives:
            return self._lives[data]
        if self._jinja.has(data):
            raise _StructuralError
        if isinstance(data, int) and data.bit_length() > _DIGITS * 3:  # Python writes no longer ones (sys.int_info)
            raise ValueError(_DIGITS)
        return Leaf(data)

    def _survey(self, node: Node, owner: Place | None) -> None:
        """Note where everything begins, and which scalars are live; of an alias, only where its anchor is."""
        if id(node) in self._containers:
            return
        if isinstance(node, MappingNode) and any(_merges(key) for key, _ in node.value):
            self._merging[id(node)] = list(node.value)  # ruamel puts what is merged there when it makes data of it
        flow = bool(getattr(node, "flow_style", False))
        span = (node.start_mark.index, node.end_mark.index) if flow else None
        container = self._containers[id(node)] = Container(owner, span)
        index = node.start_mark.index - 1
        for number, (first, child) in enumerate(_children(node)):
            index = first.start_mark.index if flow or first is not child else self._dash(index, container)
            place = Place(index, self._column(index), container, child)
            if node.start_mark.index <= index <= node.end_mark.index:  # an alias is where its anchor is
                container.column = place.column
                self._places[id(node), number] = place
            for part in (first, child) if child is not first else (first,):
                if isinstance(part, ScalarNode):
                    self._note_scalar(part, flow=flow, element=first is child)
                else:
                    self._survey(part, place)
            plain = first is not child and isinstance(first, ScalarNode) and not first.style
            if flow and plain and not child.value and self._jinja.has(first.value):
                raise _StructuralError  # what it renders to may well have a value of its own

    def _dash(self, before: int, container: Container) -> int:
        """Where the next element of a sequence begins: an alias itself does not say, and what is in it comes first."""
        number = bisect_right(self._dashes, before)
        while container.column is not None and self._column(self._dashes[number]) != container.column:
            number += 1
        return self._dashes[number]

    def _column(self, index: int) -> int:
        return index - self._jinja.text.rfind("\n", 0, index) - 1

    def _note_scalar(self, node: ScalarNode, *, flow: bool, element: bool) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        text = self._jinja.text
        block = node.style in ("|", ">")
        header = text.find("\n", start) if block else start  # a comment may follow the header of a block scalar
        self._scalars.append((header if header >= 0 else end, end))
        if not self._jinja.touches(start, end):
            return
        if (node.tag or "").startswith("tag:yaml.org,2002:"):
            node.tag = "tag:yaml.org,2002:str"  # not a number yet, whatever it renders to
        live = self._block(node, header) if block else self._inline(self._jinja.original[start:end], flow and element)
        if self._lives.setdefault(node.value, live) != live:  # an alias, where it could be several elements
            raise _StructuralError

    def _inline(self, source: str, element: bool) -> Live:
        """A live scalar on one line, or on several that YAML folds."""
        source = _ANCHOR.sub("", source)  # aliases of it become copies, so nothing needs its name
        quote = source[0] if source[0] in "\"'" else ""
        if not quote and "\n" in source and "{%" in source:
            raise _StructuralError  # a block of lines could be more than one scalar
        return Live(source[1:-1], quote) if quote else Live(source, "", several=element)

    def _block(self, node: ScalarNode, header: int) -> Live:
        """A live block scalar, without its indentation."""
        found = _HEADER.match(self._jinja.text[node.start_mark.index : header])
        if found is None:
            raise _StructuralError  # tagged, or with an explicit indentation
        body, original = (text[header + 1 : node.end_mark.index] for text in (self._jinja.text, self._jinja.original))
        first = next((line for line in body.split("\n") if line.strip()), "")
        margin = len(first) - len(first.lstrip(" "))
        # the original may have lines within Jinja, which YAML never saw: take no more than their indentation from them
        lines = [line[min(margin, len(line) - len(line.lstrip(" "))) :] for line in original.split("\n")]
        ending = len(node.value) - len(node.value.rstrip("\n"))
        chomping = found[2] or ("" if ending else "-")  # the last line of a file may have no line break to keep
        return Live("\n".join(lines).rstrip() + "\n" * ending, found[1] + chomping)


_ANCHOR = re.compile(r"^(?:&\S+\s+)+")
_HEADER = re.compile(r"^(?:&\S+\s+)*([|>])([+-]?)(?:\s|$)")


def _merges(key: Node) -> bool:
    return (key.tag or "").endswith(":merge")


def _children(node: Node) -> Iterable[tuple[Node, Node]]:
    """Keys and values; an element of a sequence is both."""
    return node.value if isinstance(node, MappingNode) else [(child, child) for child in node.value]


def _may_explain(jinja: Jinja, error: Exception) -> bool:
    """Whether an expression may have caused the error: once rendered, the YAML may be valid."""
    spread = any("\n" in source or source != source.strip() for source in jinja.expressions.values())
    if spread or not jinja.expressions or not isinstance(error, MarkedYAMLError):
        return bool(jinja.expressions)
    lines = [mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None]
    return any(map(jinja.has, jinja.text.split("\n")[min(lines) : max(lines) + 1])) if lines else True


def _too_deep(name: str) -> ConfigProblem:
    return ConfigProblem(f"{name} is nested too deeply.", path=name)


def _not_yaml(error: Exception, name: str, jinja: Jinja) -> ConfigProblem:
    if isinstance(error, RecursionError):
        return _too_deep(name)
    if isinstance(error, ValueError) and str(_DIGITS) in str(error):
        return ConfigProblem(f"{name} contains a number with more than {_DIGITS:,} digits.", path=name)
    if not isinstance(error, MarkedYAMLError):
        return ConfigProblem(f"{name} is not valid YAML: {_first_line(error)}.", path=name)
    mark = error.problem_mark or error.context_mark
    where = f" {place_of(jinja.original, mark.index)}" if mark else ""
    why = jinja.restored(_first_line(error.problem or error.context or "it cannot be parsed"))
    return ConfigProblem(f"{name} is not valid YAML{where}: {why}.", path=name)


def _first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
