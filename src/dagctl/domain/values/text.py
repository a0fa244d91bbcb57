"""Other people's words and lengths of time, made fit to be shown."""

from __future__ import annotations

import shlex
from datetime import timedelta


def printable(text: str, limit: int = 200) -> str:
    """`text` on one line without control characters, cut at `limit` characters."""
    clean = " ".join(_visible(text).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def quoted(word: str) -> str:
    """`word` as a single word of a command that a person may copy into a shell."""
    return shlex.quote(_visible(word))


def harmless(text: str) -> str:
    """`text` in its lines, with a blank for whatever cannot be seen: the one door of all that is shown.

    A terminal acts upon control characters (C0, and C1 in UTF-8 too), bidirectional marks make a line read as another
    (https://trojansource.codes), and separators of lines and paragraphs begin one that nobody has written.
    """
    return "\n".join(map(_visible, text.split("\n")))


def span(time: timedelta) -> str:
    """A length of time, roughly, in words."""
    seconds = int(time.total_seconds())
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)
