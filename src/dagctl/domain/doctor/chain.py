"""What looking at a chain of links gives: one check a link, and no cascade where one of them is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum

from attrs import evolve, field, frozen

from dagctl.domain.errors import DagctlError, MissingExtra
from dagctl.ports.machine import FileSeen


class Mark(str, Enum):
    """How a link does. A warning breaks nothing; what was skipped could not be looked at."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Finding(Enum):
    """What is not as it should be, where nothing was raised that says so."""

    FOREIGN = "files cannot be read, or are somebody else's"
    LINKED = "files are symbolic links"
    EXPOSED = "files are open to other people"
    LEFT_BEHIND = "a writer that was killed has left files"
    ANONYMOUS = "the ID token does not tell whose it is"
    ANONYMOUS_GIVEN = "the ID token that comes from outside does not tell whose it is"
    NOT_RENEWED = "tokens that are due could not be renewed"
    NOT_RENEWABLE = "tokens cannot be renewed"
    CLOCK_WRONG = "this machine's clock is not the API's"
    API_UNVERIFIED = "the caller has the API's certificate not verified"
    EXPIRING = "a server's certificate expires soon"
    RENAMED = "the project has another name now"
    PROXY_UNVERIFIED = "the proxy may be anybody, since nobody asked for its certificate to be verified"
    TLS_OPTIONAL = "TLS is not insisted on"
    SEVERAL_CONFIGS = "two configurations in one folder"
    NOT_PYTHON = "config.py does not parse"
    NOT_CONNECTED = "config.py keeps its state elsewhere"
    NOT_CONVERTED = "a YAML configuration keeps its state elsewhere"
    NOT_YAML = "a YAML configuration cannot be read"
    SEVERAL_PINS = "config.py pins several projects"
    UNPINNED = "config.py pins no project"
    SQLMESH_BROKEN = "SQLMesh is installed, and does not load"


@frozen
class Advice:
    """What to give advice on, for whoever shows a check and knows their own program.

    Attributes:
        files: which ones; for FOREIGN the home alone.
        project: the ID of one that is RENAMED; the pin that UNPINNED calls lack, as far as it is known.
        organization: the one to sign in to, as far as it is known.
        api_url: the platform's API.
        move: which of SEVERAL_CONFIGS can go, and to where.
    """

    finding: Finding
    files: tuple[FileSeen, ...] = ()
    project: str | None = None
    organization: str | None = None
    api_url: str | None = None
    move: tuple[str, str] | None = None


@frozen
class Check:
    """One link, looked at.

    Attributes:
        seen: what was seen, in a line.
        advice: what there is to say on what to do. A check that is all right may have some, too.
        link: the link's name.
        problem: what was raised, where that is why it failed.
    """

    state: Mark
    seen: str
    advice: tuple[Advice, ...] = ()
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
        return Check(Mark.SKIPPED, error.message, problem=error)
    except DagctlError as error:
        return failure(error)


def failure(error: DagctlError) -> Check:
    """A link that `error` says is broken."""
    return Check(Mark.FAILED, error.message, problem=error)


def ok(seen: str, *advice: Advice) -> Check:
    """A link that is all right."""
    return Check(Mark.OK, seen, advice)


def warning(seen: str, *advice: Advice) -> Check:
    """A link that holds, though something is not as it should be."""
    return Check(Mark.WARNING, seen, advice)


def wrong(seen: str, *advice: Advice) -> Check:
    """A link that does not hold, without anything raised."""
    return Check(Mark.FAILED, seen, advice)
