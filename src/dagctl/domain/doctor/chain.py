"""What looking at a chain of links gives: one check a link, and no cascade where one of them is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from enum import Enum

from attrs import evolve, field, frozen

from dagctl.domain.errors import DagctlError, MissingExtra


class Mark(str, Enum):
    """How a link does. A warning breaks nothing; what was skipped could not be looked at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@frozen
class Check:
    """One link, looked at.

    Attributes:
        seen: what was seen, in a line.
        cure: what to do about it, where something is wrong.
        link: the link's name.
        problem: what was raised, where that is why it failed.
    """

    state: Mark
    seen: str
    cure: str | None = None
    link: str = ""
    problem: DagctlError | None = field(default=None, repr=False, eq=False)


@frozen
class Link:
    """A link of the chain.

    Attributes:
        look: looks at it; a `DagctlError` is a failure, a `MissingExtra` a reason to skip it.
        needs: names of the links without which there is nothing to see.
    """

    name: str
    look: Callable[[], Check]
    needs: tuple[str, ...] = ()


def follow(links: Iterable[Link]) -> Iterator[Check]:
    """Look at one link after the other; those behind a broken one are skipped, and name it."""
    blame: dict[str, str] = {}
    for link in links:
        broken = next((blame[name] for name in link.needs if name in blame), None)
        check = _looked(link) if broken is None else Check(Mark.SKIPPED, f"needs {broken}")
        if broken is not None or check.state is Mark.FAILED:
            blame[link.name] = broken or link.name
        yield evolve(check, link=link.name)


def _looked(link: Link) -> Check:
    try:
        return link.look()
    except MissingExtra as error:
        return Check(Mark.SKIPPED, error.message, error.hint, problem=error)
    except DagctlError as error:
        return failure(error)


def failure(error: DagctlError) -> Check:
    """A link that `error` says is broken."""
    return Check(Mark.FAILED, error.message, error.hint, problem=error)


def ok(seen: str) -> Check:
    """A link that is all right."""
    return Check(Mark.OK, seen)


def warning(seen: str, cure: str | None = None) -> Check:
    """A link that holds, though something is not as it should be."""
    return Check(Mark.WARNING, seen, cure)


def span(time: timedelta) -> str:
    """A length of time, roughly, in words."""
    seconds = int(time.total_seconds())
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
