"""A chain of links to check: one check per link, and no cascade of failures behind a broken one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum

from attrs import evolve, field, frozen

from dagctl.domain.errors import DagctlError, MissingExtra
from dagctl.ports.machine import FileSeen


class Mark(str, Enum):
    """A link's result. A warning breaks nothing; a skipped link could not be checked."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Finding(Enum):
    """A problem that raised no error."""

    FOREIGN = "files cannot be read, or belong to somebody else"
    LINKED = "files are symbolic links"
    EXPOSED = "files are open to other people"
    LEFT_BEHIND = "a killed writer has left files behind"
    ANONYMOUS = "the ID token does not say whose it is"
    ANONYMOUS_GIVEN = "the ID token from outside does not say whose it is"
    NOT_RENEWED = "tokens that are due could not be renewed"
    NOT_RENEWABLE = "tokens cannot be renewed"
    CLOCK_WRONG = "this machine's clock differs from the API's"
    API_UNVERIFIED = "the caller has turned verification of the API's certificate off"
    EXPIRING = "a server's certificate expires soon"
    RENAMED = "the project has a new name"
    PROXY_UNVERIFIED = "nothing verifies the proxy's certificate, so it may be anybody's"
    TLS_OPTIONAL = "TLS is optional"
    SEVERAL_CONFIGS = "two configurations in one folder"
    NOT_PYTHON = "config.py does not parse"
    NOT_CONNECTED = "config.py keeps its state elsewhere"
    NOT_CONVERTED = "a YAML configuration keeps its state elsewhere"
    NOT_YAML = "a YAML configuration cannot be read"
    SEVERAL_PINS = "config.py pins several projects"
    UNPINNED = "config.py pins no project"
    SQLMESH_BROKEN = "SQLMesh is installed but does not load"


@frozen
class Advice:
    """A finding with its facts, from which the program that shows a check makes its advice.

    Attributes:
        files: the files in question; for FOREIGN the home alone.
        project: for RENAMED the project's ID; for UNPINNED the missing pin, if known.
        organization: the one to sign in to, if known.
        api_url: the platform's API.
        move: for SEVERAL_CONFIGS the file to move, and its new name.
    """

    finding: Finding
    files: tuple[FileSeen, ...] = ()
    project: str | None = None
    organization: str | None = None
    api_url: str | None = None
    move: tuple[str, str] | None = None


@frozen
class Check:
    """The check of one link.

    Attributes:
        seen: what the doctor saw, on one line.
        advice: what to do about it. A check that is OK may have advice too.
        link: the link's name.
        problem: the error behind a failure, if there was one.
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
        look: checks it; a `DagctlError` means a failure, a `MissingExtra` a skip.
        needs: names of the links that must hold before this one can be checked.
    """

    name: str
    look: Callable[[], Check]
    needs: tuple[str, ...] = ()


def follow(links: Iterable[Link]) -> Iterator[Check]:
    """Check one link after the other. Skip those that need a broken one, and name it."""
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
    """A link that is broken, according to `error`."""
    return Check(Mark.FAILED, error.message, problem=error)


def ok(seen: str, *advice: Advice) -> Check:
    """A link that is all right."""
    return Check(Mark.OK, seen, advice)


def warning(seen: str, *advice: Advice) -> Check:
    """A link that works, although something is wrong."""
    return Check(Mark.WARNING, seen, advice)


def wrong(seen: str, *advice: Advice) -> Check:
    """A link that does not work, although nothing raised an error."""
    return Check(Mark.FAILED, seen, advice)
