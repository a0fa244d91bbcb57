"""What the platform has already answered in this process."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock

from dagctl.domain.errors import ProtectionUnknown
from dagctl.domain.values.targets import Verdict


class Verdicts:
    """Remembers answers for one process, and lets concurrent callers share one question.

    A failure to get an answer is shared by those who wait for it, and is not remembered. A forked child
    begins with nothing: its parent's answers, and locks that the parent's threads hold, are not its own.

    Args:
        process: gives the running process's ID.
    """

    def __init__(self, process: Callable[[], int]) -> None:
        self._process = process
        self._begin()

    def _begin(self) -> None:
        self._lock = Lock()
        self._answers: dict[Hashable, Future[Verdict]] = {}
        self._owner = self._process()

    def get(self, question: Hashable, ask: Callable[[], Verdict]) -> Verdict:
        """The answer to `question`; `ask` is called where nobody has asked yet, and may raise."""
        if self._owner != self._process():
            self._begin()
        answers, mine = self._answers, Future[Verdict]()
        with self._lock:
            answer = answers.setdefault(question, mine)
        if answer is not mine:
            return answer.result()
        try:
            verdict = ask()
        except BaseException as error:
            del answers[question]
            mine.set_exception(error if isinstance(error, Exception) else _interrupted())
            raise
        mine.set_result(verdict)
        return verdict


def _interrupted() -> ProtectionUnknown:
    return ProtectionUnknown("The check for protected environments was interrupted.")
