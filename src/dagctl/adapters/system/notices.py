"""Notices to a person from code that never prints: warnings of the `dagctl` logger, which Python shows by default."""

from __future__ import annotations

import os

from dagctl.domain.values.text import printable

_said: set[tuple[int, str]] = set()


def notice(sentence: str) -> None:
    """Log a warning, once in each process."""
    import logging

    said = os.getpid(), sentence
    if said not in _said:
        _said.add(said)
        logging.getLogger("dagctl").warning("dagctl: %s", printable(sentence, 1000))
