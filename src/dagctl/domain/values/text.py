"""Other people's words, made fit to be shown."""

from __future__ import annotations

import shlex


def printable(text: str, limit: int = 200) -> str:
    """`text` on one line without control characters, cut at `limit` characters."""
    clean = " ".join(_visible(text).split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def quoted(word: str) -> str:
    """`word` as a single word of a command that a person may copy into a shell."""
    return shlex.quote(_visible(word))


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
