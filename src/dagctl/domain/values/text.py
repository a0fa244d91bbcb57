"""Other people's words, and lengths of time, in a form that is safe to show."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta


def printable(text: str, limit: int = 200) -> str:
    """`text` on one line without control characters, cut at `limit` characters."""
    clean = " ".join(_visible(text).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def quoted(word: str) -> str:
    """`word` quoted as a single word of a command that a person may copy into a shell."""
    return shlex.quote(_visible(word))


def harmless(text: str) -> str:
    """`text` with its line breaks, and a blank for each invisible character. Everything that dagctl shows passes here.

    A terminal acts on control characters (C0, and C1 in UTF-8 too), bidirectional marks make a line read differently
    (https://trojansource.codes), and line and paragraph separators start a line that nobody wrote.
    """
    return "\n".join(map(_visible, text.split("\n")))


def span(time: timedelta) -> str:
    """A rough length of time, in words."""
    seconds = int(time.total_seconds())
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


_DEVICE = re.compile(r"^(con|prn|aux|nul|(com|lpt)[\d¹²³])(?= *(\.|$))", re.IGNORECASE)


def no_device(name: str) -> str:
    """A file's name, changed if Windows reserves it: it does so whatever follows the first dot."""
    return _DEVICE.sub(r"\1-", name)
