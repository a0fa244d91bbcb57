"""Finds the owner of each comment: YAML parsers drop comments, so this attaches each to the entry that it is about.

A comment has no place in YAML's grammar, so position decides. The comments between the starts of two entries are one
`_Gap`: a comment belongs to the entry before it, to the one after it, or to the end of a mapping or sequence between
the two. `documents` then takes the comments from their owners, each exactly once.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

from attrs import define, field, frozen
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dagctl.adapters.yaml.jinja import Jinja


@frozen
class Comment:
    """A comment: where it starts, whether it is alone on its line, and its text without `#`."""

    index: int
    line: int
    column: int
    alone: bool
    text: str


@define(eq=False)
class Container:
    """A mapping or a sequence.

    Attributes:
        owner: the entry whose value it is; None for the document.
        column: where its entries start; None if it has none.
        span: from bracket to bracket; None in block style, where a comment is neither inside nor outside.
    """

    owner: Place | None
    span: tuple[int, int] | None
    column: int | None = None
    tail: list[Comment] = field(factory=list)

    def holds(self, index: int) -> bool:
        """Whether `index` is between its brackets."""
        return self.span is not None and self.span[0] < index < self.span[1]


@define(eq=False)
class Place:
    """Where an entry starts (an element at its dash), and the comments that belong to it."""

    index: int
    column: int
    container: Container
    value: Node
    above: list[Comment] = field(factory=list)
    beside: list[Comment] = field(factory=list)
    inside: list[Comment] = field(factory=list)

    def comments(self) -> tuple[tuple[str, ...], str | None]:
        """Those above it and the one beside it. A comment beside it that takes several lines moves above it."""
        if self.inside or len(self.beside) > 1:
            apart = [""] if self.above else []
            return (*paragraphs(self.above), *apart, *paragraphs([*self.beside, *self.inside])), None
        return paragraphs(self.above), self.beside[0].text if self.beside else None

    def is_empty(self) -> bool:
        """Whether its value is missing or empty."""
        if isinstance(self.value, ScalarNode):
            return self.value.value in ("", "~", "null") and not self.value.style
        return not self.value.value

    def opens(self, comment: Comment) -> bool:
        """Whether the comment is between the key and the value."""
        block = isinstance(self.value, (MappingNode, SequenceNode)) and not self.value.flow_style
        return not block and comment.index < self.value.start_mark.index and not self.is_empty()

    def lacks(self, comment: Comment) -> bool:
        """Whether the comment stands in for the value: commented-out children."""
        deeper = comment.column > self.column
        return self.is_empty() and (
            deeper or (comment.column == self.column and comment.text.lstrip().startswith("- "))
        )


def paragraphs(comments: Iterable[Comment]) -> tuple[str, ...]:
    """Their texts in the order of the file, with an empty text for blank lines between them."""
    texts: list[str] = []
    last = None
    for comment in sorted(comments, key=lambda comment: comment.index):
        if last is not None and comment.line > last.line + 1:
            texts.append("")
        texts.append(comment.text)
        last = comment
    return tuple(texts)


def comments_in(jinja: Jinja, scalars: Iterable[tuple[int, int]]) -> list[Comment]:
    """Every comment of the text, Jinja's included; in `scalars`, a `#` does not start one.

    Raises `ValueError` if a block of Jinja starts in a comment and ends after it.
    """
    spans = sorted(scalars)
    firsts = [start for start, _ in spans]

    def in_scalar(index: int) -> bool:
        before = bisect_right(firsts, index) - 1
        return before >= 0 and spans[before][1] > index

    breaks = [found.start() for found in re.finditer("\n", jinja.original)]
    found = dict(_of_yaml(jinja, in_scalar))
    for index, text in _of_jinja(jinja):
        beginning = jinja.original.rfind("\n", 0, index) + 1
        # `# a {# b #}` is one comment, and a comment of Jinja within a scalar stays in the scalar's live source
        if not in_scalar(index) and not any(beginning <= other < index for other in found):
            found[index] = text
    comments = []
    for index, text in sorted(found.items()):
        line = bisect_left(breaks, index)
        column = index - (breaks[line - 1] + 1 if line else 0)
        alone = jinja.original[index - column : index].strip() in ("", "---", "...")  # or after a document's marker
        lines = text.split("\n")
        comments += [Comment(index, line + number, column, alone, part) for number, part in enumerate(lines)]
    return comments


def _of_yaml(jinja: Jinja, in_scalar: Callable[[int], bool]) -> Iterator[tuple[int, str]]:
    offset = 0
    for line in jinja.text.split("\n"):
        for found in re.finditer(r"(?:^|(?<=\s))#", line):  # YAML 1.2.2 section 6.6: only after a blank
            index = offset + found.start()
            if not in_scalar(index):
                # the original has more lines where Jinja in the comment does: all but the first need a # of their own
                first, *others = jinja.original[index + 1 : offset + len(line)].split("\n")
                if any(other.strip() and not other.lstrip().startswith("#") for other in others):
                    raise ValueError("Jinja in a comment affects what follows it")
                yield index, "\n".join([first, *(other.lstrip().removeprefix("#") for other in others)])
                break
        offset += len(line) + 1


def _of_jinja(jinja: Jinja) -> Iterator[tuple[int, str]]:
    for start, end in jinja.remarks:
        source = jinja.original[start:end]
        lines = source.strip().removeprefix("{#").removesuffix("#}").strip("-").strip().split("\n")
        yield start + source.index("{#"), "\n".join(f" {line.strip()}" for line in lines)


def attach(comments: Iterable[Comment], places: list[Place], document: Container) -> None:
    """Give each comment to its entry, or to the end of its mapping or sequence; all in the order of the text."""
    indexes = [place.index for place in places]
    beside: tuple[Comment, Place] | None = None  # the last comment beside an entry: more lines may continue it
    gap: _Gap | None = None
    for comment in comments:
        number = bisect_right(indexes, comment.index)
        if gap is None or gap.number != number:
            before = places[number - 1] if number else None
            gap = _Gap(number, before, places[number] if number < len(places) else None, document)
        closed = gap.leave_brackets(comment)
        if comment.alone and beside is not None and _goes_on(comment, *beside):
            beside[1].beside.append(comment)
            beside = (comment, beside[1])
        elif comment.alone or gap.before is None:
            gap.own_line(comment).append(comment)
        elif closed is not None and (gap.before.beside or _commented(closed, places, number)):
            # beside the closing bracket of what takes several lines: beside the entry it would move up to the opening
            closed.tail.append(comment)
        else:
            gap.before.beside.append(comment)
            beside = (comment, gap.before)


def _goes_on(comment: Comment, last: Comment, place: Place) -> bool:
    """Whether a comment continues the one beside the line above: more or less aligned with it."""
    # people align by eye; but at the column of an entry or of its children, it is about the next of them
    aligned = abs(comment.column - last.column) < 4 and comment.column > place.column + 2
    return comment.line == last.line + 1 and aligned


def _commented(container: Container, places: list[Place], number: int) -> bool:
    """Whether it already holds comments, and so takes several lines; `number` is that of the entry after it."""
    inner = takewhile(lambda place: container.holds(place.index), map(places.__getitem__, range(number - 1, -1, -1)))
    return bool(container.tail) or any(place.above or place.beside or place.inside for place in inner)


@define
class _Gap:
    """The text between the starts of two entries. Comments there keep their order, however they are indented.

    Attributes:
        before: the entry that has started, or the one around it once a bracket has closed it.
        after: the next entry.
        container: the mapping or sequence of the last comment; later ones are not in a deeper one.
        announced: the last comment was about `after`, and so are later ones.
    """

    number: int
    before: Place | None
    after: Place | None
    document: Container
    container: Container | None = None
    announced: bool = False

    def leave_brackets(self, comment: Comment) -> Container | None:
        """Step out of the brackets that close before the comment; returns the outermost of them."""
        closed = None
        while self.before is not None and self.before.container.span and not self.before.container.holds(comment.index):
            closed, self.before = self.before.container, self.before.container.owner
        return closed

    def own_line(self, comment: Comment) -> list[Comment]:
        """Where a comment that is alone on its line goes."""
        before, after = self.before, self.after
        begun = self.container is not None or self.announced  # comments keep their order, so there is no way back
        if before is not None and not begun and (before.opens(comment) or before.lacks(comment)):
            return before.inside
        # between brackets, indentation means nothing: a comment there is about what follows
        if after is not None and (self.announced or (after.container.holds(comment.index) and self._is_next(after))):
            return after.above
        # in block style, a comment that is indented less than the entries of a mapping comes after that mapping
        self.container = self.container or (before.container if before is not None else self.document)
        while (
            not self.container.span
            and self.container.owner is not None
            and (self.container.column or 0) > comment.column
        ):
            self.container = self.container.owner.container
        if after is not None and not self.container.span and self._announces(comment, after):
            self.announced = True
            return after.above
        return self.container.tail

    def _is_next(self, after: Place) -> bool:
        """Whether no bracket closes between `before` and `after`."""
        before = self.before
        together = before is None or after.container.owner is before or after.container is before.container
        return together or (before is not None and before.container.span is None)

    def _announces(self, comment: Comment, after: Place) -> bool:
        """Whether the comment's indentation says that it is about `after`."""
        nested = self.before is None or after.container.owner is self.before
        return nested or after.container is self.container or comment.column <= after.column
