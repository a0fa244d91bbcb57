"""The platform's answers in this process."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from dagctl.domain.errors import ProtectionUnknown
from dagctl.domain.values.targets import Verdict
from dagctl.ports.clock import Clock

if TYPE_CHECKING:
    from concurrent.futures import Future

GOOD_FOR = timedelta(minutes=5)
"""How long to remember a yes. A no is never remembered: somebody who gets access need not wait."""


class _Asked(NamedTuple):
    at: datetime
    answer: Future[Verdict]


class Verdicts:
    """Remembers answers for one process, and lets concurrent callers share one question.

    Callers who wait for the same answer share its failure too, but nothing remembers a failure. A forked child starts
    empty: its parent's answers, and the locks that its parent's threads hold, are not its own.

    Args:
        process: returns the running process's ID.
        clock: its wall clock counts, since a monotonic clock may stop while a laptop sleeps.
    """

    def __init__(self, process: Callable[[], int], clock: Clock) -> None:
        self._process = process
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._lock = Lock()
        self._asked: dict[Hashable, _Asked] = {}
        self._owner = self._process()

    def get(self, question: Hashable, ask: Callable[[], Verdict], *, again: bool = False) -> Verdict:
        """The answer to `question`.

        Args:
            question: who asks about what.
            ask: called if there is no remembered answer and nobody else is asking; may raise.
            again: ignore a remembered answer.
        """
        from concurrent.futures import Future  # with it comes all of logging, and most commands ask nothing

        if self._owner != self._process():  # a forked child
            self._begin()
        mine = _Asked(self._clock.now(), Future())
        with self._lock:
            known = self._asked.get(question)
            if known is None or self._is_spent(known, again):
                known = self._asked[question] = mine
        if known is not mine:
            return known.answer.result()
        try:
            verdict = ask()
        except BaseException as error:
            with self._lock:  # before the waiting callers wake, so that a new one asks again
                if self._asked.get(question) is mine:
                    del self._asked[question]
            # Ctrl-C is for the caller that it interrupted; those who wait for the answer get none
            interrupted = ProtectionUnknown("The check for protected environments was interrupted.")
            mine.answer.set_exception(error if isinstance(error, Exception) else interrupted)
            raise
        mine.answer.set_result(verdict)
        return verdict

    def _is_spent(self, known: _Asked, again: bool) -> bool:
        if not known.answer.done():
            return False  # concurrent callers wait for it
        fresh = timedelta() <= self._clock.now() - known.at < GOOD_FOR  # not if the clock was set back
        return again or not fresh or not known.answer.result().allowed
