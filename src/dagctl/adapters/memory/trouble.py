"""What a call to a double meets: an error, a delay, or one of them after the other."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import frozen

from dagctl.domain.errors import DagctlError


@frozen
class Slow:
    """A call that takes its time, and then works.

    Attributes:
        seconds: how long. A platform moves its clock by that much; a store really waits.
    """

    seconds: float


Outcome = DagctlError | Slow | None
Trouble = Outcome | list[Outcome]
"""An error that each call raises, a `Slow` for each call, or a list of outcomes for the next calls, in turn.

In a list, None stands for a call that works. Each call takes the first outcome off the list; once the list is empty,
every call works.
"""


def meet(trouble: Trouble, wait: Callable[[float], object] = time.sleep) -> None:
    """Have a call meet `trouble`.

    Args:
        wait: lets seconds pass.

    Raises:
        DagctlError: the outcome of this call.
        TypeError: `trouble` is something else.
    """
    outcome = (trouble.pop(0) if trouble else None) if isinstance(trouble, list) else trouble
    if isinstance(outcome, Slow):
        wait(outcome.seconds)
    elif isinstance(outcome, DagctlError):
        raise outcome
    elif outcome is not None:
        raise TypeError(f"{outcome!r} is no trouble: give a DagctlError, a Slow, or a list of these and None.")
