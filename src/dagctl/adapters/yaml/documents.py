"""SQLMesh configurations, taken apart with ruamel's safe loader; Jinja is put aside first and never rendered."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from typing import Any

from attrs import define, field
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from dagctl.adapters.yaml.jinja import Jinja, put_aside
from dagctl.domain.errors import ConfigProblem
from dagctl.domain.values.document import Entry, Item, Leaf, Live, Mapping, Node, Sequence, YamlDocument


class RuamelReader:
    """The `YamlReader` on ruamel."""

    def read(self, text: str, name: str) -> YamlDocument:
        """Take `text` apart."""
        jinja = put_aside(text, name)
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
        yaml = YAML(typ="safe")
        yaml.composer.warn_double_anchors = False  # as YAML 1.2 and SQLMesh have it
        node = yaml.compose(jinja.text)
        reading = _Reading(jinja, node) if isinstance(node, MappingNode) else None
        data = yaml.constructor.construct_document(node) if node is not None else None
        if data is None:
            raise ConfigProblem(f"{name} is empty.")
        if reading is None or not isinstance(data, dict):
            raise ConfigProblem(f"{name} is not a mapping of settings.")
        return YamlDocument(text, reading.mapping(node, data))


class _StructuralError(Exception):
    """What Jinja renders to could be more than one scalar there."""


@define
class _Place:
    """Where an entry or an element begins, and the comments that belong to it."""

    index: int
    column: int
    container: int
    above: list[str] = field(factory=list)
    beside: str | None = None


_NOWHERE = _Place(-1, -1, -1)


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
        self._root = id(root)
        self._merging: dict[int, list[tuple[YamlNode, YamlNode]]] = {}
        self._survey(root, flow=False, seen=set())
        self._attach_comments()

    def mapping(self, node: MappingNode, data: AnyMapping[Any, Any]) -> Mapping:
        """A mapping, with its comments."""
        merging = self._merging.get(id(node))
        if merging is None:
            own, homeless = dict(zip(data, node.value, strict=True)), []
        else:
            own = {key.value: (key, value) for key, value in merging if isinstance(key, ScalarNode)}
            homeless = [text for key, _ in merging if _merges(key) for text in self._comments_of(key)]
        entries = []
        for key, value in data.items():
            if key not in own:  # merged from elsewhere
                entries.append(Entry(self._scalar(key), self._plain(value)))
                continue
            key_node, value_node = own[key]
            place = self._places.get(id(key_node), _NOWHERE)
            above, homeless = (*homeless, *place.above), []
            entries.append(Entry(self._scalar(key), self._node(value_node, value), above, place.beside))
        return Mapping(tuple(entries), (*homeless, *self._tails.get(id(node), ())))

    def _comments_of(self, node: YamlNode) -> list[str]:
        place = self._places.get(id(node), _NOWHERE)
        return [*place.above, *([place.beside] if place.beside is not None else [])]

    def _node(self, node: YamlNode, data: object) -> Node:
        if isinstance(node, MappingNode) and isinstance(data, dict):
            return self.mapping(node, data)
        if isinstance(node, SequenceNode) and isinstance(data, list) and len(node.value) == len(data):
            items = []
            for item_node, value in zip(node.value, data, strict=True):
                place = self._places.get(id(item_node), _NOWHERE)
                items.append(Item(self._node(item_node, value), tuple(place.above), place.beside))
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
        if isinstance(node, MappingNode) and any(_merges(key) for key, _ in node.value):
            self._merging[id(node)] = list(node.value)  # ruamel puts what is merged there when it makes data of it
        flow = flow or bool(getattr(node, "flow_style", False))
        for first, child in _children(node):
            if first is not child and self._is_plain_live(first):
                raise _StructuralError  # `#…` would make a comment of the whole entry
            column = self._column(node, first)
            self._columns.setdefault(id(node), column)
            if not flow:
                self._places.setdefault(id(first), _Place(first.start_mark.index, column, id(node)))
            for part in (first, child) if child is not first else (first,):
                if not isinstance(part, ScalarNode):
                    self._parents.setdefault(id(part), id(node))
                self._survey(part, flow=flow, seen=seen)
        return None

    def _is_plain_live(self, node: YamlNode) -> bool:
        return isinstance(node, ScalarNode) and not node.style and self._jinja.has(node.value)

    def _column(self, node: YamlNode, first: YamlNode) -> int:
        """Where an entry begins; an element begins with its dash."""
        if not isinstance(node, SequenceNode) or node.flow_style:
            return int(first.start_mark.column)
        text, index = self._jinja.text, first.start_mark.index
        return text.rfind("-", 0, index + 1) - text.rfind("\n", 0, index) - 1

    def _note_live(self, node: ScalarNode, flow: bool) -> None:
        if not self._jinja.has(node.value):
            return
        source = self._jinja.text[node.start_mark.index : node.end_mark.index]
        if node.style in ("|", ">") or (flow and not node.style) or "\n" in source:
            raise _StructuralError
        self._lives.setdefault(node.value, Live(self._jinja.restored(source)))
        if self._lives[node.value].source != self._jinja.restored(source):
            raise _StructuralError

    def _attach_comments(self) -> None:
        places = sorted(self._places.values(), key=lambda place: place.index)
        indexes = [place.index for place in places]
        for start, column, alone, text in self._comments():
            text = self._jinja.restored(text)
            index = bisect_right(indexes, start)
            before = places[index - 1] if index else None
            after = places[index] if index < len(places) else None
            if not alone and before is not None:
                if before.beside is None:
                    before.beside = text
                else:
                    before.above.append(text)
            elif after is not None and (before is None or column <= after.column or after.column > before.column):
                after.above.append(text)
            else:
                container = self._tail_of(before.container, column) if before else self._root
                self._tails.setdefault(container, []).append(text)

    def _tail_of(self, container: int, column: int) -> int:
        while self._columns.get(container, 0) > column and container in self._parents:
            container = self._parents[container]
        return container

    def _comments(self) -> Iterator[tuple[int, int, bool, str]]:
        """Every comment: where it begins, its column, whether it has the line for itself, and its text."""
        starts = sorted(self._spans)
        firsts = [start for start, _ in starts]
        offset = 0
        for line in self._jinja.text.split("\n"):
            for found in re.finditer(r"(?:^|(?<=\s))#", line):
                index = bisect_right(firsts, offset + found.start()) - 1
                if index < 0 or starts[index][1] <= offset + found.start():
                    alone = not line[: found.start()].strip()
                    yield offset + found.start(), found.start(), alone, line[found.end() :]
                    break
            offset += len(line) + 1


def _merges(key: YamlNode) -> bool:
    return (key.tag or "").endswith(":merge")


def _children(node: YamlNode) -> Iterator[tuple[YamlNode, YamlNode]]:
    if isinstance(node, MappingNode):
        yield from node.value
    else:
        for child in node.value:
            yield child, child


def _may_explain(jinja: Jinja, error: Exception) -> bool:
    """Whether an expression is where it went wrong: what that renders to may be all right there."""
    if not jinja.expressions or not isinstance(error, MarkedYAMLError):
        return bool(jinja.expressions)
    lines = [mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None]
    return any(map(jinja.has, jinja.text.split("\n")[min(lines) : max(lines) + 1])) if lines else True


def _not_yaml(error: Exception, name: str, jinja: Jinja) -> ConfigProblem:
    if not isinstance(error, MarkedYAMLError):
        return ConfigProblem(f"{name} is not valid YAML: {_first_line(error)}.")
    mark = error.problem_mark or error.context_mark
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    why = jinja.restored(_first_line(error.problem or error.context or "it cannot be parsed"))
    return ConfigProblem(f"{name} is not valid YAML{where}: {why}.")


def _first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
