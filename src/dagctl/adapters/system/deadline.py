"""A limit for what would take as long as it likes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class OutOfTime(Exception):
    """Time was up before there was a result."""


def within(seconds: float, do: Callable[[], T], name: str, *, longer: Callable[[], float] = lambda: 0.0) -> T:
    """What `do` returns or raises, but no later than in `seconds`; Ctrl-C works meanwhile.

    Neither the look-up of a host name nor libpq nor a keyring lets itself be interrupted. So `do` has a thread of its
    own, which is left alone when its time is up, and dies with the process.

    Args:
        name: the thread's, for whoever looks at a process that hangs.
        longer: called when the seconds are over; gives how many more there are.

    Raises:
        OutOfTime: time is up.
    """
    result: Future[T] = Future()

    def work() -> None:
        try:
            result.set_result(do())
        except BaseException as error:  # noqa: BLE001 - handed over to the caller's thread
            result.set_exception(error)

    Thread(target=work, name=f"dagctl {name}", daemon=True).start()
    if not wait([result], seconds).done and not wait([result], longer()).done:
        raise OutOfTime
    return result.result()
