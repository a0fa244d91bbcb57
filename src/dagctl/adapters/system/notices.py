"""What a person has to be told, from where nobody prints: the `dagctl` logger, which shows warnings by default."""

from __future__ import annotations

import os
import sys

from dagctl.domain.values.text import harmless

_said: set[tuple[int, str]] = set()


def waiting(sentence: str) -> None:
    """Tell a person at a terminal what is waited for; nobody else has to know."""
    if sys.stderr is not None and sys.stderr.isatty():
        notice(sentence)


def notice(sentence: str) -> None:
    """Tell of something, once a process."""
    import logging

    said = os.getpid(), sentence
    if said not in _said:
        _said.add(said)
        logging.getLogger("dagctl").warning("dagctl: %s", harmless(sentence))
