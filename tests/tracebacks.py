"""What a traceback that shows variables tells of dagctl's own work: crash reports and debuggers have such ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from traceback import TracebackException

_TESTS = str(Path(__file__).parent)
_FAR_SIDE = tuple(f"/dagctl/adapters/{name}/" for name in ("memory", "sandbox"))


def variables_of(error: BaseException | None) -> str:
    """The local variables of every frame that a report of `error` shows, one a line.

    The frames are those of dagctl and of all that it calls, for the error, its cause and its context, as far as that
    is not suppressed: behind a `from None` are the libraries that had to be told a secret. The tests' own frames are
    left out, and those of a platform that is played in this process: they are no part of the person's machine.
    """
    return "\n".join(_variables(error)) if error is not None else ""


def _variables(error: BaseException) -> Iterator[str]:
    report: TracebackException | None = TracebackException.from_exception(error, capture_locals=True)
    while report is not None:
        for frame in report.stack:
            place = frame.filename.replace("\\", "/")
            if not place.startswith(_TESTS) and not any(part in place for part in _FAR_SIDE):
                yield from (f"{place}:{frame.lineno}: {name} = {shown}" for name, shown in (frame.locals or {}).items())
        report = report.__cause__ or (None if report.__suppress_context__ else report.__context__)
