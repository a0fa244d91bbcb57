"""A time limit for calls that have none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class OutOfTime(Exception):
    """The time was up before the result was there."""


def within(seconds: float, do: Callable[[], T], name: str, *, longer: Callable[[], float] = lambda: 0.0) -> T:
    """Run `do` for at most `seconds`; return or raise what it does. Ctrl-C works meanwhile.

    Name resolution, libpq and keyrings cannot be interrupted. So `do` runs in a daemon thread, which is abandoned when
    the time is up.

    Args:
        name: the thread's name, for debugging a process that hangs.
        longer: called when the seconds are over; returns how many more to wait.

    Raises:
        OutOfTime: the time is up.
    """
    result: Future[T] = Future()

    def work() -> None:
        try:
            result.set_result(do())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            result.set_exception(error)

    Thread(target=work, name=f"dagctl {name}", daemon=True).start()
    # not `result.result(seconds)`: its TimeoutError could just as well come from `do`
    if not wait([result], seconds).done and not wait([result], longer()).done:
        raise OutOfTime
    return result.result()
