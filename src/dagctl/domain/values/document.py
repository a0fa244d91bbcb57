"""A YAML document as values: its content, its live Jinja, and its comments."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field, frozen


@frozen
class Leaf:
    """A scalar or an empty collection, as a Python value."""

    value: object


@frozen
class Live:
    """A scalar with Jinja in it, whose value is known only when SQLMesh loads the configuration.

    Attributes:
        source: the scalar as in the file, without quotes, and a block without its indentation.
        style: its quote, or the header of a block (`|-`); empty for a plain scalar.
        several: it may render to several elements of the surrounding sequence, or to none.
    """

    source: str
    style: str = ""
    several: bool = False


@frozen
class Call:
    """A Python call that replaces a value in the output: a name, and its arguments as Python source.

    Attributes:
        arguments: None for a bare name.
    """

    name: str
    arguments: tuple[str, ...] | None


@frozen
class Entry:
    """A key and its value, with the comments above it and beside it (without `#`)."""

    key: Leaf | Live | Call
    value: Value
    above: tuple[str, ...] = ()
    beside: str | None = None


@frozen
class Item:
    """An element of a sequence, with its comments."""

    value: Value
    above: tuple[str, ...] = ()
    beside: str | None = None


@frozen
class MappingValue:
    """A mapping; `tail` holds the comments after its last entry."""

    entries: tuple[Entry, ...] = ()
    tail: tuple[str, ...] = ()

    def get(self, key: str) -> Value | None:
        """The value under `key`."""
        return next((entry.value for entry in self.entries if entry.key == Leaf(key)), None)

    def keys(self) -> list[object]:
        """The keys that are not Jinja."""
        return [entry.key.value for entry in self.entries if isinstance(entry.key, Leaf)]


@frozen
class SequenceValue:
    """A sequence; `tail` holds the comments after its last element."""

    items: tuple[Item, ...] = ()
    tail: tuple[str, ...] = ()


Value = Leaf | Live | Call | MappingValue | SequenceValue


def shown(node: Value | None) -> str:
    """A name or a scalar for people: its value, or its Jinja source."""
    return str(node.value) if isinstance(node, Leaf) else node.source if isinstance(node, Live) else ""


def scalars(node: Value) -> Iterator[Leaf | Live | Call]:
    """Every scalar in a value, keys included."""
    if isinstance(node, MappingValue):
        for entry in node.entries:
            yield entry.key
            yield from scalars(entry.value)
    elif isinstance(node, SequenceValue):
        for item in node.items:
            yield from scalars(item.value)
    else:
        yield node


def comments(node: Value) -> Iterator[str]:
    """Every comment in a value, in order."""
    if not isinstance(node, (MappingValue, SequenceValue)):
        return
    for part in node.entries if isinstance(node, MappingValue) else node.items:
        yield from part.above
        if part.beside is not None:
            yield part.beside
        yield from comments(part.value)
    yield from node.tail


@frozen
class YamlDocument:
    """A configuration file.

    Attributes:
        root: its content; None if that is known only once all of its Jinja is rendered.
    """

    text: str = field(repr=False)
    root: MappingValue | None
